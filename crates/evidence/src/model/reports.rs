// SPDX-License-Identifier: GPL-2.0-only
//! What the kernel says against itself with a patch, and not without it.

use std::collections::BTreeSet;

use crate::model::compare::compare;
use crate::{Comparison, Results};

impl Comparison<'_> {
    /// The reports of a run's kernel whose like the reference does not have,
    /// one of each kind; of the reference itself, all kinds.
    #[must_use]
    pub fn new_reports(&self, run: usize) -> Vec<&str> {
        let mut known = BTreeSet::new();
        if run > 0 {
            known.extend(self.runs[0].reports.iter().map(|report| gist(report)));
        }
        let reports = self.runs[run].reports.iter();
        reports
            .filter(|report| known.insert(gist(report)))
            .map(String::as_str)
            .collect()
    }
}

impl Results {
    /// Whether a kernel reports what the first run's of it did not.
    #[must_use]
    pub fn has_new_reports(&self) -> bool {
        let mut comparisons = compare(self).into_iter();
        comparisons.any(|it| (1..it.runs.len()).any(|run| !it.new_reports(run).is_empty()))
    }
}

/// A report without what differs from boot to boot: numbers, offsets and
/// addresses. One of another place in the same function is of the same kind.
fn gist(report: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut gist = String::with_capacity(report.len());
    for piece in report.split_inclusive(|c| !is_part(c)) {
        let word = piece.trim_end_matches(|c| !is_part(c));
        let is_number = word.starts_with(|c: char| c.is_ascii_digit());
        gist += if is_number { "N" } else { word };
        gist += &piece[word.len()..];
    }
    gist
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::gist;

    #[test_case(
        "WARNING: CPU: 1 PID: 71 at kernel/trace/fprobe.c:9 fprobe_return+0x1b/0x2c",
        "WARNING: CPU: 0 PID: 82 at kernel/trace/fprobe.c:12 fprobe_return+0x11/0x2a"
        => true; "another process, CPU and line")]
    #[test_case("WARNING: suspicious RCU usage", "WARNING: inconsistent lock state" => false; "another kind")]
    #[test_case(
        "BUG: KASAN: slab-out-of-bounds in fgraph_pop+0x1/0x9",
        "BUG: KASAN: slab-out-of-bounds in fgraph_push+0x1/0x9" => false; "another function")]
    fn one_kind(one: &str, other: &str) -> bool {
        gist(one) == gist(other)
    }
}
