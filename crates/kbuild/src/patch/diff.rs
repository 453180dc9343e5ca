// SPDX-License-Identifier: GPL-2.0-only
//! Unified diffs: the files that a patch touches, its hunks, and the patch without
//! one of them.

use std::collections::BTreeSet;
use std::ops::Range;

/// The mode of a symbolic link in git's header lines, and where it stands.
const SYMLINK_MODE: &str = " 120000";
const MODES: [&str; 4] = ["new file mode", "deleted file mode", "new mode", "index "];
/// Encodings of a mail in which the lines of a patch are others.
const ENCODED: [&str; 2] = ["quoted-printable", "base64"];

/// A patch cut into lines. Positions are indices of lines.
pub(crate) struct Diff<'a> {
    lines: Vec<&'a str>,
    files: Vec<FileDiff<'a>>,
    touched: BTreeSet<&'a str>,
}

struct FileDiff<'a> {
    name: &'a str,
    start: usize,
    /// With the line of `@@`.
    hunks: Vec<Range<usize>>,
}

/// One hunk of a patch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct HunkPlace<'a> {
    /// The file that it changes.
    pub(crate) file: &'a str,
    /// Its number among the hunks of that file, from 1.
    pub(crate) number: usize,
    /// The line of its `@@` in the patch, from 1.
    pub(crate) line: usize,
    /// Its added and removed lines, and the context.
    body: Range<usize>,
    /// With its `@@`, and with the headers of the file if it is the only hunk there.
    whole: Range<usize>,
}

impl<'a> Diff<'a> {
    /// Parses a patch, which may be a mail.
    ///
    /// # Errors
    /// The mistake, with its line in the patch.
    pub(crate) fn parse(text: &'a str) -> Result<Self, String> {
        let mut diff = Self {
            lines: text.split_inclusive('\n').collect(),
            files: Vec::new(),
            touched: BTreeSet::new(),
        };
        let mut open = OpenHunk::default();
        for index in 0..diff.lines.len() {
            let line = diff.line(index);
            // "\ No newline at end of file" may follow the last line.
            if open.takes(line) || line.starts_with('\\') {
                diff.extend_hunk(index + 1);
            } else if let Some(hunk) = OpenHunk::header(line) {
                open = hunk;
                diff.begin_hunk(index);
            } else {
                let at = |problem| format!("line {}: {problem}", index + 1);
                diff.header_line(index).map_err(at)?;
            }
        }
        if diff.touched.is_empty() {
            return Err("there is no diff in it".to_owned());
        }
        Ok(diff)
    }

    /// Returns the paths, relative to the top of the tree, that the patch reads,
    /// changes, adds or removes.
    pub(crate) fn touched(&self) -> BTreeSet<String> {
        self.touched.iter().map(|&name| name.to_owned()).collect()
    }

