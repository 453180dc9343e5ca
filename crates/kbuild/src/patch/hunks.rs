// SPDX-License-Identifier: GPL-2.0-only
//! The hunks of a patch, and the patch without one of them.

use crate::patch::diff::Hunk;

/// A patch cut into lines, and where its hunks are.
pub(crate) struct Hunks<'a> {
    lines: Vec<&'a str>,
    files: Vec<FileDiff<'a>>,
}

/// What a patch does to one file. Places are indices of lines.
struct FileDiff<'a> {
    name: &'a str,
    start: usize,
    hunks: Vec<Span>,
}

/// A hunk with its header.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

/// One hunk of a patch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Place<'a> {
    /// The file that it changes.
    pub(crate) file: &'a str,
    /// Its number among the hunks of that file, from 1.
    pub(crate) number: usize,
    /// The line of its `@@` in the patch, from 1.
    pub(crate) line: usize,
    file_at: usize,
    hunk_at: usize,
}

impl<'a> Hunks<'a> {
    /// Cuts a patch that [`touched_files`](crate::patch::diff::touched_files)
    /// understands.
    pub(crate) fn of(text: &'a str) -> Self {
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        let mut files: Vec<FileDiff<'_>> = Vec::new();
        let mut open = Hunk::default();
        for (index, raw) in lines.iter().enumerate() {
            let line = raw.trim_end_matches(['\n', '\r']);
            // "\ No newline at end of file" may follow the last line.
            if open.takes(line) || line.starts_with('\\') {
                extend(&mut files, index + 1);
            } else if let Some(hunk) = Hunk::header(line) {
                open = hunk;
                begin(&mut files, index);
            } else if let Some(name) = changed_file(&lines, index) {
                files.push(FileDiff {
                    name,
                    start: start_of_file(&lines, index, &files),
                    hunks: Vec::new(),
                });
            }
        }
        Self { lines, files }
    }

    /// All of them, in order.
    pub(crate) fn places(&self) -> Vec<Place<'a>> {
        let mut places = Vec::new();
        for (file_at, file) in self.files.iter().enumerate() {
            for (hunk_at, hunk) in file.hunks.iter().enumerate() {
                places.push(Place {
                    file: file.name,
                    number: hunk_at + 1,
                    line: hunk.start + 1,
                    file_at,
                    hunk_at,
                });
            }
        }
        places
    }

    /// The lines that a hunk adds and removes, without their signs.
    pub(crate) fn changed_lines(&self, place: Place<'_>) -> impl Iterator<Item = &'a str> {
        let Span { start, end } = self.files[place.file_at].hunks[place.hunk_at];
        let body = self.lines[start + 1..end].iter();
        body.filter_map(|line| line.strip_prefix(['+', '-']))
    }

    /// The patch without a hunk; a file that it was the only hunk of is left
    /// alone.
    pub(crate) fn without(&self, place: Place<'_>) -> String {
        let file = &self.files[place.file_at];
        let Span { start, end } = file.hunks[place.hunk_at];
        let from = if file.hunks.len() == 1 {
            file.start
        } else {
            start
        };
        [&self.lines[..from], &self.lines[end..]].concat().concat()
    }
}

fn begin(files: &mut [FileDiff<'_>], at: usize) {
    if let Some(file) = files.last_mut() {
        file.hunks.push(Span {
            start: at,
            end: at + 1,
        });
    }
}

fn extend(files: &mut [FileDiff<'_>], end: usize) {
    let hunk = files.last_mut().and_then(|file| file.hunks.last_mut());
    hunk.into_iter().for_each(|hunk| hunk.end = end);
}

/// The file that is changed where `--- ` stands at `index`; the old one if
/// there is no new one.
fn changed_file<'a>(lines: &[&'a str], index: usize) -> Option<&'a str> {
    let old = lines[index].strip_prefix("--- ")?;
    let new = lines.get(index + 1)?.strip_prefix("+++ ")?;
    let name = |line: &'a str| {
        let line = line.split('\t').next().unwrap_or(line).trim_end();
        (line != "/dev/null")
            .then(|| line.split_once('/').map(|(_, name)| name))
            .flatten()
    };
    name(new).or_else(|| name(old))
}

