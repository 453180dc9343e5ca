// SPDX-License-Identifier: GPL-2.0-only
//! What each patch of a series changes.

use nmissed_wire::Run;

use crate::model::change::Change;
use crate::model::compare::{Comparison, Row, compare};
use crate::model::results::Results;
use crate::model::trouble::trouble;

/// The runs of one kernel before a series and after each of its patches.
pub struct Steps<'a> {
    pub(crate) comparison: Comparison<'a>,
    patches: &'a [String],
}

/// The counts of a row after a step, against those of the first and the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// As before the patches.
    Before,
    /// As after all of them.
    After,
    /// Neither.
    Between,
    /// No record.
    Nothing,
}

impl<'a> Steps<'a> {
    /// The first run is without the patches, each further one with one more of
    /// them; there is one more run than patches, or fewer if it was cut short.
    /// Nothing if there is no run.
    #[must_use]
    pub fn of(results: &'a Results, patches: &'a [String]) -> Option<Self> {
        let comparison = compare(results).into_iter().next()?;
        Some(Self {
            comparison,
            patches,
        })
    }

    /// What keeps the series from being bisectable: a step that fails, or that
    /// makes something worse that is not so in the end.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let steps = self.comparison.runs.iter().enumerate();
        let failed = steps.flat_map(|(step, run)| {
            let parts = trouble(run);
            (!parts.is_empty()).then(|| format!("{}: {}", self.step(step), parts.join(", ")))
        });
        let mut all: Vec<_> = failed.collect();
        for row in &self.comparison.rows {
            all.extend(self.detour(row));
        }
        all
    }

    /// A row that gets worse on the way, or reaches its last counts and leaves them.
    fn detour(&self, row: &Row<'_>) -> Option<String> {
        let last = self.comparison.runs.len() - 1;
        let ends_worse = row.change(last) == Change::Worse;
        let worse = (1..last).find(|step| !ends_worse && row.change(*step) == Change::Worse);
        if let Some(step) = worse {
            let name = self.step(step);
            return Some(format!("{name}: {} is worse than before", row.scenario));
        }
        let arrived = (0..=last).find(|step| self.progress(row, *step) == Progress::After)?;
        let left = (arrived..last).find(|step| self.progress(row, *step) != Progress::After)?;
        let name = self.step(left);
        Some(format!(
            "{name}: {} has other counts than before and in the end",
            row.scenario
        ))
    }

    /// The rows that are not the same after all steps.
    pub(crate) fn changing(&self) -> impl Iterator<Item = &Row<'a>> {
        let steps = 0..self.comparison.runs.len();
        self.comparison.rows.iter().filter(move |row| {
            let mut steps = steps.clone();
            steps.any(|step| self.progress(row, step) != Progress::Before)
        })
    }

    pub(crate) fn progress(&self, row: &Row<'_>, step: usize) -> Progress {
        let tally = |step: usize| row.records[step].map(|record| record.tally);
        let Some(own) = tally(step) else {
            return Progress::Nothing;
        };
        let same = |other: usize| {
            tally(other).is_some_and(|other| Change::between(&other, &own) == Change::Unchanged)
        };
        if same(0) {
            Progress::Before
        } else if same(self.comparison.runs.len() - 1) {
            Progress::After
        } else {
            Progress::Between
        }
    }

    /// Tests that are not good after each patch.
    pub(crate) fn failing_tests(&self) -> Vec<&'a str> {
        let runs: Vec<&'a Run> = self.comparison.runs.clone();
        let tests = runs.into_iter().flat_map(|run| &run.tests);
        let failing = tests.filter(|test| !test.outcome.is_good());
        let mut names: Vec<_> = failing.map(|test| test.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The rows, by scenario, that get the counts of the last step with this one.
    pub(crate) fn flipped(&self, step: usize) -> Vec<&'a str> {
        let is_after = |row: &Row<'_>, step| self.progress(row, step) == Progress::After;
        let flipped = self
            .changing()
            .filter(|row| is_after(row, step) && !is_after(row, step - 1));
        let mut names: Vec<_> = flipped.map(|row| row.scenario).collect();
        names.dedup();
        names
    }

    fn step(&self, step: usize) -> String {
        match step {
            0 => "before the patches".to_owned(),
            step => format!("after {}", self.patch(step)),
        }
    }

    pub(crate) fn patch(&self, step: usize) -> &str {
        self.patches.get(step - 1).map_or("?", String::as_str)
    }
}
