// SPDX-License-Identifier: GPL-2.0-only
//! `patches/<kernel>/<stack>/uncovered.toml`: hunks without which all tests pass, and
//! why.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::review::mutant::Mutant;
use crate::{Error, Result};

const FILE: &str = "uncovered.toml";

/// The hunks of a stack without which all tests pass, for a known reason.
#[derive(Clone, Debug, Default)]
pub struct Uncovered {
    file: PathBuf,
    hunks: Vec<KnownHunk>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UncoveredFile {
    #[serde(default)]
    hunk: Vec<KnownHunk>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownHunk {
    /// Number of the patch: `0002`.
    patch: String,
    file: String,
    /// Number of the hunk in the file, from 1.
    number: usize,
    why: String,
}

impl Uncovered {
    /// Reads the file in the folder of a stack; without one there are no such hunks.
    ///
    /// # Errors
    /// [`Error::BadInput`] with the line of a mistake, [`Error::Host`].
    pub fn load(stack: &Path) -> Result<Self> {
        let file = stack.join(FILE);
        let text = match std::fs::read_to_string(&file) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            read => read.map_err(Error::io("read", &file))?,
        };
        let raw: UncoveredFile =
            toml::from_str(&text).map_err(|error| Error::bad_input(&file, error.to_string()))?;
        Ok(Self {
            file,
            hunks: raw.hunk,
        })
    }

    /// Returns the reason for a hunk, if it has one.
    #[must_use]
    pub fn why(&self, mutant: &Mutant) -> Option<&str> {
        let entry = self.hunks.iter().find(|entry| entry.is(mutant));
        entry.map(|entry| entry.why.as_str())
    }

    /// Checks that each hunk in the file is one of the stack.
    ///
    /// # Errors
    /// [`Error::BadInput`] for the first that is not.
    pub fn check(&self, mutants: &[Mutant]) -> Result<()> {
        let is_known = |entry: &&KnownHunk| mutants.iter().any(|mutant| entry.is(mutant));
        match self.hunks.iter().find(|entry| !is_known(entry)) {
            None => Ok(()),
            Some(KnownHunk {
                patch,
                file,
                number,
                ..
            }) => Err(Error::bad_input(
                &self.file,
                format!("patch {patch} has no hunk {number} of {file}"),
            )),
        }
    }
}

impl KnownHunk {
    fn is(&self, mutant: &Mutant) -> bool {
        mutant.number == self.number
            && mutant.file == self.file
            && mutant.patch.split('-').next() == Some(self.patch.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patch::Series;
    use std::fs;
    use test_case::test_case;

    const X: &str = "--- a/mm/x.c\n+++ b/mm/x.c\n@@ -1 +1 @@\n-a\n+b\n@@ -9 +9 @@\n-c\n+d\n";

    fn stack(uncovered: &str) -> (tempfile::TempDir, Vec<Mutant>) {
        let dir = tempfile::tempdir().unwrap();
        let patch = dir.path().join("0001-x.patch");
        fs::write(&patch, X).unwrap();
        fs::write(dir.path().join(FILE), uncovered).unwrap();
        let mutants = Series::from_files("mine", &[patch]).unwrap().mutants(0);
        (dir, mutants)
    }

    #[test]
    fn a_reason_belongs_to_a_hunk() {
        let text = "[[hunk]]\npatch = \"0001\"\nfile = \"mm/x.c\"\nnumber = 2\nwhy = \"so\"\n";
        let (dir, mutants) = stack(text);
        let uncovered = Uncovered::load(dir.path()).unwrap();
        uncovered.check(&mutants).unwrap();
        let why: Vec<_> = mutants.iter().map(|it| uncovered.why(it)).collect();
        assert_eq!(why, [None, Some("so")]);
    }

    #[test]
    fn a_stack_needs_no_such_file() {
        let dir = tempfile::tempdir().unwrap();
        Uncovered::load(dir.path()).unwrap().check(&[]).unwrap();
    }

    #[test_case("[[hunk]]\npatch = \"0001\"\nfile = \"mm/x.c\"\nnumber = 3\nwhy = \"so\"\n",
        "patch 0001 has no hunk 3 of mm/x.c"; "a hunk that is not there")]
    #[test_case("[[hunk]]\npatch = \"0001\"\n", "missing field"; "half an entry")]
    fn a_mistake_is_named(text: &str, expected: &str) {
        let (dir, mutants) = stack(text);
        let error = Uncovered::load(dir.path())
            .and_then(|it| it.check(&mutants))
            .unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
