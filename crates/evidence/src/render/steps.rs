// SPDX-License-Identifier: GPL-2.0-only
//! What each patch of a series changes, as text.
//!
//! ```text
//! after patch    0 1 2
//! kprobe.multi/
//!   level-3      . + +
//! ```

use std::fmt::Write as _;

use nmissed_wire::Outcome;

use crate::model::steps::{Progress, Steps};
use crate::render::cells::{Cell, Group, Row, Table, Tone};
use crate::render::counts::label;
use crate::render::layout::set;
use crate::render::style::{Style, wrap};

const LEGEND: &str = ". as without the patches, + as with all of them, ~ neither, ? no record; \
     tests: F failed. Not shown: what no patch changes.";

impl Steps<'_> {
    /// The table of steps, what each patch changes, and complaints.
    #[must_use]
    pub fn to_text(&self, style: Style) -> String {
        let mut text = style.notes(&[Cell::new(LEGEND)]) + "\n";
        text.extend(set(&[&self.table()], style));
        text += "\n";
        for step in 1..self.comparison.runs.len() {
            text += &self.flips(step, style);
        }
        let complaints = self.complaints().into_iter();
        let complaints: Vec<_> = complaints.map(|it| Cell::toned(it, Tone::Bad)).collect();
        if !complaints.is_empty() {
            text += "\n";
        }
        text + &style.notes(&complaints)
    }

    fn table(&self) -> Table {
        let steps = 0..self.comparison.runs.len();
        let row = |section: String, name: String, sign: &dyn Fn(usize) -> &'static str| Row {
            section,
            name,
            groups: steps
                .clone()
                .map(|step| Cell::new(sign(step)).into())
                .collect(),
        };
        let scenarios = self.changing().map(|it| {
            let name = label(&self.comparison, it);
            row(format!("{}/", it.attach_type), name, &|step| {
                sign(self.progress(it, step))
            })
        });
        let tests = self.failing_tests().into_iter().map(|name| {
            row("tests".to_owned(), name.to_owned(), &|step| {
                self.outcome(name, step)
            })
        });
        let groups = steps.clone().map(|step| Group {
            heads: vec![step.to_string()],
            ..Group::default()
        });
        Table {
            title: String::new(),
            names: "after patch".to_owned(),
            groups: groups.collect(),
            pinned: 0,
            rows: scenarios.chain(tests).collect(),
        }
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

    /// The name of a patch, and the scenarios to which it gives their last counts.
    fn flips(&self, step: usize, style: Style) -> String {
        let flips = match self.flipped(step).as_slice() {
            [] => "flips no scenario".to_owned(),
            names => format!("flips {}", names.join(", ")),
        };
        let mut text = format!("{step:>2}  {}\n", self.patch(step));
        for line in wrap(style.width.saturating_sub(4), &flips) {
            let _ = writeln!(text, "    {line}");
        }
        text
    }
}

fn sign(progress: Progress) -> &'static str {
    match progress {
        Progress::Before => ".",
        Progress::After => "+",
        Progress::Between => "~",
        Progress::Nothing => "?",
    }
}
