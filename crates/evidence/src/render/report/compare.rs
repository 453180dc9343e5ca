// SPDX-License-Identifier: GPL-2.0-only
//! Two reports, run by run: what counts differently, and what that may come from.

use std::fmt::Write as _;

use nmissed_wire::Run;
use nmissed_wire::text::plural;
use serde::Serialize;

use crate::model::apart::{Apart, Cause, Side};
use crate::model::compare::{Comparison, Scenario, compare};
use crate::model::results::Results;
use crate::render::cells::{Cell, Mark};
use crate::render::counts::counts_table;
use crate::render::layout::set;
use crate::render::report::Report;
use crate::render::report::letter::{WIDTH, of_interest};
use crate::render::style::Style;

/// What differs between the runs of two reports.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    pairs: Vec<Pair>,
    /// Runs of one report that the other has no counterpart of.
    only_a: Vec<String>,
    only_b: Vec<String>,
}

/// Two runs.
#[derive(Clone, Debug, Serialize)]
struct Pair {
    a: String,
    b: String,
    verdict: String,
    is_same: bool,
    /// Cause and text.
    setup: Vec<(&'static str, String)>,
    /// `missed::nested: pass -> fail`.
    outcomes: Vec<String>,
    /// Names of scenarios that count differently.
    scenarios: Vec<String>,
    #[serde(skip)]
    tables: Vec<String>,
}

impl Compared {
    /// Compares each run of `a` with that of `b` of the same kernel and variant, else of the
    /// same variant, else the only ones with each other.
    #[must_use]
    pub fn of(a: &Report, b: &Report) -> Self {
        let (matched, left, right) = counterparts(a.runs(), b.runs());
        let names = |report: &Report, places: Vec<usize>| {
            let runs = places.into_iter().map(|at| &report.runs()[at]);
            runs.map(name).collect()
        };
        let pairs = matched.into_iter();
        Self {
            pairs: pairs
                .map(|(one, other)| Pair::of(a.side(one), b.side(other)))
                .collect(),
            only_a: names(a, left),
            only_b: names(b, right),
        }
    }

    /// Whether every run has a counterpart that counts the same.
    #[must_use]
    pub fn is_same(&self) -> bool {
        let alone = self.only_a.len() + self.only_b.len();
        alone == 0 && self.pairs.iter().all(|pair| pair.is_same)
    }

    /// All of it, as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("every key is a string, and every `Serialize` is derived") + "\n"
    }

    /// Text of at most 72 columns, unless a single word is longer.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut parts: Vec<String> = self.pairs.iter().map(Pair::text).collect();
        for (side, names) in [("A", &self.only_a), ("B", &self.only_b)] {
            if !names.is_empty() {
                parts.push(note(&format!("Only in {side}: {}", names.join(", "))));
            }
        }
        parts.join("\n\n")
    }
}

/// Places of runs of `a` and `b` that belong together, and the places of those left.
type Counterparts = (Vec<(usize, usize)>, Vec<usize>, Vec<usize>);

fn counterparts(a: &[Run], b: &[Run]) -> Counterparts {
    let rules: [fn(&Run, &Run) -> bool; 2] = [
        |a, b| (&a.kernel, &a.variant) == (&b.kernel, &b.variant),
        |a, b| a.variant == b.variant,
    ];
    let mut left: Vec<usize> = (0..a.len()).collect();
    let mut right: Vec<usize> = (0..b.len()).collect();
    let mut matched = Vec::new();
    for is_match in rules {
        left.retain(|one| {
            let found = right
                .iter()
                .position(|other| is_match(&a[*one], &b[*other]));
            matched.extend(found.map(|at| (*one, right.remove(at))));
            found.is_none()
        });
    }
    if let ([one], [other], []) = (left.as_slice(), right.as_slice(), matched.as_slice()) {
        matched.push((*one, *other));
        (left, right) = (Vec::new(), Vec::new());
    }
    matched.sort_unstable();
    (matched, left, right)
}

impl Report {
    fn runs(&self) -> &[Run] {
        &self.results.runs
    }

    fn side(&self, at: usize) -> Side<'_> {
        Side {
            run: &self.evidence[at].run,
            files: &self.evidence[at].files,
            setup: &self.setups[at],
        }
    }
}

