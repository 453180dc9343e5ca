// SPDX-License-Identifier: GPL-2.0-only
//! Small repositories in temporary folders.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nmissed_host::{Cmd, Host};
use test_case::test_case;

use crate::source::own::{OwnTree, Revision};

const MAKEFILE: &str = "VERSION = 7\nPATCHLEVEL = 2\nSUBLEVEL = 12\nEXTRAVERSION =\n";

struct Fixture {
    dir: tempfile::TempDir,
    host: Host,
}

impl Fixture {
    /// A kernel tree without git.
    fn folder() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::silent(dir.path().join("cache")).unwrap();
        let fixture = Self { dir, host };
        fs::create_dir_all(fixture.tree().join("kernel")).unwrap();
        for (name, text) in [
            ("Kbuild", ""),
            ("Kconfig", ""),
            ("Makefile", MAKEFILE),
            ("kernel/fork.c", "one\n"),
        ] {
            fixture.write(name, text);
        }
        fixture
    }

    /// The same as a git tree with one commit, tagged v7.2.
    fn repository() -> Self {
        let fixture = Self::folder();
        fixture.write(".gitignore", "*.o\n");
        fixture.git("init --quiet --initial-branch=main");
        fixture.commit("base");
        fixture.git("tag v7.2");
        fixture
    }

    fn tree(&self) -> PathBuf {
        self.dir.path().join("linux")
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.tree().join(name), text).unwrap();
    }

    fn git(&self, args: &str) -> Vec<String> {
        let author = ["-c", "user.name=a", "-c", "user.email=a@b"];
        let git = Cmd::new("git").arg("-C").arg(self.tree()).args(author);
        git.args(args.split(' ')).run().unwrap()
    }

    fn commit(&self, subject: &str) {
        self.git("add --all");
        self.git(&format!("commit --quiet --message {subject}"));
    }

    fn open(&self) -> OwnTree {
        OwnTree::open(&self.tree(), &self.host).unwrap()
    }

    /// Checks a state out to the same folder each time.
    fn check_out(&self, revision: &Revision) -> PathBuf {
        let source = self.dir.path().join("source");
        fs::create_dir_all(&source).unwrap();
        revision.check_out(&source).unwrap();
        source
    }

    /// Returns the error of a state that cannot be had.
    fn merge_base_error(&self, base: Option<&str>) -> String {
        let error = self.open().merge_base(base, None).unwrap_err();
        assert!(error.is_usage());
        error.to_string()
    }
}

/// Path, times, size and inode of all files below a folder, `.git` included.
fn stat_all(dir: &Path) -> Vec<(PathBuf, [i64; 6])> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        let links = i64::try_from(meta.nlink()).unwrap();
        let (inode, size) = (meta.ino().cast_signed(), meta.size().cast_signed());
        let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime_nsec()];
        all.push((
            path.clone(),
            [times[0], times[1], times[2], inode, size, links],
        ));
        if meta.is_dir() {
            all.extend(stat_all(&path));
        }
    }
    all.sort();
    all
}

/// Panics with what changed.
fn assert_untouched(dir: &Path, before: &[(PathBuf, [i64; 6])]) {
    let after = stat_all(dir);
    let changed: Vec<_> = after.iter().filter(|it| !before.contains(it)).collect();
    assert!(
        changed.is_empty() && before.len() == after.len(),
        "{changed:?}"
    );
}

fn read(source: &Path, name: &str) -> String {
    fs::read_to_string(source.join(name)).unwrap_or_default()
}

