// SPDX-License-Identifier: GPL-2.0-only
//! Output of GNU patch 2.7.6.

/// Returns the failures, each with its file.
pub(crate) fn problems(lines: &[String]) -> Vec<String> {
    about_files(lines, |line| {
        if line.starts_with("Hunk #") && line.contains(" FAILED at ") {
            let (hunk, at) = line.split_once(" FAILED at ")?;
            return Some(format!(
                "{} does not match at line {}",
                lower_first(hunk),
                at.trim_end_matches('.')
            ));
        }
        if let Some(rest) = line.strip_prefix("can't find file to patch at input line ") {
            return Some(format!("is not in the tree (line {rest} of the patch)"));
        }
        if line.starts_with("Not deleting file ") {
            return Some("is to be removed, but holds more than the patch removes".to_owned());
        }
        if line.contains(" already exists!") {
            return Some("is to be added, but is there already".to_owned());
        }
        line.strip_prefix("patch: **** ").map(str::to_owned)
    })
}

/// Returns the hunks that were applied although their context differs.
pub(crate) fn fuzzy_hunks(lines: &[String]) -> Vec<String> {
    about_files(lines, |line| {
        let fuzzy = line.starts_with("Hunk #") && line.contains(" with fuzz ");
        fuzzy.then(|| lower_first(line).trim_end_matches('.').to_owned())
    })
}

/// Returns `FILE: REMARK` for each line of which `remark` makes one. A missing file is
/// named after the message, in the quoted head of its diff.
fn about_files(lines: &[String], remark: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut file = None;
    let mut remarks = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if let Some(rest) = line
            .strip_prefix("patching file ")
            .or_else(|| line.strip_prefix("The next patch would create the file "))
        {
            file = Some(rest.trim_end_matches(',').to_owned());
        }
        if line.starts_with("can't find file ") {
            file = lines[index..].iter().find_map(|line| quoted_name(line));
        }
        let remark = remark(line);
        remarks.extend(remark.map(|remark| match &file {
            Some(file) => format!("{file}: {remark}"),
            None => remark,
        }));
    }
    remarks
}

/// The path in `|+++ b/kernel/fork.c`.
fn quoted_name(line: &str) -> Option<String> {
    let name = line.strip_prefix("|+++ ")?.split('\t').next()?;
    name.split_once('/').map(|(_, name)| name.to_owned())
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(chars)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test_case(
        "patching file a.c\npatching file kernel/b.c\nHunk #1 FAILED at 2770.\nHunk #3 FAILED at 99.\n2 out of 3 hunks FAILED",
        &["kernel/b.c: hunk #1 does not match at line 2770", "kernel/b.c: hunk #3 does not match at line 99"];
        "hunks"
    )]
    #[test_case(
        "can't find file to patch at input line 3\nPerhaps you used the wrong -p or --strip option?\n|--- a/g.c\n|+++ b/g.c\nNo file to patch.  Skipping patch.",
        &["g.c: is not in the tree (line 3 of the patch)"];
        "missing file"
    )]
    #[test_case(
        "patching file f\nNot deleting file f as content differs from patch",
        &["f: is to be removed, but holds more than the patch removes"];
        "removed file that changed"
    )]
    #[test_case(
        "The next patch would create the file n.c,\nwhich already exists!  Skipping patch.",
        &["n.c: is to be added, but is there already"];
        "added file that is there"
    )]
    #[test_case("patching file f\npatch: **** malformed patch at line 4: x", &["f: malformed patch at line 4: x"]; "malformed")]
    #[test_case("patching file f\nHunk #1 succeeded at 7 (offset 2 lines).", &[]; "moved")]
    fn failures_name_their_file(output: &str, expected: &[&str]) {
        assert_eq!(problems(&lines(output)), expected);
    }

    #[test]
    fn fuzz_is_reported_and_an_offset_is_not() {
        let output = lines(
            "patching file f\nHunk #1 succeeded at 7 (offset 2 lines).\nHunk #2 succeeded at 40 with fuzz 1.",
        );
        assert_eq!(
            fuzzy_hunks(&output),
            ["f: hunk #2 succeeded at 40 with fuzz 1"]
        );
    }
}
