// SPDX-License-Identifier: GPL-2.0-only
//! Warnings of compilers and sparse, and which of them are new.

use std::fmt;
use std::path::Path;

/// One warning or error.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Warning {
    /// Path, relative to the top of the tree.
    file: String,
    /// Line and column, which differ between versions of a file.
    at: String,
    /// `warning: ...` or `error: ...`.
    text: String,
}

impl Warning {
    pub(crate) fn is_error(&self) -> bool {
        self.text.starts_with("error: ")
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.at, self.text)
    }
}

/// Parses the warnings and errors of gcc or sparse.
pub(crate) fn warnings(lines: &[String], source: &Path) -> Vec<Warning> {
    let tree = format!("{}/", source.display());
    let lines = lines.iter().filter_map(|line| parse(line));
    let inside = |mut warning: Warning| {
        warning.file = warning.file.replace(&tree, "");
        warning
    };
    lines.map(inside).collect()
}

/// Parses `FILE:LINE:COLUMN: warning: TEXT`; the column may be missing.
fn parse(line: &str) -> Option<Warning> {
    let at = ["warning: ", "error: "]
        .iter()
        .filter_map(|mark| line.find(&format!(": {mark}")))
        .min()?;
    let (file, place) = line[..at].split_once(':')?;
    let is_place = place.starts_with(|c: char| c.is_ascii_digit());
    is_place.then(|| Warning {
        file: file.to_owned(),
        at: place.to_owned(),
        text: line[at + 2..].to_owned(),
    })
}

/// Returns the warnings of `after` that `before` does not have. Equal warnings about a file
/// are counted, wherever they are in it.
pub(crate) fn new_ones(before: &[Warning], after: &[Warning]) -> Vec<Warning> {
    let mut known: Vec<_> = before.iter().collect();
    let is_new = |warning: &&Warning| {
        let same = |it: &&Warning| it.file == warning.file && it.text == warning.text;
        match known.iter().position(same) {
            Some(at) => {
                known.swap_remove(at);
                false
            }
            None => true,
        }
    };
    after.iter().filter(is_new).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    fn parsed(lines: &[&str]) -> Vec<Warning> {
        let lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
        warnings(&lines, Path::new("/c/source"))
    }

    #[test_case("/c/source/mm/x.c:10:5: warning: unused variable 'a' [-Wunused-variable]" => Some("mm/x.c:10:5: warning: unused variable 'a' [-Wunused-variable]".into()); "gcc")]
    #[test_case("../mm/x.c:10: error: no" => Some("../mm/x.c:10: error: no".into()); "no column")]
    #[test_case("mm/x.c:1:2: error: a: warning: b" => Some("mm/x.c:1:2: error: a: warning: b".into()); "one in another")]
    #[test_case("mm/x.c:10:5: note: declared here" => None; "a note")]
    #[test_case("cc1: some warnings being treated as errors" => None; "a summary")]
    #[test_case("  CC      mm/x.o" => None; "progress")]
    fn a_line(line: &str) -> Option<String> {
        parsed(&[line]).first().map(ToString::to_string)
    }

    const UNUSED: &str = "mm/x.c:10:5: warning: unused variable 'a'";
    const MOVED: &str = "mm/x.c:12:5: warning: unused variable 'a'";
    const OTHER: &str = "mm/y.c:10:5: warning: unused variable 'a'";

    #[test_case(&[], &[UNUSED] => 1; "new")]
    #[test_case(&[UNUSED], &[MOVED] => 0; "moved")]
    #[test_case(&[UNUSED], &[] => 0; "gone")]
    #[test_case(&[UNUSED], &[UNUSED, MOVED] => 1; "one more of the same")]
    #[test_case(&[UNUSED], &[OTHER] => 1; "in another file")]
    fn new_warnings(before: &[&str], after: &[&str]) -> usize {
        new_ones(&parsed(before), &parsed(after)).len()
    }
}