/// Where what belongs to the file begins: git's header lines, if there are any
/// since the last hunk.
fn start_of_file(lines: &[&str], at: usize, files: &[FileDiff<'_>]) -> usize {
    let last = files.last().and_then(|file| file.hunks.last());
    let from = last.map_or(0, |hunk| hunk.end);
    let header = |line: &&str| line.starts_with("diff --git ");
    let found = lines[from..at].iter().rposition(header);
    found.map_or(at, |index| from + index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patch::diff::touched_files;
    use proptest::prelude::*;
    use test_case::test_case;

    const HEAD: &str = "From 0\nSubject: x\n\nWhy.\n---\n x.c | 3 +\n\n";
    const X: &str = "diff --git a/x.c b/x.c\nindex 1..2 100644\n--- a/x.c\n+++ b/x.c\n";
    const X1: &str = "@@ -1,2 +1,2 @@\n one\n-two\n+TWO\n";
    const X2: &str = "@@ -9 +9 @@ f\n--- nine\n+++ NINE\n";
    const NEW: &str = "diff --git a/new b/new\nnew file mode 100644\n--- /dev/null\n+++ b/new\n";
    const NEW1: &str = "@@ -0,0 +1 @@\n+hi\n\\ No newline at end of file\n";

    fn whole() -> String {
        [HEAD, X, X1, X2, NEW, NEW1, "-- \n2.47\n"].concat()
    }

    #[test]
    fn hunks_are_found() {
        let text = whole();
        let hunks = Hunks::of(&text);
        let found: Vec<_> = hunks
            .places()
            .iter()
            .map(|it| (it.file, it.number, it.line))
            .collect();
        assert_eq!(found, [("x.c", 1, 12), ("x.c", 2, 16), ("new", 1, 23)]);
    }

    #[test_case(0, &[HEAD, X, X2, NEW, NEW1, "-- \n2.47\n"]; "the first of two")]
    #[test_case(1, &[HEAD, X, X1, NEW, NEW1, "-- \n2.47\n"]; "the last of two")]
    #[test_case(2, &[HEAD, X, X1, X2, "-- \n2.47\n"]; "the only one of a file")]
    fn dropping(hunk: usize, left: &[&str]) {
        let text = whole();
        let hunks = Hunks::of(&text);
        assert_eq!(hunks.without(hunks.places()[hunk]), left.concat());
    }

    #[test]
    fn changed_lines_have_no_sign() {
        let text = whole();
        let hunks = Hunks::of(&text);
        let changed: Vec<_> = hunks.changed_lines(hunks.places()[1]).collect();
        assert_eq!(changed, ["-- nine\n", "++ NINE\n"]);
    }

    #[test]
    fn without_gits_headers_too() {
        let text = "--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-a\n+b\n--- a/y.c\n+++ b/y.c\n@@ -1 +1 @@\n-a\n+b\n";
        let hunks = Hunks::of(text);
        let left = hunks.without(hunks.places()[1]);
        assert_eq!(touched_files(&left).unwrap(), ["x.c".to_owned()].into());
    }

    proptest! {
        #[test]
        fn one_hunk_less_is_left(text in "((--- a/x\n[+]{3} b/x\n)?@@ -1,?[0-2]? [+]1,?[0-2]? @@\n([-+ ][ab]\n){0,3}){0,4}") {
            let hunks = Hunks::of(&text);
            for place in hunks.places() {
                let left = hunks.without(place);
                prop_assert_eq!(Hunks::of(&left).places().len() + 1, hunks.places().len());
            }
        }
    }
}