    /// Returns all hunks in order.
    pub(crate) fn hunks(&self) -> Vec<HunkPlace<'a>> {
        let of_file = |file: &FileDiff<'a>| {
            let (name, start, only) = (file.name, file.start, file.hunks.len() == 1);
            let place = move |(index, hunk): (usize, Range<usize>)| HunkPlace {
                file: name,
                number: index + 1,
                line: hunk.start + 1,
                body: hunk.start + 1..hunk.end,
                whole: if only { start } else { hunk.start }..hunk.end,
            };
            file.hunks.clone().into_iter().enumerate().map(place)
        };
        self.files.iter().flat_map(of_file).collect()
    }

    /// Returns the lines that a hunk adds and removes, without their signs.
    pub(crate) fn changed_lines(&self, hunk: &HunkPlace<'_>) -> impl Iterator<Item = &'a str> {
        let body = self.lines[hunk.body.clone()].iter();
        body.filter_map(|line| line.strip_prefix(['+', '-']))
    }

    /// Returns the patch without a hunk. A file that has no other one is not touched.
    pub(crate) fn without(&self, hunk: &HunkPlace<'_>) -> String {
        let Range { start, end } = hunk.whole;
        [&self.lines[..start], &self.lines[end..]].concat().concat()
    }

    fn line(&self, index: usize) -> &'a str {
        let line = self.lines.get(index).copied().unwrap_or_default();
        line.trim_end_matches(['\n', '\r'])
    }

    fn begin_hunk(&mut self, at: usize) {
        if let Some(file) = self.files.last_mut() {
            file.hunks.push(at..at + 1);
        }
    }

    fn extend_hunk(&mut self, end: usize) {
        let hunk = self.files.last_mut().and_then(|it| it.hunks.last_mut());
        hunk.into_iter().for_each(|hunk| hunk.end = end);
    }

    /// Reads what stands between hunks: names of files, and the message of a mail.
    fn header_line(&mut self, index: usize) -> Result<(), String> {
        let line = self.line(index);
        if line.starts_with("GIT binary patch") {
            return Err("binary patches cannot be applied".to_owned());
        }
        if line.ends_with(SYMLINK_MODE) && MODES.iter().any(|mode| line.starts_with(mode)) {
            return Err("symbolic links cannot be patched".to_owned());
        }
        let field = line
            .split_once(": ")
            .map(|(name, value)| (name, value.trim()));
        if let Some((name, value)) = field
            && name.eq_ignore_ascii_case("Content-Transfer-Encoding")
            && ENCODED.iter().any(|it| value.eq_ignore_ascii_case(it))
        {
            return Err(format!(
                "the mail is encoded ({value}): `git mailinfo MESSAGE PATCH < MAIL` decodes it"
            ));
        }
        if let Some(name) = renamed(line) {
            self.touched.insert(inside_tree(name)?);
        }
        let new = self.line(index + 1).strip_prefix("+++ ");
        if let (Some(old), Some(new)) = (line.strip_prefix("--- "), new) {
            let (old, new) = (stripped(old)?, stripped(new)?);
            for name in [old, new].into_iter().flatten() {
                self.touched.insert(inside_tree(name)?);
            }
            if let Some(name) = new.or(old) {
                let (start, hunks) = (self.start_of_file(index), Vec::new());
                self.files.push(FileDiff { name, start, hunks });
            }
        }
        Ok(())
    }

    /// Finds git's header lines above `--- `, if there are any since the last hunk.
    fn start_of_file(&self, at: usize) -> usize {
        let last = self.files.last().and_then(|file| file.hunks.last());
        let from = last.map_or(0, |hunk| hunk.end);
        let header = |line: &&str| line.starts_with("diff --git ");
        let found = self.lines[from..at].iter().rposition(header);
        found.map_or(at, |index| from + index)
    }
}

/// How many lines of a hunk are still to come. Inside of one `--- ` is a
/// removed line that begins with `-- `, not the name of a file.
#[derive(Default)]
struct OpenHunk {
    old: usize,
    new: usize,
}

impl OpenHunk {
    /// `@@ -10,6 +10,8 @@ function`; a count of one is left out.
    fn header(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("@@ -")?.split(' ');
        let count = |range: &str| match range.split_once(',') {
            Some((_, count)) => count.parse().ok(),
            None => Some(1),
        };
        let old = count(words.next()?)?;
        let new = count(words.next()?.strip_prefix('+')?)?;
        Some(Self { old, new })
    }

    /// Whether the line is one of the hunk's.
    fn takes(&mut self, line: &str) -> bool {
        let (old, new) = match line.as_bytes().first() {
            _ if self.old == 0 && self.new == 0 => return false,
            Some(b'-') => (1, 0),
            Some(b'+') => (0, 1),
            Some(b'\\') => (0, 0),
            // Mailers strip the blank of an empty line of context.
            Some(b' ') | None => (1, 1),
            Some(_) => {
                *self = Self::default();
                return false;
            }
        };
        self.old = self.old.saturating_sub(old);
        self.new = self.new.saturating_sub(new);
        true
    }
}

/// One of the names in git's extended header.
fn renamed(line: &str) -> Option<&str> {
    ["rename from ", "rename to ", "copy from ", "copy to "]
        .iter()
        .find_map(|verb| line.strip_prefix(verb))
}

/// A name without its first component, as `patch -p1` has it; a date may
/// follow it. `/dev/null` is no file.
fn stripped(name: &str) -> Result<Option<&str>, String> {
    let name = name.split('\t').next().unwrap_or(name).trim_end();
    match name.split_once('/') {
        _ if name == "/dev/null" => Ok(None),
        Some((_, stripped)) => Ok(Some(stripped)),
        None => Err(format!("{name:?} lacks a folder to strip, as in a/{name}")),
    }
}

