// SPDX-License-Identifier: GPL-2.0-only
//! Which files a patch touches.

use std::collections::BTreeSet;

/// The paths, relative to the top of the tree, that a unified diff reads,
/// changes, adds or removes.
///
/// # Errors
/// What is wrong, and in which line of the patch.
pub(crate) fn touched_files(text: &str) -> Result<BTreeSet<String>, String> {
    let lines: Vec<_> = text.lines().collect();
    let mut files = BTreeSet::new();
    let mut hunk = Hunk::default();
    for (index, line) in lines.iter().enumerate() {
        if hunk.takes(line) {
            continue;
        }
        if let Some(next) = Hunk::header(line) {
            hunk = next;
            continue;
        }
        let at = |problem| format!("line {}: {problem}", index + 1);
        if line.starts_with("GIT binary patch") {
            return Err(at("binary patches cannot be applied".to_owned()));
        }
        let next = lines.get(index + 1).copied().unwrap_or_default();
        for name in renamed(line)
            .into_iter()
            .chain(compared(line, next).map_err(at)?)
        {
            files.insert(inside_tree(name).map_err(at)?.to_owned());
        }
    }
    if files.is_empty() {
        Err("there is no diff in it".to_owned())
    } else {
        Ok(files)
    }
}

/// How many lines of a hunk are still to come. Inside of one `--- ` is a
/// removed line that begins with `-- `, not the name of a file.
#[derive(Default)]
pub(crate) struct Hunk {
    old: usize,
    new: usize,
}

impl Hunk {
    /// `@@ -10,6 +10,8 @@ function`; a count of one is left out.
    pub(crate) fn header(line: &str) -> Option<Self> {
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
    pub(crate) fn takes(&mut self, line: &str) -> bool {
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

/// The names in `--- a/FILE` and the `+++ b/FILE` that follows it.
fn compared<'a>(line: &'a str, next: &'a str) -> Result<Vec<&'a str>, String> {
    match (line.strip_prefix("--- "), next.strip_prefix("+++ ")) {
        (Some(old), Some(new)) => [old, new].into_iter().filter_map(stripped).collect(),
        _ => Ok(Vec::new()),
    }
}

/// A name without its first component, as `patch -p1` has it; a date may
/// follow it. `/dev/null` is no file.
fn stripped(name: &str) -> Option<Result<&str, String>> {
    let name = name.split('\t').next().unwrap_or(name).trim_end();
    if name == "/dev/null" {
        return None;
    }
    let stripped = name.split_once('/').map(|(_, name)| name);
    Some(stripped.ok_or_else(|| format!("{name:?} lacks a folder to strip, as in a/{name}")))
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
        let files = touched_files(text).unwrap();
        assert!(files.iter().eq(expected), "{files:?}");
    }

    #[test_case("--- cut here ---\n", "no diff"; "prose that looks like a name")]
    #[test_case("Subject: nothing\n\njust prose\n", "no diff"; "no diff")]
    #[test_case("--- a/../etc/passwd\n+++ b/x\n", "line 1: \"../etc/passwd\" is not a plain path"; "leaves the tree")]
    #[test_case("x\n--- a//etc/passwd\n+++ b/x\n", "line 2:"; "absolute")]
    #[test_case("--- \"a/sp\\303\\244t.c\"\n+++ b/x\n", "not a plain path"; "quoted")]
    #[test_case("--- x.c\n+++ x.c\n", "lacks a folder to strip"; "made with another strip level")]
    #[test_case("diff --git a/x b/x\nGIT binary patch\n", "binary"; "binary")]
    fn refused(text: &str, expected: &str) {
        let problem = touched_files(text).unwrap_err();
        assert!(problem.contains(expected), "{problem}");
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_without_a_panic(text in "(?s)(([-+@ ]{0,4}|@@ -[0-9,]{0,5} \\+[0-9,]{0,5} @@|--- a/)[ -~]{0,9}\n){0,20}") {
            let _ = touched_files(&text);
        }
    }
}
