// SPDX-License-Identifier: GPL-2.0-only
//! Patches in order, and what they make of a tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nmissed_host::{Cache, Cmd, Finished, Progress};

use crate::error::{PatchFailure, says_disk_full};
use crate::kernels::is_name;
use crate::patch::touched_files;
use crate::patch_output::{fuzzy_hunks, problems};
use crate::{Error, Result, SourceTree, scratch};

/// The stacks of patches that make up each variant, the lowest first.
pub const VARIANTS: [(&str, &[&str]); 4] = [
    ("baseline", &[]),
    ("counters", &["counters"]),
    ("active", &["counters", "active"]),
    ("guarded", &["counters", "guarded"]),
];

/// The stack below the others. A kernel may have none of its patches.
const OPTIONAL_STACK: &str = "counters";

/// The kernel release has room for 64 characters (`__NEW_UTS_LEN`), most of
/// them for its version.
const LONGEST_NAME: usize = 24;

/// Patches in the order in which they are applied, and the name of what they
/// make.
#[derive(Clone, Debug)]
pub struct Series {
    pub(crate) name: String,
    pub(crate) patches: Vec<Patch>,
}

/// One patch, read and parsed.
#[derive(Clone, Debug)]
pub(crate) struct Patch {
    pub(crate) file: PathBuf,
    pub(crate) text: Vec<u8>,
    touched: BTreeSet<String>,
}

/// The files of a tree that differ from the pristine one; `None` is absent.
pub(crate) type Overlay = BTreeMap<String, Option<Content>>;

/// What a file holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    pub(crate) executable: bool,
}

impl Series {
    /// The patches of a variant: `patches/<base>/<stack>/*.patch` for each of
    /// its stacks, sorted by name.
    ///
    /// # Errors
    /// [`Error::UnknownVariant`], [`Error::NoStack`], [`Error::BadInput`] with
    /// the line of a patch that cannot be understood.
    pub fn for_variant(patches_dir: &Path, base: &str, variant: &str) -> Result<Self> {
        let (_, stacks) = VARIANTS
            .iter()
            .find(|(name, _)| *name == variant)
            .ok_or_else(|| unknown_variant(variant))?;
        let mut files = Vec::new();
        for &stack in *stacks {
            let folder = patches_dir.join(base).join(stack);
            let patches = patch_files(&folder)?;
            if patches.is_empty() && (stack != OPTIONAL_STACK || variant == OPTIONAL_STACK) {
                let (variant, base) = (variant.to_owned(), base.to_owned());
                return Err(Error::NoStack {
                    variant,
                    base,
                    folder,
                });
            }
            files.extend(patches);
        }
        Self::from_files(variant, &files)
    }

    /// Patches of one's own; `name` becomes part of the kernel release.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a name that a release cannot hold or a patch
    /// that cannot be read or understood.
    pub fn from_files(name: &str, files: &[PathBuf]) -> Result<Self> {
        if !is_name(name) || name.len() > LONGEST_NAME {
            let problem = format!(
                "is not a name for a variant: at most {LONGEST_NAME} letters, digits and .+-"
            );
            return Err(Error::bad_input(name, problem));
        }
        let patches = files
            .iter()
            .map(|file| Patch::read(file))
            .collect::<Result<_>>()?;
        Ok(Self {
            name: name.to_owned(),
            patches,
        })
    }

    /// The variant's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The patch files in order.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.patches.iter().map(|patch| patch.file.as_path())
    }

    /// What the series makes of a tree, which is not changed.
    pub(crate) fn apply(
        &self,
        tree: &SourceTree,
        cache: &Cache,
        progress: &dyn Progress,
    ) -> Result<Overlay> {
        let scratch = scratch::any(cache)?;
        let touched: BTreeSet<_> = self
            .patches
            .iter()
            .flat_map(|patch| &patch.touched)
            .collect();
        for &name in &touched {
            if let Some(content) = Content::read(&tree.dir.join(name))? {
                content.write(&scratch.path().join(name))?;
            }
        }
        for patch in &self.patches {
            for fuzzy in patch.apply(scratch.path(), tree)? {
                progress.say(&format!("{}: {fuzzy}", patch.file.display()));
            }
        }
        let changed =
            |name: &String| Ok((name.clone(), Content::read(&scratch.path().join(name))?));
        touched.into_iter().map(changed).collect()
    }
}

/// Whether every patch of a series applies to a tree, which is not changed.
///
/// # Errors
/// [`Error::Patch`] for the first that does not; [`Error::Host`].
pub fn check_applies(
    series: &Series,
    tree: &SourceTree,
    cache: &Cache,
    progress: &dyn Progress,
) -> Result<()> {
    series.apply(tree, cache, progress).map(drop)
}

