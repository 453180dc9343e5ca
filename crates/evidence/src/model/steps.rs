// SPDX-License-Identifier: GPL-2.0-only
//! A series of patches, one after the other: what each of them changes.
//!
//! ```text
//!               after patch
//! scenario      0 1 2
//! kprobe.multi/
//!   level-3     . + +
//! ```

use std::fmt::Write as _;

use crate::model::change::classify;
use crate::model::compare::compare;
use crate::model::verdict::trouble;
use crate::render::style::{Ink, Style, wrap};
use nmissed_wire::Outcome;

use crate::{Change, Comparison, Results, Row, Run};

/// Names are given this much room, even if the columns leave less.
const LEAST_NAME: usize = 16;
const INDENT: usize = 2;
const NAMES: &str = "scenario";
const TITLE: &str = "after patch";

/// The runs of one kernel before a series and after each of its patches.
pub struct Steps<'a> {
    comparison: Comparison<'a>,
    patches: &'a [String],
}

/// What a step shows of a row, beside the first and the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    /// As before the patches.
    Before,
    /// As after all of them.
    After,
    /// Neither.
    Between,
    /// No record.
    Nothing,
}

impl Cell {
    fn sign(self) -> &'static str {
        match self {
            Self::Before => ".",
            Self::After => "+",
            Self::Between => "~",
            Self::Nothing => "?",
        }
    }
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

    /// A row that gets worse on the way, or as it should be and then not.
    fn detour(&self, row: &Row<'_>) -> Option<String> {
        let last = self.comparison.runs.len() - 1;
        let ends_worse = row.change(last) == Change::Worse;
        let worse = (1..last).find(|step| !ends_worse && row.change(*step) == Change::Worse);
        if let Some(step) = worse {
            let name = self.step(step);
            return Some(format!("{name}: {} is worse than before", row.scenario));
        }
        let arrived = (0..=last).find(|step| self.cell(row, *step) == Cell::After)?;
        let left = (arrived..last).find(|step| self.cell(row, *step) != Cell::After)?;
        let name = self.step(left);
        Some(format!("{name}: {} is not what it was", row.scenario))
    }

    /// The table, what each patch changes, and what is wrong.
    #[must_use]
    pub fn to_text(&self, style: Style) -> String {
        let mut text = self.table(style);
        text += "\n";
        for step in 1..self.comparison.runs.len() {
            text += &self.flips(step, style);
        }
        let complaints = self.complaints();
        if !complaints.is_empty() {
            text += "\n";
        }
        for complaint in complaints {
            for line in wrap(style.width, &complaint) {
                let _ = writeln!(text, "{}", style.paint(Ink::Red, &line));
            }
        }
        text
    }

    fn table(&self, style: Style) -> String {
        let layout = Layout::of(self, style);
        let mut text = layout.heading();
        let mut section = "";
        for row in self.changing() {
            let (attach_type, name) = row.scenario_parts();
            if attach_type != section {
                section = attach_type;
                let _ = writeln!(text, "{section}/");
            }
            let flavor = row.flavor.map(|it| format!(" [{it}]")).unwrap_or_default();
            let cells = layout.steps().map(|step| self.cell(row, step).sign());
            text += &layout.line(&format!("{:INDENT$}{name}{flavor}", ""), cells);
        }
        let tests = self.failing_tests();
        if !tests.is_empty() {
            text += "tests\n";
        }
        for name in tests {
            let cells = layout.steps().map(|step| self.outcome(name, step));
            text += &layout.line(&format!("{:INDENT$}{name}", ""), cells);
        }
        text += "\n. as without the patches, + as with all of them, ~ neither\n";
        text += "Not shown: what no patch changes.\n";
        text
    }

    /// A line for a patch: which rows it makes what they are in the end.
    fn flips(&self, step: usize, style: Style) -> String {
        let became = |row: &&Row<'_>| {
            self.cell(row, step) == Cell::After && self.cell(row, step - 1) != Cell::After
        };
        let mut names: Vec<_> = self
            .changing()
            .filter(became)
            .map(|row| row.scenario)
            .collect();
        names.dedup();
        let what = match names.as_slice() {
            [] => "flips no scenario".to_owned(),
            names => format!("flips {}", names.join(", ")),
        };
        let mut text = format!("{step:>2}  {}\n", self.patch(step));
        for line in wrap(style.width.saturating_sub(4), &what) {
            let _ = writeln!(text, "    {line}");
        }
        text
    }

    /// The rows that are not the same all along.
    fn changing(&self) -> impl Iterator<Item = &Row<'a>> {
        let steps = 0..self.comparison.runs.len();
        self.comparison.rows.iter().filter(move |row| {
            let mut others = steps.clone();
            others.any(|step| self.cell(row, step) != Cell::Before)
        })
    }

    fn cell(&self, row: &Row<'_>, step: usize) -> Cell {
        let tally = |step: usize| row.records[step].map(|record| record.tally);
        let Some(own) = tally(step) else {
            return Cell::Nothing;
        };
        let same = |other: usize| {
            tally(other).is_some_and(|other| classify(&other, &own) == Change::Unchanged)
        };
        if same(0) {
            Cell::Before
        } else if same(self.comparison.runs.len() - 1) {
            Cell::After
        } else {
            Cell::Between
        }
    }

    /// Tests that are not good after each patch.
    fn failing_tests(&self) -> Vec<&'a str> {
        let runs: Vec<&'a Run> = self.comparison.runs.clone();
        let tests = runs.into_iter().flat_map(|run| &run.tests);
        let failing = tests.filter(|test| !test.outcome.is_good());
        let mut names: Vec<_> = failing.map(|test| test.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn outcome(&self, test: &str, step: usize) -> &'static str {
        let mut tests = self.comparison.runs[step].tests.iter();
        let found = tests.find(|it| it.name == test);
        match found.map(|test| &test.outcome) {
            None => " ",
            Some(outcome) if outcome.is_good() => ".",
            Some(Outcome::Infra(_)) => "?",
            Some(_) => "F",
        }
    }

    fn step(&self, step: usize) -> String {
        match step {
            0 => "before the patches".to_owned(),
            step => format!("after {}", self.patch(step)),
        }
    }

    fn patch(&self, step: usize) -> &str {
        self.patches.get(step - 1).map_or("?", String::as_str)
    }
}

