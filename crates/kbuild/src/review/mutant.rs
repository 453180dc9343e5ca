// SPDX-License-Identifier: GPL-2.0-only
//! A series without one of its hunks.

use std::fmt;

use crate::patch::{Diff, HunkPlace, Part, Patch, Series};

/// One hunk of a series, and the series without it.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// File name of the patch.
    pub patch: String,
    /// File that the hunk changes.
    pub file: String,
    /// Number of the hunk in that file, from 1.
    pub number: usize,
    /// Line of the patch where it begins, from 1.
    pub line: usize,
    /// Why no kernel here differs without it.
    pub pointless: Option<Pointless>,
    /// The series without it, with the name and the behaviours of the whole series: the
    /// same is expected of it.
    pub series: Series,
}

/// Why no kernel that is built here differs without a hunk.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Pointless {
    /// Kernels are not built from the file.
    Part(Part),
    /// It changes comments only.
    Comment,
    /// The objects are the same without it: it concerns options with another value here.
    SameCode,
}

impl fmt::Display for Pointless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(part) => part.fmt(f),
            Self::Comment => f.write_str("comment"),
            Self::SameCode => f.write_str("the same code in this configuration"),
        }
    }
}

impl Series {
    /// Returns the series without one hunk, for each hunk of its patches after the first
    /// `below`, in order.
    #[must_use]
    pub fn mutants(&self, below: usize) -> Vec<Mutant> {
        let own = self.patches.iter().enumerate().skip(below);
        own.flat_map(|(index, patch)| self.mutants_of(index, patch))
            .collect()
    }

    fn mutants_of(&self, index: usize, patch: &Patch) -> Vec<Mutant> {
        let text = String::from_utf8_lossy(&patch.text);
        let diff = Diff::parse(&text).expect("the patch was parsed when it was read");
        let mutant = |hunk: HunkPlace<'_>| Mutant {
            patch: patch.file_name(),
            file: hunk.file.to_owned(),
            number: hunk.number,
            line: hunk.line,
            pointless: pointless(hunk.file, diff.changed_lines(&hunk)),
            series: self.with(index, patch.with_text(diff.without(&hunk))),
        };
        diff.hunks().into_iter().map(mutant).collect()
    }

    /// Returns the series with a patch replaced or removed.
    fn with(&self, index: usize, patch: Option<Patch>) -> Self {
        let mut series = self.clone();
        series.patches.splice(index..=index, patch);
        series
    }
}

fn pointless<'a>(file: &str, mut changed: impl Iterator<Item = &'a str>) -> Option<Pointless> {
    Part::of(file)
        .map(Pointless::Part)
        .or_else(|| changed.all(is_comment).then_some(Pointless::Comment))
}

/// Whether a line of C is blank, or a comment in the style of the kernel.
fn is_comment(line: &str) -> bool {
    let line = line.trim();
    let begins = ["/*", "//", "* "].iter().any(|mark| line.starts_with(mark));
    let ends = line.find("*/").is_none_or(|at| at + 2 == line.len());
    line.is_empty() || line == "*" || line == "*/" || (begins && ends)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use test_case::test_case;

    #[test_case("\t/* why */" => true; "one line")]
    #[test_case("\t * of several" => true; "the middle")]
    #[test_case(" */" => true; "the end")]
    #[test_case("" => true; "blank")]
    #[test_case("\t*p = 1;" => false; "a store")]
    #[test_case("\t/* why */ x++;" => false; "code behind it")]
    #[test_case("\treturn;\t/* why */" => false; "code before it")]
    fn a_comment(line: &str) -> bool {
        is_comment(line)
    }

    #[test]
    fn each_hunk_but_those_below_has_a_mutant() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let x =
            "--- a/mm/x.c\n+++ b/mm/x.c\n@@ -1 +1 @@\n-a\n+b\n@@ -9 +9 @@\n-/* a */\n+/* b */\n";
        let doc = "--- a/Documentation/x\n+++ b/Documentation/x\n@@ -1 +1 @@\n-a\n+b\n";
        let files = [
            file("1.patch", doc),
            file("2.patch", x),
            file("3.patch", doc),
        ];
        let mutants = Series::from_files("mine", &files).unwrap().mutants(1);
        let found: Vec<_> = mutants
            .iter()
            .map(|it| {
                let why = it.pointless.as_ref().map(ToString::to_string);
                (it.patch.as_str(), it.number, why, it.series.patches.len())
            })
            .collect();
        let why = |text: &str| Some(text.to_owned());
        assert_eq!(
            found,
            [
                ("2.patch", 1, None, 3),
                ("2.patch", 2, why("comment"), 3),
                ("3.patch", 1, why("documentation"), 2),
            ]
        );
        assert_eq!(mutants[0].series.name(), "mine");
    }
}
