// SPDX-License-Identifier: GPL-2.0-only
//! Complaints of the kernel's scripts/checkpatch.pl about a patch.

use std::path::Path;

use nmissed_host::Cmd;

use crate::patch::Patch;
use crate::source::SourceTree;
use crate::{Error, Result};

/// All patches here lack it: the sender adds it.
const EXPECTED: &str = "MISSING_SIGN_OFF";
/// Needs the kernel's history, which an unpacked source lacks.
const UNKNOWABLE: &str = "UNKNOWN_COMMIT_ID";
/// 6.12's script complains where [`ATTRIBUTE`] follows a function, which is the style of
/// the kernel; 7.3's script knows the word.
const SPACING: &str = "LINE_SPACING";
const ATTRIBUTE: &str = "+NOKPROBE_SYMBOL(";

/// Returns the complaints about a patch, without those that hold for all patches here.
pub(crate) fn checkpatch(patch: &Patch, tree: &SourceTree) -> Result<Vec<String>> {
    let file = std::path::absolute(&patch.file).map_err(Error::io("find", &patch.file))?;
    let script = Cmd::new("perl").args([
        "scripts/checkpatch.pl",
        "--strict",
        "--terse",
        "--show-types",
        "--no-summary",
    ]);
    let script = script.arg(&file).dir(&tree.dir).env("LC_ALL", "C");
    let finished = script.finish(|_| ())?;
    let lines = finished.lines.iter();
    let complaints: Vec<_> = lines.filter_map(|line| complaint(line, &file)).collect();
    let text = String::from_utf8_lossy(&patch.text);
    let wanted = complaints.iter().filter(|it| !it.is_expected(&text));
    let wanted: Vec<_> = wanted.map(|it| it.text.to_owned()).collect();
    // Exit status 1 stands for complaints, and for a script that does not run.
    if complaints.is_empty() && !finished.status.success() {
        return Err(nmissed_host::Error::Failed {
            command: script.line(),
            status: finished.status.to_string(),
            tail: finished.lines,
        }
        .into());
    }
    Ok(wanted)
}

/// A line `FILE:LINE: LEVEL:TYPE: TEXT`.
struct Complaint<'a> {
    kind: &'a str,
    /// Line of the patch, from 1.
    line: Option<usize>,
    /// For people: line, text and type.
    text: String,
}

impl Complaint<'_> {
    fn is_expected(&self, patch: &str) -> bool {
        let at = self
            .line
            .and_then(|line| patch.lines().nth(line.checked_sub(1)?));
        match self.kind {
            EXPECTED | UNKNOWABLE => true,
            SPACING => at.is_some_and(|line| line.starts_with(ATTRIBUTE)),
            _ => false,
        }
    }
}

fn complaint<'a>(line: &'a str, file: &Path) -> Option<Complaint<'a>> {
    let rest = line.strip_prefix(&*file.to_string_lossy())?;
    let text = rest.strip_prefix(':')?;
    let (place, rest) = text.split_once(": ")?;
    let (kind, what) = rest.split_once(": ")?;
    let (level, kind) = kind.split_once(':')?;
    let known = matches!(level, "ERROR" | "WARNING" | "CHECK");
    known.then(|| Complaint {
        kind,
        line: place.parse().ok(),
        text: format!("line {place}: {what} ({kind})"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    #[test_case("/p/1.patch:185: ERROR:MISSING_SIGN_OFF: Missing Signed-off-by: line(s)" => None; "expected")]
    #[test_case("/p/1.patch:36: WARNING:UNKNOWN_COMMIT_ID: Unknown commit id '4346ba160409', maybe rebased or not pulled?" => None; "unknowable")]
    #[test_case("/p/1.patch:23: CHECK:SPACING: spaces preferred: here" => Some("line 23: spaces preferred: here (SPACING)".into()); "a check")]
    #[test_case("/p/1.patch:2: CHECK:LINE_SPACING: Please use a blank line" => None; "an attribute of the function above")]
    #[test_case("/p/1.patch:3: CHECK:LINE_SPACING: Please use a blank line" => Some("line 3: Please use a blank line (LINE_SPACING)".into()); "another function")]
    #[test_case("No structs that should be const will be found (file './scripts/const_structs.checkpatch': No such file or directory)" => None; "not about the patch")]
    fn complaints_without_expected_ones(line: &str) -> Option<String> {
        let complaint = complaint(line, Path::new("/p/1.patch"))?;
        let patch = "+}\n+NOKPROBE_SYMBOL(f);\n+int g(void)\n";
        (!complaint.is_expected(patch)).then_some(complaint.text)
    }
}