impl Pair {
    fn of(a: Side<'_>, b: Side<'_>) -> Self {
        let apart = Apart::of(a, b);
        let labelled = |side: Side<'_>, label: &str| Run {
            kernel: String::new(),
            variant: label.to_owned(),
            ..side.run.clone()
        };
        let results = Results {
            runs: vec![labelled(a, "A"), labelled(b, "B")],
        };
        let comparison = compare(&results).remove(0);
        let differs = |it: &Scenario<'_, '_>| it.is_in_both() && !it.is_unchanged(1);
        let differing = comparison.all_scenarios().filter(differs);
        let mut scenarios: Vec<String> = differing.map(|it| it.name().to_owned()).collect();
        scenarios.dedup();
        let both = comparison.all_scenarios().filter(|it| it.is_in_both());
        let both = both.count();
        let outcomes = outcomes(a.run, b.run);
        let what = what(&scenarios, both, &outcomes);
        Self {
            a: name(a.run),
            b: name(b.run),
            verdict: verdict(&what, both, &apart),
            is_same: what.is_empty() && both > 0,
            tables: tables(&comparison),
            setup: apart.named(),
            outcomes,
            scenarios,
        }
    }

    fn text(&self) -> String {
        let mut text = note(&format!("A: {}", self.a)) + &note(&format!("B: {}", self.b));
        text += &note(&self.verdict);
        if !self.setup.is_empty() {
            text.push('\n');
        }
        for (cause, what) in &self.setup {
            text += &note(&format!("{cause:<14} {what}"));
        }
        if !self.outcomes.is_empty() {
            text.push('\n');
        }
        for outcome in &self.outcomes {
            text += &note(outcome);
        }
        for table in &self.tables {
            let _ = write!(text, "\n{table}");
        }
        text
    }
}

/// `2 scenarios of 4 count differently`, and likewise of tests, if there are any.
fn what(scenarios: &[String], both: usize, outcomes: &[String]) -> Vec<String> {
    let counts = plural(scenarios.len(), "scenario") + &format!(" of {both} count differently");
    let ends = plural(outcomes.len(), "test") + " ended differently";
    let counts = (!scenarios.is_empty()).then_some(counts);
    let ends = (!outcomes.is_empty()).then_some(ends);
    counts.into_iter().chain(ends).collect()
}

/// What differs, and what it may be put down to.
fn verdict(what: &[String], scenarios: usize, apart: &Apart) -> String {
    let unknown = match apart.unknown.as_slice() {
        [] => String::new(),
        some => format!(
            " Not compared, since a run does not have it: {}.",
            some.join(", ")
        ),
    };
    let causes: Vec<&str> = apart.causes().into_iter().map(Cause::name).collect();
    if what.is_empty() && scenarios == 0 {
        return format!("Nothing to compare: no scenario is in both.{unknown}");
    }
    if what.is_empty() {
        let all = plural(scenarios, "scenario");
        let setup = match causes.as_slice() {
            [] => String::new(),
            some => format!(", although the {} differs", some.join(" and the ")),
        };
        return format!("Nothing counts differently in {all}{setup}.{unknown}");
    }
    let why = match causes.as_slice() {
        [] => {
            "Nothing that is recorded differs beside that: the counts vary from boot to boot, or \
               the test programs changed."
                .to_owned()
        }
        [one] => format!("It is the {one}: nothing else that is recorded differs."),
        some => format!(
            "Undecided: the {} differ; repeat with all but one of them the same.",
            some.join(" and the ")
        ),
    };
    format!("{}. {why}{unknown}", what.join(", "))
}

fn outcomes(a: &Run, b: &Run) -> Vec<String> {
    let machine = (a.machine.name() != b.machine.name())
        .then(|| format!("the machine: {} -> {}", a.machine.name(), b.machine.name()));
    let tests = a.tests.iter().filter_map(|test| {
        let other = b.tests.iter().find(|other| other.name == test.name)?;
        let [from, to] = [test, other].map(|it| it.outcome.name());
        (from != to).then(|| format!("{}: {from} -> {to}", test.name))
    });
    machine.into_iter().chain(tests).collect()
}

/// The counts that differ.
fn tables(comparison: &Comparison<'_>) -> Vec<String> {
    let mut shown = of_interest(comparison);
    shown.rows.extend(std::mem::take(&mut shown.pairs));
    shown
        .rows
        .retain(|row| row.records.iter().all(Option::is_some));
    if shown.rows.is_empty() {
        return Vec::new();
    }
    let (table, mut legend) = counts_table(&shown);
    legend.extend(Mark::legend(&table, "A"));
    let mut parts = vec![STYLE.notes(&legend)];
    parts.extend(set(&[&table], STYLE));
    parts
}

const STYLE: Style = Style {
    width: WIDTH,
    colour: false,
};

fn note(text: &str) -> String {
    STYLE.notes(&[Cell::new(text)])
}

fn name(run: &Run) -> String {
    format!("{} {} ({})", run.kernel, run.variant, run.release)
}