#[test]
fn working_tree_is_taken_as_it_is_and_left_as_it_was() {
    let fixture = Fixture::repository();
    fixture.write("kernel/fork.c", "two\n");
    fixture.write("kernel/new.c", "new\n");
    fixture.write("kernel/fork.o", "object\n");
    fixture.write("kernel/staged.c", "staged\n");
    fixture.git("add kernel/staged.c");
    fs::remove_file(fixture.tree().join("Kbuild")).unwrap();
    fixture.write("Kbuild", "");
    let before = stat_all(&fixture.tree());

    let tree = fixture.open();
    let head = tree.head(None).unwrap();
    let source = fixture.check_out(&head);
    let base = tree.merge_base(None, None).unwrap();
    assert_untouched(&fixture.tree(), &before);

    assert_eq!(head.release(), "7.2.12");
    assert_eq!(read(&source, "kernel/fork.c"), "two\n");
    assert_eq!(read(&source, "kernel/new.c"), "new\n");
    assert_eq!(read(&source, "kernel/staged.c"), "staged\n");
    assert!(!source.join("kernel/fork.o").exists(), "ignored");
    assert!(!head.is_same(&base));
    let source = fixture.check_out(&base);
    assert_eq!(read(&source, "kernel/fork.c"), "one\n");
    assert!(!source.join("kernel/new.c").exists());
}

#[test]
fn a_file_that_does_not_change_keeps_its_time() {
    let fixture = Fixture::repository();
    let source = fixture.check_out(&fixture.open().head(None).unwrap());
    let before = stat_all(&source);
    fixture.write("kernel/fork.c", "two\n");
    fixture.check_out(&fixture.open().head(None).unwrap());
    let after = stat_all(&source);
    let changed = before.iter().zip(&after).filter(|(old, new)| old != new);
    let changed: Vec<_> = changed.map(|((path, _), _)| path.clone()).collect();
    assert_eq!(
        changed,
        [source.join("kernel"), source.join("kernel/fork.c")]
    );
}

#[test]
fn an_interrupted_check_out_is_completed() {
    let fixture = Fixture::repository();
    let head = fixture.open().head(None).unwrap();
    let source = fixture.check_out(&head);
    fs::write(source.join("kernel/fork.c"), "half").unwrap();
    fs::write(source.join("kernel/other.c"), "of another state").unwrap();
    fs::remove_file(source.join("Kbuild")).unwrap();
    fs::write(fixture.dir.path().join("source.index.lock"), "").unwrap();
    fixture.check_out(&head);
    assert_eq!(read(&source, "kernel/fork.c"), "one\n");
    assert!(source.join("Kbuild").exists() && !source.join("kernel/other.c").exists());
}

#[test]
fn a_folder_without_git_is_its_files_without_build_products() {
    let fixture = Fixture::folder();
    fixture.write(".gitignore", "/*\n");
    for product in [".config", "vmlinux", "kernel/fork.o", "kernel/.fork.o.cmd"] {
        fixture.write(product, "made");
    }
    let before = stat_all(&fixture.tree());
    let tree = fixture.open();
    let first = tree.head(None).unwrap();
    assert_untouched(&fixture.tree(), &before);
    assert!(!tree.is_git());
    let source = fixture.check_out(&first);
    assert_eq!(read(&source, "kernel/fork.c"), "one\n");
    assert_eq!(read(&source, ".gitignore"), "/*\n");
    for product in [".config", "vmlinux", "kernel/fork.o", "kernel/.fork.o.cmd"] {
        assert!(!source.join(product).exists(), "{product}");
    }
    fixture.write("kernel/fork.c", "two\n");
    fixture.write("kernel/a b.c", "new\n");
    fs::remove_file(fixture.tree().join(".gitignore")).unwrap();
    let second = fixture.open().head(None).unwrap();
    assert!(!second.is_same(&first));
    fixture.check_out(&second);
    assert_eq!(read(&source, "kernel/fork.c"), "two\n");
    assert_eq!(read(&source, "kernel/a b.c"), "new\n");
    assert!(!source.join(".gitignore").exists());
}

