// SPDX-License-Identifier: GPL-2.0-only
//! The slowest tests, as text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use nmissed_wire::TestResult;

use crate::model::compare::{Comparison, compare};
use crate::model::results::Results;

impl Results {
    /// Per kernel, the `count` tests that took longest, each in the variant where it
    /// was slowest: seconds inside the guest, the variant, and the name.
    #[must_use]
    pub fn slowest_to_text(&self, count: usize) -> String {
        let comparisons = compare(self);
        let chapters: Vec<String> = comparisons.iter().map(|it| chapter(it, count)).collect();
        chapters.join("\n")
    }
}

fn chapter(comparison: &Comparison<'_>, count: usize) -> String {
    let runs = &comparison.runs;
    let widths = runs.iter().map(|run| run.variant.chars().count());
    let width = widths.max().unwrap_or(0);
    let mut text = format!("Kernel {}: the slowest tests\n", runs[0].kernel);
    for (test, variant) in slowest(comparison).iter().take(count) {
        let (seconds, name) = (test.seconds, &test.name);
        let _ = writeln!(text, "{seconds:6.2}s  {variant:<width$}  {name}");
    }
    text
}

/// Each test once, the slowest first.
fn slowest<'a>(comparison: &Comparison<'a>) -> Vec<(&'a TestResult, &'a str)> {
    let runs = comparison.runs.iter();
    let tests = runs.flat_map(|run| run.all_tests().map(|test| (test, run.variant.as_str())));
    let mut tests: Vec<_> = tests.collect();
    tests.sort_by(|(one, _), (other, _)| other.seconds.total_cmp(&one.seconds));
    let mut known = BTreeSet::new();
    tests.retain(|(test, _)| known.insert(&test.name));
    tests
}
