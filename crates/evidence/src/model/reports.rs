// SPDX-License-Identifier: GPL-2.0-only
//! Reports of a kernel (warnings, lockdep, KASAN) that the reference does not have.

use std::collections::BTreeSet;

use crate::model::compare::{Comparison, compare};
use crate::model::results::Results;

/// The reports of a kernel against those of its reference, one of each kind.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Splats<'a> {
    pub(crate) new: Vec<&'a str>,
    /// Those of the reference that the kernel does not have.
    pub(crate) gone: Vec<&'a str>,
    pub(crate) common: Vec<&'a str>,
}

impl Comparison<'_> {
    /// The reports of a run; those of the reference itself are new.
    pub(crate) fn splats(&self, run: usize) -> Splats<'_> {
        let own = kinds(&self.runs[run].reports);
        let reference = match run {
            0 => Vec::new(),
            _ => kinds(&self.runs[0].reports),
        };
        let is_in = |all: &[(String, &str)], kind: &str| all.iter().any(|(it, _)| it == kind);
        let mut splats = Splats::default();
        for (kind, report) in &own {
            match is_in(&reference, kind) {
                true => splats.common.push(report),
                false => splats.new.push(report),
            }
        }
        let gone = reference.iter().filter(|(kind, _)| !is_in(&own, kind));
        splats.gone = gone.map(|(_, report)| *report).collect();
        splats
    }

    /// The reports of a run's kernel, one of each kind; of a variant, the kinds that
    /// the reference does not have.
    pub(crate) fn new_reports(&self, run: usize) -> Vec<&str> {
        self.splats(run).new
    }
}

/// One report of each kind.
fn kinds(reports: &[String]) -> Vec<(String, &str)> {
    let mut seen = BTreeSet::new();
    let all = reports.iter().map(|report| (kind(report), report.as_str()));
    all.filter(|(kind, _)| seen.insert(kind.clone())).collect()
}

impl Results {
    /// Whether a variant has a kind of report that the reference does not have.
    #[must_use]
    pub fn has_new_reports(&self) -> bool {
        let mut comparisons = compare(self).into_iter();
        comparisons.any(|it| (1..it.runs.len()).any(|run| !it.new_reports(run).is_empty()))
    }
}

/// The kind of a report: its text without numbers, offsets and addresses, which
/// differ from boot to boot and within one function.
fn kind(report: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut kind = String::with_capacity(report.len());
    for piece in report.split_inclusive(|c| !is_part(c)) {
        let word = piece.trim_end_matches(|c| !is_part(c));
        let is_number = word.starts_with(|c: char| c.is_ascii_digit());
        kind += if is_number { "N" } else { word };
        kind += &piece[word.len()..];
    }
    kind
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::kind;

    #[test_case(
        "WARNING: CPU: 1 PID: 71 at kernel/trace/fprobe.c:9 fprobe_return+0x1b/0x2c",
        "WARNING: CPU: 0 PID: 82 at kernel/trace/fprobe.c:12 fprobe_return+0x11/0x2a"
        => true; "another process, CPU and line")]
    #[test_case("WARNING: suspicious RCU usage", "WARNING: inconsistent lock state" => false; "another kind")]
    #[test_case(
        "BUG: KASAN: slab-out-of-bounds in fgraph_pop+0x1/0x9",
        "BUG: KASAN: slab-out-of-bounds in fgraph_push+0x1/0x9" => false; "another function")]
    fn are_of_one_kind(one: &str, other: &str) -> bool {
        kind(one) == kind(other)
    }
}