fn inside_tree(name: &str) -> Result<&str, String> {
    let odd = |part: &str| matches!(part, "" | "." | "..");
    if name.contains('"') || name.split('/').any(odd) {
        return Err(format!("{name:?} is not a plain path inside of the tree"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use test_case::test_case;

    #[test_case("--- a/x/y.c\n+++ b/x/y.c\n@@ -1 +1 @@\n-a\n+b\n", &["x/y.c"]; "changed")]
    #[test_case("--- /dev/null\n+++ b/new.c\n@@ -0,0 +1 @@\n+b\n", &["new.c"]; "added")]
    #[test_case("--- a/old.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-b\n", &["old.c"]; "removed")]
    #[test_case("diff --git a/o b/n\nsimilarity index 100%\nrename from o\nrename to n\n", &["n", "o"]; "renamed")]
    #[test_case("--- a/x.c\t2026-01-01\n+++ b/x.c\t2026-01-02\n@@ -1 +1 @@\n-a\n+b\n", &["x.c"]; "with dates")]
    #[test_case("--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n a\n--- a/fake\n-- \n2.39\n", &["x"]; "a removed line that looks like a name")]
    #[test_case("--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n\n a\n+++ b/fake\n--- a/y\n+++ b/y\n", &["x", "y"]; "an added line that looks like a name")]
    fn touched(text: &str, expected: &[&str]) {
        let files = Diff::parse(text).unwrap().touched();
        assert!(files.iter().eq(expected), "{files:?}");
    }

    #[test_case("--- cut here ---\n", "no diff"; "prose that looks like a name")]
    #[test_case("Subject: nothing\n\njust prose\n", "no diff"; "no diff")]
    #[test_case("--- a/../etc/passwd\n+++ b/x\n", "line 1: \"../etc/passwd\" is not a plain path"; "leaves the tree")]
    #[test_case("x\n--- a//etc/passwd\n+++ b/x\n", "line 2:"; "absolute")]
    #[test_case("--- \"a/sp\\303\\244t.c\"\n+++ b/x\n", "not a plain path"; "quoted")]
    #[test_case("--- x.c\n+++ x.c\n", "lacks a folder to strip"; "made with another strip level")]
    #[test_case("diff --git a/x b/x\nGIT binary patch\n", "binary"; "binary")]
    #[test_case("diff --git a/x b/x\nnew file mode 120000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+/etc/passwd\n", "line 2: symbolic links"; "a link")]
    #[test_case("Subject: x\nContent-Transfer-Encoding: Base64\n\nRnJvbQ==\n", "line 2: the mail is encoded (Base64)"; "base64")]
    #[test_case("content-transfer-encoding: quoted-printable\n\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a=3D1\n+a=3D2\n", "line 1: the mail is encoded"; "quoted-printable")]
    fn refused(text: &str, expected: &str) {
        let problem = Diff::parse(text).err().unwrap();
        assert!(problem.contains(expected), "{problem}");
    }

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
        let diff = Diff::parse(&text).unwrap();
        let found: Vec<_> = diff
            .hunks()
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
        let diff = Diff::parse(&text).unwrap();
        assert_eq!(diff.without(&diff.hunks()[hunk]), left.concat());
    }

    #[test]
    fn changed_lines_have_no_sign() {
        let text = whole();
        let diff = Diff::parse(&text).unwrap();
        let changed: Vec<_> = diff.changed_lines(&diff.hunks()[1]).collect();
        assert_eq!(changed, ["-- nine\n", "++ NINE\n"]);
    }

    #[test]
    fn without_gits_headers_too() {
        let text = "--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-a\n+b\n--- a/y.c\n+++ b/y.c\n@@ -1 +1 @@\n-a\n+b\n";
        let diff = Diff::parse(text).unwrap();
        let left = diff.without(&diff.hunks()[1]);
        assert_eq!(
            Diff::parse(&left).unwrap().touched(),
            ["x.c".to_owned()].into()
        );
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_without_a_panic(text in "(?s)(([-+@ ]{0,4}|@@ -[0-9,]{0,5} \\+[0-9,]{0,5} @@|--- a/)[ -~]{0,9}\n){0,20}") {
            let _ = Diff::parse(&text);
        }

        #[test]
        fn one_hunk_less_is_left(text in "((--- a/x\n[+]{3} b/x\n)?@@ -1,?[0-2]? [+]1,?[0-2]? @@\n([-+ ][ab]\n){0,3}){0,4}") {
            let diff = Diff::parse(&text);
            let hunks = diff.as_ref().map(Diff::hunks).unwrap_or_default();
            for hunk in &hunks {
                let left = diff.as_ref().unwrap().without(hunk);
                let left = Diff::parse(&left).map(|it| it.hunks().len());
                prop_assert_eq!(left.unwrap_or_default() + 1, hunks.len());
            }
        }
    }
}
