// SPDX-License-Identifier: GPL-2.0-only
//! Applying a series to a tree.

use std::collections::BTreeSet;
use std::path::Path;

use nmissed_host::{Cmd, Finished, Host};

use crate::error::PatchFailure;
use crate::patch::gnu_patch::{fuzzy_hunks, problems};
use crate::patch::overlay::{Content, Overlay};
use crate::patch::series::Patch;
use crate::patch::series::Series;
use crate::source::SourceTree;
use crate::{Error, Result, scratch};

/// Checks that every patch of a series applies to a tree, which is not changed.
///
/// # Errors
/// [`Error::Patch`] for the first that does not; [`Error::Host`].
pub fn check_applies(series: &Series, tree: &SourceTree, host: &Host) -> Result<()> {
    series.apply(tree, host).map(drop)
}

impl Series {
    /// Returns the files that the series changes, as it leaves them; the tree itself is
    /// not changed.
    pub(crate) fn apply(&self, tree: &SourceTree, host: &Host) -> Result<Overlay> {
        let scratch = scratch::any(&host.cache)?;
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
        // A mutant's text differs from its file.
        let text = scratch::any(&host.cache)?;
        let input = text.path().join("patch");
        for patch in &self.patches {
            nmissed_host::write_atomic(&input, &patch.text)?;
            for fuzzy in patch.apply(scratch.path(), &input, tree)? {
                host.say(&format!("{}: {fuzzy}", patch.file.display()));
            }
        }
        let changed =
            |name: &String| Ok((name.clone(), Content::read(&scratch.path().join(name))?));
        touched.into_iter().map(changed).collect()
    }
}

impl Patch {
    /// Changes the files in `dir`; returns the hunks that needed fuzz.
    fn apply(&self, dir: &Path, input: &Path, tree: &SourceTree) -> Result<Vec<String>> {
        // Before the patch is applied: one that fails may have changed some files.
        let already_applied = gnu_patch(dir, input, &["--reverse", "--dry-run"])?
            .status
            .success();
        let Finished { status, lines } = gnu_patch(dir, input, &[])?;
        if status.success() {
            return Ok(fuzzy_hunks(&lines));
        }
        if let Some(error) = Error::disk_full(&lines) {
            return Err(error);
        }
        let problems = problems(&lines);
        Err(Error::Patch(Box::new(PatchFailure {
            patch: self.file.clone(),
            tree: tree.identity.clone(),
            problems: if problems.is_empty() { lines } else { problems },
            already_applied,
        })))
    }
}

fn gnu_patch(dir: &Path, input: &Path, options: &[&str]) -> Result<Finished> {
    // --force: no questions, and no guess that a patch is reversed.
    let patch = Cmd::new("patch")
        .args([
            "--strip=1",
            "--force",
            "--fuzz=2",
            "--no-backup-if-mismatch",
        ])
        .args(["--reject-file=-", "--input"])
        .arg(input)
        .args(options);
    Ok(patch.dir(dir).env("LC_ALL", "C").finish(|_| ())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use test_case::test_case;

    const CHANGE: &str =
        "--- a/kernel/fork.c\n+++ b/kernel/fork.c\n@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n";
    const AGAIN: &str =
        "--- a/kernel/fork.c\n+++ b/kernel/fork.c\n@@ -1,3 +1,3 @@\n one\n-TWO\n+2\n three\n";
    const ADD: &str = "diff --git a/new.sh b/new.sh\nnew file mode 100755\n--- /dev/null\n+++ b/new.sh\n@@ -0,0 +1 @@\n+hi\n";
    const REMOVE: &str = "--- a/old.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-old\n";
    const MISSING: &str = "--- a/none.c\n+++ b/none.c\n@@ -1 +1 @@\n-a\n+b\n";

    /// [`CHANGE`] and a change of another file.
    const MORE: &str = "--- a/kernel/fork.c\n+++ b/kernel/fork.c\n@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n--- a/old.c\n+++ b/old.c\n@@ -1 +1 @@\n-old\n+new\n";

    struct Fixture {
        dir: tempfile::TempDir,
        tree: SourceTree,
        host: Host,
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
        let host = Host::silent(dir.path().join("cache")).unwrap();
        Fixture { dir, tree, host }
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
            self.series(patches).apply(&self.tree, &self.host)
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
    #[test_case(&[CHANGE, MORE], "Rebase the patch", "0002.patch"; "applied in part")]
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
            fs::read_dir(fixture.host.cache.root().join("tmp"))
                .unwrap()
                .count(),
            0
        );
    }

    #[test]
    fn a_hunk_that_is_dropped_is_not_applied() {
        let both = "--- a/kernel/fork.c\n+++ b/kernel/fork.c\n@@ -1 +1 @@\n-one\n+ONE\n\
                    @@ -3 +3 @@\n-three\n+THREE\n";
        let fixture = fixture();
        let left = fixture
            .series(&[both])
            .mutants(0)
            .into_iter()
            .map(|mutant| {
                let overlay = mutant.series.apply(&fixture.tree, &fixture.host);
                overlay.unwrap()["kernel/fork.c"].clone()
            });
        assert_eq!(
            left.collect::<Vec<_>>(),
            [text("one\ntwo\nTHREE\n"), text("ONE\ntwo\nthree\n")]
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
}