struct Layout {
    name: usize,
    cell: usize,
    steps: usize,
}

impl Layout {
    fn of(steps: &Steps<'_>, style: Style) -> Self {
        let count = steps.comparison.runs.len();
        let cell = 1 + (count - 1).to_string().len();
        let names = steps.changing().map(|row| {
            let flavor = row.flavor.map_or(0, |flavor| flavor.name().len() + 3);
            INDENT + row.scenario_parts().1.chars().count() + flavor
        });
        let tests = steps.failing_tests();
        let tests = tests.iter().map(|name| INDENT + name.chars().count());
        let longest = names.chain(tests).max().unwrap_or(0).max(NAMES.len());
        let room = style.width.saturating_sub(cell * count);
        Self {
            name: longest.min(room.max(LEAST_NAME)),
            cell,
            steps: count,
        }
    }

    fn steps(&self) -> std::ops::Range<usize> {
        0..self.steps
    }

    fn heading(&self) -> String {
        let numbers = self.steps().map(|step| step.to_string());
        let title = format!("{:1$} {TITLE}\n", "", self.name);
        title + &self.line(NAMES, numbers)
    }

    /// A name too long for its column has a line of its own.
    fn line<S: AsRef<str>>(&self, name: &str, cells: impl Iterator<Item = S>) -> String {
        let mut line = if name.chars().count() > self.name {
            format!("{name}\n{:1$}", "", self.name)
        } else {
            format!("{name:<0$}", self.name)
        };
        for cell in cells {
            let _ = write!(line, "{:>1$}", cell.as_ref(), self.cell);
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    }
}
