// SPDX-License-Identifier: GPL-2.0-only
//! git on an author's repository, with every write in the cache.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use nmissed_host::{Cmd, Lock, hash_parts};
use tempfile::NamedTempFile;

use crate::git::git;
use crate::{Error, Result};

/// Settings of the author that would change what is checked out, or start programs.
const SETTINGS: [&str; 8] = [
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.sparseCheckout=false",
    "-c",
    "core.splitIndex=false",
    "-c",
    "core.safecrlf=false",
];

/// Names of files that builds leave in a source folder without git. The `.gitignore`
/// of such a folder cannot be used: that of Debian's sources ignores everything.
const BUILD_PRODUCTS: &str = "\
*.o\n*.a\n*.ko\n*.cmd\n*.d\n*.mod\n*.mod.c\n*.order\n*.symvers\n.tmp_*\n\
/.config\n/.config.old\n/vmlinux\n/vmlinux.*\n!/vmlinux.lds.S\n/System.map\n\
/.version\n/.missing-syscalls.d\n/include/config/\n/include/generated/\n\
/arch/*/include/generated/\n/arch/*/boot/bzImage\n.git\n";

/// A repository whose objects are read, and the folder of the cache for what is added.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Repository {
    /// The author's tree.
    pub(crate) tree: PathBuf,
    /// The author's `.git`, or one in `dir` for a folder that has none.
    git_dir: PathBuf,
    /// The author's objects; `None` for a folder that has none.
    objects: Option<PathBuf>,
    /// Folder of the cache: `git/`, and the lock on it.
    dir: PathBuf,
}

impl Repository {
    /// Opens the repository whose working tree is `tree`, or makes one in the cache of a
    /// folder that is none.
    pub(crate) fn open(tree: &Path, work: &Path) -> Result<Self> {
        let dir = work.join("git");
        let own = dir.join("objects");
        fs::create_dir_all(&own).map_err(Error::io("create", &own))?;
        let mut repository = Self {
            tree: tree.to_owned(),
            git_dir: dir.join("repository"),
            objects: None,
            dir,
        };
        let rev_parse = |what: &[&str]| {
            let cmd = git(tree).arg("rev-parse").args(what);
            Ok::<_, Error>(cmd.run()?.into_iter().next().map(PathBuf::from))
        };
        if tree.join(".git").exists() {
            let found = rev_parse(&["--absolute-git-dir"])?;
            repository.git_dir = found.unwrap_or_else(|| tree.join(".git"));
            let objects = rev_parse(&["--git-path", "objects"])?;
            repository.objects = objects.map(|path| tree.join(path));
        } else if !repository.git_dir.is_dir() {
            let init = git(tree).args(["init", "--quiet", "--bare"]);
            init.arg(&repository.git_dir).run()?;
        }
        Ok(repository)
    }

    /// Whether the author's folder is a git tree.
    pub(crate) fn is_git(&self) -> bool {
        self.objects.is_some()
    }

    /// git for what reads objects and references alone.
    pub(crate) fn read(&self) -> Cmd {
        self.at(&self.tree, &self.dir.join("no-index"))
    }

    /// git with another working tree and index, to read objects.
    pub(crate) fn at(&self, tree: &Path, index: &Path) -> Cmd {
        let git = self.without_objects(tree, index);
        match &self.objects {
            Some(objects) => git.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted(objects)),
            None => git,
        }
    }

    /// git that adds the files of the tree to an index. It does not see the author's
    /// objects: those that it would write again it would give a new time.
    fn adding(&self, index: &Path) -> Cmd {
        self.without_objects(&self.tree, index)
    }

    fn without_objects(&self, tree: &Path, index: &Path) -> Cmd {
        let git = git(&self.tree).args(SETTINGS);
        git.env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_DIR", &self.git_dir)
            .env("GIT_WORK_TREE", tree)
            .env("GIT_INDEX_FILE", index)
            .env("GIT_OBJECT_DIRECTORY", self.dir.join("objects"))
    }

    /// Returns the git tree of the working tree as it is: changes that are not committed
    /// and files that are neither tracked nor ignored included.
    pub(crate) fn working_tree(&self) -> Result<String> {
        let _lock = Lock::acquire(&self.dir.join("lock"), || ())?;
        let id = if self.is_git() {
            self.add_to_copy_of_index()?
        } else {
            self.add_folder()?
        };
        id.ok_or_else(|| Error::bad_input(&self.tree, "git names no tree for it"))
    }

    /// The copy has the times of the author's files, so that only changed ones are read.
    fn add_to_copy_of_index(&self) -> Result<Option<String>> {
        let copy = NamedTempFile::new_in(&self.dir).map_err(Error::io("write in", &self.dir))?;
        let own = self.git_dir.join("index");
        if own.is_file() {
            fs::copy(&own, copy.path()).map_err(Error::io("copy", own))?;
        } else {
            let _ = fs::remove_file(copy.path());
        }
        let git = || self.adding(copy.path());
        git().args(["add", "--all", "."]).run()?;
        Ok(git()
            .args(["write-tree", "--missing-ok"])
            .run()?
            .into_iter()
            .next())
    }

    fn add_folder(&self) -> Result<Option<String>> {
        let index = self.dir.join("index");
        remove_stale_lock(&index)?;
        let excludes = self.dir.join("build-products");
        nmissed_host::write_atomic(&excludes, BUILD_PRODUCTS.as_bytes())?;
        let git = || self.adding(&index).args(["-c", "core.compression=0"]);
        git().args(["add", "--update"]).run()?;
        let list = git().args(["ls-files", "--others", "--exclude-from"]);
        let new = list.arg(&excludes).run()?.join("\n");
        if !new.is_empty() {
            let list = self.dir.join("new-files");
            nmissed_host::write_atomic(&list, new.as_bytes())?;
            let names = fs::File::open(&list).map_err(Error::io("open", &list))?;
            // `git add` compares each of so many names with each file.
            let add = git().args(["update-index", "--add", "--stdin"]);
            add.stdin(names).run()?;
        }
        Ok(git().arg("write-tree").run()?.into_iter().next())
    }
}

/// Returns the name of a tree's folder below `work/`: the same for each call on the tree.
pub(crate) fn work_name(tree: &Path) -> String {
    let name = tree.file_name().unwrap_or_default().to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || ".+-_".contains(c);
    let name: String = name.chars().filter(|c| plain(*c)).take(40).collect();
    let hash = hash_parts([tree.as_os_str().as_encoded_bytes()]);
    format!("own-{name}-{}", &hash[..12])
}

/// Removes what a killed git left; the caller has the lock.
pub(crate) fn remove_stale_lock(index: &Path) -> Result<()> {
    let mut lock = index.as_os_str().to_owned();
    lock.push(".lock");
    match fs::remove_file(&lock) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("remove", lock)(error))
        }
        _ => Ok(()),
    }
}

/// A path for a list in which colons separate.
fn quoted(path: &Path) -> OsString {
    let text = path.to_string_lossy();
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\"")).into()
}
