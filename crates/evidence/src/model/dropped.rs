// SPDX-License-Identifier: GPL-2.0-only
//! Whether a test fails when one hunk of a series is left out.

use nmissed_wire::Run;

use crate::model::compare::compare;
use crate::model::results::Results;
use crate::model::trouble::trouble;

/// A hunk of a patch that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedHunk {
    /// The patch file's name.
    pub patch: String,
    /// Which of its hunks: `kernel/fork.c #2 (line 40)`.
    pub hunk: String,
    /// What failed without it.
    pub noticed: Noticed,
}

/// What failed without a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noticed {
    /// Tests, or records that differ: a phrase each. Never empty.
    ByTests(Vec<String>),
    /// The kernel does not build: the first error.
    ByCompiler(String),
    /// A later patch of the series does not apply without it.
    ByPatch(String),
    /// Not tried, since the hunk changes nothing that is built here: why.
    Pointless(String),
    /// The host could not run the tests: why.
    Unknown(String),
    /// No test, no compiler and no later patch.
    Unnoticed,
    /// Nothing, and the hunk is listed as uncovered: why.
    Uncovered(String),
    /// Tests, although the hunk is listed as uncovered: a phrase each. Never empty.
    Unexpected(Vec<String>),
}

impl Noticed {
    /// The same for a hunk that is listed as uncovered, and why it is.
    #[must_use]
    pub fn where_uncovered(self, why: &str) -> Self {
        match self {
            Self::Unnoticed => Self::Uncovered(why.to_owned()),
            Self::ByTests(found) => Self::Unexpected(found),
            other => other,
        }
    }
}

/// Compares a run without a hunk with the run that has all of them.
#[must_use]
pub fn notice(whole: &Run, without: &Run) -> Noticed {
    let failed = without
        .tests
        .iter()
        .filter(|test| test.outcome.is_failure());
    let mut found: Vec<_> = failed
        .map(|test| format!("{} ({})", test.name, test.outcome.name()))
        .collect();
    if without.machine.is_failure() {
        found.insert(0, trouble(without).join(", "));
    }
    found.extend(differing_records(whole, without));
    if !found.is_empty() {
        Noticed::ByTests(found)
    } else if without.is_good() {
        Noticed::Unnoticed
    } else {
        Noticed::Unknown(trouble(without).join(", "))
    }
}

fn differing_records(whole: &Run, without: &Run) -> Vec<String> {
    let results = Results {
        runs: vec![whole.clone(), without.clone()],
    };
    let mut names = Vec::new();
    for comparison in compare(&results) {
        let differing = comparison.all_scenarios().filter(|it| !it.is_unchanged(1));
        names.extend(differing.map(|it| format!("{} has other counts", it.name())));
    }
    names.dedup();
    names
}
