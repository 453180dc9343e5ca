// SPDX-License-Identifier: GPL-2.0-only
//! Failures, reports of the kernel, and scenarios that got worse or are unexplained;
//! skipped tests.

use nmissed_wire::text::{plural, some_of};
use nmissed_wire::{Outcome, Run, TestResult};

use crate::model::compare::{Comparison, Scenario};
use crate::model::repeat::differences;
use crate::model::trouble::ended_with_machine;
use crate::render::cells::{Cell, Tone};
use crate::render::repeat::repetitions;
use crate::render::style::{NAMED, Style, wrap};

/// How many lines of a test's output are shown; `results.json` has the rest.
const LINES_OF_A_REASON: usize = 10;
/// Room for the longest word, `UNKNOWN` or `LOST-VM`, and what separates it.
const INDENT: usize = 9;

/// All findings, or one line that says that there is none.
pub(crate) fn findings(comparison: &Comparison<'_>, style: Style) -> String {
    let mut text = String::new();
    for (place, run) in comparison.runs.iter().enumerate() {
        text += &reasons(run, |it| !it.is_good(), style);
        if run.machine.is_good() && run.tests.is_empty() {
            text += &heading(run, "no test ran", "INFRA", Tone::Bad, style);
        }
        for report in comparison.new_reports(place) {
            let (word, tone) = match place {
                0 => ("REPORT", Tone::Attention),
                _ => ("NEW", Tone::Bad),
            };
            text += &heading(run, "the kernel reports", word, tone, style);
            text += &indented(&printable(report), style);
        }
        let mut named = |word, what, wanted: &dyn Fn(&Scenario<'_, '_>) -> bool| {
            let all = comparison.all_scenarios().filter(wanted);
            let names: Vec<_> = all.map(Scenario::name).collect();
            if !names.is_empty() {
                let what = format!("{}, {what}:", plural(names.len(), "scenario"));
                text += &heading(run, &what, word, Tone::Bad, style);
                text += &indented(&some_of(&names, NAMED), style);
            }
        };
        let (worse, unexplained) = (
            "worse than in the reference",
            "lost or double hits unexplained",
        );
        named("WORSE", worse, &|it| it.has_worse_hits(place));
        named("UNKNOWN", unexplained, &|it| it.is_unexplained(place));
        if !differences(run).is_empty() {
            text += &repetitions(run, style);
        }
    }
    if text.is_empty() {
        let worse = match comparison.runs.len() {
            1 => String::new(),
            _ => format!(", nothing is worse than in {}", comparison.runs[0].variant),
        };
        let line = format!("Nothing failed{worse}, every loss has a known reason.");
        text = style.notes(&[Cell::new(line)]);
    }
    text
}

/// The skipped tests of all runs, and why.
pub(crate) fn skipped(comparison: &Comparison<'_>, style: Style) -> String {
    let is_skip = |it: &Outcome| matches!(it, Outcome::Skip(_));
    let runs = comparison.runs.iter();
    runs.map(|run| reasons(run, is_skip, style)).collect()
}

/// The tests of a run with such outcomes, and why; the machine first.
fn reasons(run: &Run, wanted: impl Fn(&Outcome) -> bool, style: Style) -> String {
    let mut text = String::new();
    if wanted(&run.machine) {
        text += &outcome_heading(run, "the machine", &run.machine, style);
        text += &reason(&run.machine, style);
    }
    // Repetitions mostly have the same outcomes.
    let mut tests: Vec<&TestResult> = Vec::new();
    for test in run.all_tests().filter(|it| wanted(&it.outcome)) {
        let is_same = |it: &&TestResult| it.name == test.name && it.outcome == test.outcome;
        if !tests.iter().any(is_same) {
            tests.push(test);
        }
    }
    // Tests in a row with one and the same reason share its lines.
    for same in tests.chunk_by(|one, next| one.outcome == next.outcome) {
        let outcome = &same[0].outcome;
        let name = match same.len() {
            1 => same[0].name.clone(),
            all => format!("{} and {} more", same[0].name, all - 1),
        };
        text += &outcome_heading(run, &name, outcome, style);
        if !ended_with_machine(run, outcome) {
            text += &reason(outcome, style);
        }
    }
    text
}

fn outcome_heading(run: &Run, name: &str, outcome: &Outcome, style: Style) -> String {
    let tone = if outcome.is_good() {
        Tone::Attention
    } else {
        Tone::Bad
    };
    heading(run, name, &outcome.name().to_uppercase(), tone, style)
}

fn heading(run: &Run, what: &str, word: &str, tone: Tone, style: Style) -> String {
    let text = indented(&format!("{}: {what}", run.variant), style);
    style.paint(tone, &format!("{word:<INDENT$}")) + &text[INDENT..]
}

fn reason(outcome: &Outcome, style: Style) -> String {
    let why = outcome.why().unwrap_or_default();
    let lines: Vec<&str> = why.lines().filter(|line| !line.trim().is_empty()).collect();
    let shown = lines.iter().take(LINES_OF_A_REASON);
    let mut text: String = shown
        .map(|line| indented(&printable(line), style))
        .collect();
    if let Some(more @ 1..) = lines.len().checked_sub(LINES_OF_A_REASON) {
        text += &indented(&format!("[{more} more in results.json]"), style);
    }
    text
}

fn indented(text: &str, style: Style) -> String {
    let lines = wrap(style.width.saturating_sub(INDENT), text).into_iter();
    lines
        .map(|line| format!("{:INDENT$}{line}\n", ""))
        .collect()
}

/// A line of the guest without what would move a terminal's cursor or colours.
fn printable(line: &str) -> String {
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    let line: String = line.chars().map(visible).collect();
    line.trim_end().to_owned()
}