fn unknown_variant(variant: &str) -> Error {
    let known = VARIANTS.map(|(name, _)| name).join(", ");
    Error::UnknownVariant {
        variant: variant.to_owned(),
        known,
    }
}

/// The patches in a folder, sorted; none if there is no such folder.
fn patch_files(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        files.push(entry.map_err(Error::io("read", folder))?.path());
    }
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "patch")
    });
    files.sort();
    Ok(files)
}

impl Patch {
    fn read(file: &Path) -> Result<Self> {
        let bad = |problem: String| Error::bad_input(file, problem);
        let text = fs::read(file).map_err(|error| bad(error.to_string()))?;
        let touched = touched_files(&String::from_utf8_lossy(&text)).map_err(bad)?;
        Ok(Self {
            file: file.to_owned(),
            text,
            touched,
        })
    }

    /// Changes the files in `dir`; tells which hunks needed fuzz.
    fn apply(&self, dir: &Path, tree: &SourceTree) -> Result<Vec<String>> {
        let input = std::path::absolute(&self.file).map_err(Error::io("find", &self.file))?;
        // --force: ask nothing, and do not take a patch for its own reverse.
        let patch = Cmd::new("patch")
            .args([
                "--strip=1",
                "--force",
                "--fuzz=2",
                "--no-backup-if-mismatch",
            ])
            .args(["--reject-file=-", "--input"])
            .arg(input)
            .dir(dir)
            .env("LC_ALL", "C");
        let Finished { status, lines } = patch.finish(|_| ())?;
        if status.success() {
            return Ok(fuzzy_hunks(&lines));
        }
        if let Some(line) = lines.iter().find(|line| says_disk_full(line)) {
            return Err(Error::DiskFull {
                detail: line.clone(),
            });
        }
        let reverse = patch.args(["--reverse", "--dry-run"]).finish(|_| ())?;
        let mut problems = problems(&lines);
        if problems.is_empty() {
            problems = lines;
        }
        Err(Error::Patch(Box::new(PatchFailure {
            patch: self.file.clone(),
            tree: tree.identity.clone(),
            problems,
            already_applied: reverse.status.success(),
        })))
    }
}