/// More names than a line of a program's output may have bytes, and some to be quoted.
#[test]
fn a_folder_without_git_may_have_many_files_and_any_names() {
    let fixture = Fixture::folder();
    let many = (0..3000).map(|n| format!("kernel/a-file-with-a-longer-name-{n}.c"));
    let odd = ["ä", "\"", "\n", " ", "\\"].map(|it| format!("kernel/{it}.c"));
    let names: Vec<_> = many.chain(odd).collect();
    names.iter().for_each(|name| fixture.write(name, name));
    let source = fixture.check_out(&fixture.open().head(None).unwrap());
    for name in &names {
        assert_eq!(read(&source, name), *name);
    }
}

#[test]
fn base_is_the_upstream_branch_then_the_newest_tag() {
    let fixture = Fixture::repository();
    fixture.git("checkout --quiet -b topic");
    fixture.write("kernel/fork.c", "two\n");
    fixture.commit("two");
    let same = |base: Option<&str>, revision: &str| {
        let tree = fixture.open();
        let base = tree.merge_base(base, None).unwrap();
        base.is_same(&tree.head(Some(revision)).unwrap())
    };
    assert!(same(None, "v7.2"));
    assert!(same(Some("topic"), "topic"));
    fixture.git("checkout --quiet main");
    fixture.write("kernel/main.c", "\n");
    fixture.commit("main");
    fixture.git("checkout --quiet topic");
    fixture.git("tag newer");
    fixture.git("branch --quiet --set-upstream-to=main");
    assert!(same(None, "v7.2"), "main has a commit that topic lacks");
}

#[test]
fn a_linked_worktree_is_a_tree_of_its_own() {
    let fixture = Fixture::repository();
    let linked = fixture.dir.path().join("linked");
    fixture.git(&format!("worktree add --quiet {}", linked.display()));
    fs::write(linked.join("kernel/fork.c"), "linked\n").unwrap();
    let tree = OwnTree::open(&linked, &fixture.host).unwrap();
    let source = fixture.check_out(&tree.head(None).unwrap());
    assert_eq!(read(&source, "kernel/fork.c"), "linked\n");
}

#[test_case("Makefile" => "Makefile is missing at its top"; "no Makefile")]
#[test_case("kernel" => "Kbuild is missing at its top"; "a folder of a kernel")]
#[test_case("none" => "cannot be opened"; "nothing there")]
fn what_is_no_kernel_tree_is_refused(case: &str) -> String {
    let fixture = Fixture::repository();
    let dir = match case {
        "Makefile" => {
            fs::remove_file(fixture.tree().join(case)).unwrap();
            fixture.tree()
        }
        name => fixture.tree().join(name),
    };
    let error = OwnTree::open(&dir, &fixture.host).unwrap_err();
    assert!(error.is_usage());
    let works = fixture.host.cache.root().join("work").exists();
    assert!(!works, "nothing is left in the cache");
    let text = error.to_string();
    assert!(text.starts_with(&dir.display().to_string()), "{text}");
    let known = [
        "Makefile is missing at its top",
        "Kbuild is missing at its top",
        "cannot be opened",
    ];
    known
        .into_iter()
        .find(|it| text.contains(it))
        .unwrap()
        .to_owned()
}

#[test]
fn a_missing_base_is_named() {
    let fixture = Fixture::repository();
    let unknown = fixture.merge_base_error(Some("v9"));
    assert!(unknown.contains("there is no revision \"v9\""), "{unknown}");
    fixture.git("checkout --quiet --orphan other");
    fixture.commit("other");
    let unrelated = fixture.merge_base_error(Some("main"));
    assert!(
        unrelated.contains("main and HEAD have no merge base"),
        "{unrelated}"
    );
    let nothing = fixture.merge_base_error(None);
    assert!(nothing.contains("--base REV"), "{nothing}");
}

#[test]
fn a_revision_before_the_kernel_is_refused() {
    let fixture = Fixture::repository();
    fixture.git("rm --quiet --cached Kconfig");
    fixture.git("commit --quiet --message less");
    let error = fixture.open().head(Some("HEAD")).unwrap_err().to_string();
    assert!(
        error.contains("HEAD is no Linux source: Kconfig is missing"),
        "{error}"
    );
}
