// SPDX-License-Identifier: GPL-2.0-only
//! Patches as mail: the head, and the form that the files in patches/ have.

use crate::patch::series::Patch;

const SPDX: &str = "SPDX-License-Identifier: GPL-2.0-only";
/// Only the sender of a patch can certify its origin.
const SIGNATURE: &str = "Signed-off-by:";
/// Line between the message and the diffstat.
const CUT: &str = "---\n";

/// Author and subject of a patch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct MailHead {
    /// Name without the address.
    pub(crate) author: String,
    /// Without `[PATCH 1/3]`; the file's name if the patch is a bare diff.
    pub(crate) subject: String,
}

impl MailHead {
    pub(crate) fn of(patch: &Patch) -> Self {
        let text = String::from_utf8_lossy(&patch.text);
        let from = field(&text, "From: ").unwrap_or_default();
        let author = from.split('<').next().unwrap_or_default().trim();
        let subject = field(&text, "Subject: ").unwrap_or_else(|| patch.file_name());
        Self {
            author: author.to_owned(),
            subject: without_tag(&subject).to_owned(),
        }
    }
}

/// Returns a field of the head; continuation lines are joined with blanks.
fn field(text: &str, name: &str) -> Option<String> {
    let head = text.lines().take_while(|line| !line.is_empty());
    let mut lines = head.skip_while(|line| !line.starts_with(name));
    let mut value = lines.next()?[name.len()..].to_owned();
    for line in lines.take_while(|line| line.starts_with([' ', '\t'])) {
        value.push(' ');
        value.push_str(line.trim());
    }
    Some(value)
}

/// Strips `[PATCH bpf-next v2 1/3] `.
fn without_tag(subject: &str) -> &str {
    let tagged = subject
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "));
    tagged.map_or(subject, |(_, rest)| rest)
}

/// Puts the licence below [`CUT`], and removes Signed-off-by lines above it.
pub(crate) fn in_file_form(text: &str) -> String {
    let mut above = true;
    let mut form = String::new();
    for line in text.split_inclusive('\n') {
        if above && line.starts_with(SIGNATURE) {
            continue;
        }
        if above && line == CUT {
            above = false;
            // Blank lines that were before the signatures.
            form.truncate(form.trim_end_matches('\n').len());
            form += &format!("\n{CUT}{SPDX}\n\n");
        } else {
            form += line;
        }
    }
    form.truncate(form.trim_end_matches('\n').len());
    form + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    #[test_case("Subject: x\n\nSubject: y\n", "Subject: " => Some("x".into()); "one line")]
    #[test_case("From 0\nFrom: A\n <a@b>\nDate: x\n", "From: " => Some("A <a@b>".into()); "folded")]
    #[test_case("Date: x\n\nFrom: A\n", "From: " => None; "in the body")]
    fn a_field(text: &str, name: &str) -> Option<String> {
        field(text, name)
    }

    #[test_case("[PATCH] bpf: x" => "bpf: x"; "one")]
    #[test_case("[PATCH bpf-next v2 1/3] bpf: [x] y" => "bpf: [x] y"; "of a series")]
    #[test_case("bpf: x" => "bpf: x"; "no tag")]
    fn a_subject(subject: &str) -> &str {
        without_tag(subject)
    }

    #[test]
    fn a_patch_gets_the_form_of_its_file() {
        let text = "From 0\nSubject: [PATCH] x\n\nWhy.\n\nSigned-off-by: A <a@b>\n---\n x | 2 +-\n\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-Signed-off-by: a\n+b\n\n";
        let form = "From 0\nSubject: [PATCH] x\n\nWhy.\n---\nSPDX-License-Identifier: GPL-2.0-only\n\n x | 2 +-\n\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-Signed-off-by: a\n+b\n";
        assert_eq!(in_file_form(text), form);
    }
}
