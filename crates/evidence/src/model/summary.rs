// SPDX-License-Identifier: GPL-2.0-only
//! The number of scenarios of each attach type, by the worst fate of their hits.

use nmissed_wire::AttachType;

use crate::model::change::{Change, Fate};
use crate::model::compare::{Comparison, Scenario};

/// The scenarios of one attach type, or of all.
pub(crate) struct SummaryRow {
    /// `None` for the sum of all attach types.
    pub(crate) attach_type: Option<AttachType>,
    /// One for each run.
    pub(crate) runs: Vec<Counts>,
}

/// The scenarios of one attach type in one run. All counts together are the number of
/// scenarios.
pub(crate) struct Counts {
    by_fate: [Count; Fate::ALL.len()],
    /// Scenarios of which this run has no record, and another has.
    pub(crate) without_record: usize,
    /// All changes against the reference as one.
    pub(crate) change: Change,
}

/// Scenarios of one fate.
#[derive(Clone, Copy, Default)]
pub(crate) struct Count {
    pub(crate) scenarios: usize,
    /// Whether no expectation explains what one of them loses or counts twice.
    pub(crate) is_unexplained: bool,
    /// Whether one of them has other fates at other numbers of triggers.
    pub(crate) is_mixed: bool,
}

/// A row for each attach type that has scenarios, in their order, and the sum.
pub(crate) fn summary(comparison: &Comparison<'_>) -> Vec<SummaryRow> {
    let all: Vec<_> = comparison.scenarios().collect();
    let of_types = all.chunk_by(|one, next| one.attach_type() == next.attach_type());
    let mut rows: Vec<_> = of_types
        .map(|some| SummaryRow::of(Some(some[0].attach_type()), some, comparison.runs.len()))
        .collect();
    rows.push(SummaryRow::of(None, &all, comparison.runs.len()));
    rows
}

impl SummaryRow {
    fn of(attach_type: Option<AttachType>, scenarios: &[Scenario<'_, '_>], runs: usize) -> Self {
        Self {
            attach_type,
            runs: (0..runs).map(|run| Counts::of(scenarios, run)).collect(),
        }
    }
}

impl Counts {
    fn of(scenarios: &[Scenario<'_, '_>], run: usize) -> Self {
        let mut counts = Self {
            by_fate: Default::default(),
            without_record: 0,
            change: Change::of_all(scenarios.iter().map(|it| it.change(run))),
        };
        for scenario in scenarios {
            match scenario.fate(run) {
                Some(fate) => {
                    let count = &mut counts.by_fate[fate as usize];
                    count.scenarios += 1;
                    count.is_unexplained |= scenario.is_unexplained(run);
                    count.is_mixed |= scenario.is_mixed(run);
                }
                None => counts.without_record += 1,
            }
        }
        counts
    }

    pub(crate) fn of_fate(&self, fate: Fate) -> Count {
        self.by_fate[fate as usize]
    }
}