impl Content {
    /// What is at `path`, if anything.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        match fs::read(path) {
            Ok(bytes) => {
                let mode = fs::metadata(path)
                    .map_err(Error::io("read", path))?
                    .permissions()
                    .mode();
                Ok(Some(Self {
                    bytes,
                    executable: mode & 0o100 != 0,
                }))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", path)(error)),
        }
    }

    /// Puts it at `path` as a new file, so that other links to what was there
    /// keep it.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let parent = path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        nmissed_host::write_atomic(path, &self.bytes)?;
        let mode = if self.executable { 0o755 } else { 0o644 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .map_err(Error::io("change", path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nmissed_host::Silent;
    use test_case::test_case;

    const CHANGE: &str =
        "--- a/kernel/fork.c\n+++ b/kernel/fork.c\n@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n";
    const AGAIN: &str =
        "--- a/kernel/fork.c\n+++ b/kernel/fork.c\n@@ -1,3 +1,3 @@\n one\n-TWO\n+2\n three\n";
    const ADD: &str = "diff --git a/new.sh b/new.sh\nnew file mode 100755\n--- /dev/null\n+++ b/new.sh\n@@ -0,0 +1 @@\n+hi\n";
    const REMOVE: &str = "--- a/old.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-old\n";
    const MISSING: &str = "--- a/none.c\n+++ b/none.c\n@@ -1 +1 @@\n-a\n+b\n";

    struct Fixture {
        dir: tempfile::TempDir,
        tree: SourceTree,
        cache: Cache,
    }

    fn fixture() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let tree = SourceTree {
            identity: "linux-1".into(),
            dir: dir.path().join("tree"),
        };
        fs::create_dir_all(tree.dir.join("kernel")).unwrap();
        fs::write(tree.dir.join("kernel/fork.c"), "one\ntwo\nthree\n").unwrap();
        fs::write(tree.dir.join("old.c"), "old\n").unwrap();
        let cache = Cache::at(dir.path().join("cache")).unwrap();
        Fixture { dir, tree, cache }
    }

    impl Fixture {
        fn series(&self, patches: &[&str]) -> Series {
            let files: Vec<_> = (1..)
                .zip(patches)
                .map(|(number, text)| {
                    let file = self.dir.path().join(format!("{number:04}.patch"));
                    fs::write(&file, text).unwrap();
                    file
                })
                .collect();
            Series::from_files("mine", &files).unwrap()
        }

        fn apply(&self, patches: &[&str]) -> Result<Overlay> {
            self.series(patches).apply(&self.tree, &self.cache, &Silent)
        }
    }

    fn text(bytes: &str) -> Option<Content> {
        Some(Content {
            bytes: bytes.into(),
            executable: false,
        })
    }

    #[test]
    fn patches_build_on_each_other() {
        let overlay = fixture().apply(&[CHANGE, AGAIN]).unwrap();
        assert_eq!(
            overlay,
            Overlay::from([("kernel/fork.c".into(), text("one\n2\nthree\n"))])
        );
    }

    #[test]
    fn files_are_added_and_removed() {
        let overlay = fixture().apply(&[ADD, REMOVE]).unwrap();
        let added = Some(Content {
            bytes: b"hi\n".into(),
            executable: true,
        });
        assert_eq!(
            overlay,
            Overlay::from([("new.sh".into(), added), ("old.c".into(), None)])
        );
    }

    #[test_case(&[AGAIN], "kernel/fork.c: hunk #1 does not match at line 1", "0001.patch"; "hunk")]
    #[test_case(&[CHANGE, MISSING], "none.c: is not in the tree", "0002.patch"; "second patch, missing file")]
    #[test_case(&[CHANGE, CHANGE], "remove the patch", "0002.patch"; "applied already")]
    fn a_failure_is_located_and_the_tree_is_left(patches: &[&str], problem: &str, patch: &str) {
        let fixture = fixture();
        let error = fixture.apply(patches).unwrap_err();
        let message = error.to_string();
        assert!(error.is_usage());
        assert!(
            message.contains(problem) && message.contains(patch),
            "{message}"
        );
        assert_eq!(
            Content::read(&fixture.tree.dir.join("kernel/fork.c")).unwrap(),
            text("one\ntwo\nthree\n")
        );
        assert_eq!(
            fs::read_dir(fixture.cache.root().join("tmp"))
                .unwrap()
                .count(),
            0
        );
    }

    #[test]
    fn a_malformed_patch_is_located() {
        let error = fixture()
            .apply(&["--- a/old.c\n+++ b/old.c\n@@ -1,2 +1,2 @@\n-old\nx\n"])
            .unwrap_err();
        assert!(
            error.to_string().contains("malformed patch at line 5"),
            "{error}"
        );
    }

    #[test_case("baseline", Ok(&[]); "baseline")]
    #[test_case("active", Ok(&["active/0001-a.patch", "active/0002-b.patch"]); "sorted, without counters")]
    #[test_case("guarded", Err("variant guarded has no patches for 6.12"); "missing stack")]
    #[test_case("counters", Err("variant counters has no patches for 6.12"); "counters asked for")]
    #[test_case("fast", Err("there is no variant \"fast\"; there are baseline, counters, active, guarded"); "unknown")]
    fn stacks_of_a_variant(variant: &str, expected: Result<&[&str], &str>) {
        let dir = tempfile::tempdir().unwrap();
        let stack = dir.path().join("6.12/active");
        fs::create_dir_all(&stack).unwrap();
        for name in ["0002-b.patch", "0001-a.patch", "README"] {
            fs::write(stack.join(name), CHANGE).unwrap();
        }
        match (Series::for_variant(dir.path(), "6.12", variant), expected) {
            (Ok(series), Ok(files)) => {
                let expected = files.iter().map(|file| dir.path().join("6.12").join(file));
                assert!(series.files().eq(expected), "{series:?}");
            }
            (Err(error), Err(start)) => assert!(error.to_string().starts_with(start), "{error}"),
            (result, _) => panic!("{result:?}"),
        }
    }

    #[test]
    fn counters_come_first_where_there_are_any() {
        let dir = tempfile::tempdir().unwrap();
        for stack in ["active", "counters"] {
            fs::create_dir_all(dir.path().join("7.3").join(stack)).unwrap();
            fs::write(
                dir.path().join("7.3").join(stack).join("0001.patch"),
                CHANGE,
            )
            .unwrap();
        }
        let series = Series::for_variant(dir.path(), "7.3", "active").unwrap();
        let stacks: Vec<_> = series
            .files()
            .map(|file| file.parent().unwrap().file_name().unwrap())
            .collect();
        assert_eq!(stacks, ["counters", "active"]);
    }

    #[test_case(""; "empty")]
    #[test_case("a b"; "blank")]
    #[test_case("../x"; "path")]
    #[test_case("a-name-that-is-longer-than-a-release"; "long")]
    fn names_that_a_release_cannot_hold(name: &str) {
        assert!(matches!(
            Series::from_files(name, &[]),
            Err(Error::BadInput { .. })
        ));
    }
}
