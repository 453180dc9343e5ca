// SPDX-License-Identifier: GPL-2.0-only
//! Results as text for a terminal or a cover letter.

use std::fmt::Write as _;

use crate::model::compare::compare;
use crate::model::repeat::repetitions;
use crate::render::style::{Ink, Style, wrap};
use crate::render::table::{matrix, table};
use nmissed_wire::Outcome;

use crate::{Change, Comparison, Results, Run, TestResult};

/// How much of a test's own words is shown; `results.json` has the rest.
const LINES_OF_A_REASON: usize = 10;
/// Room for the longest outcome, `LOST-VM`, and what separates it.
const REASON_INDENT: usize = 9;
const VARIANT: &str = "variant";

impl Results {
    /// One chapter per kernel: its counters by attach type and by scenario, a line per
    /// run, what did not pass and why, and a verdict per run.
    #[must_use]
    pub fn to_text(&self, style: Style) -> String {
        chapters(self, |comparison| {
            let mut tables = Vec::new();
            if !comparison.rows.is_empty() {
                tables = vec![matrix(&comparison, style), table(&comparison, style)];
            }
            chapter(&comparison, tables, style)
        })
    }
}

/// One per kernel.
pub(crate) fn chapters(results: &Results, chapter: impl Fn(Comparison<'_>) -> String) -> String {
    if results.runs.is_empty() {
        return "Nothing ran.\n".to_owned();
    }
    let chapters: Vec<String> = compare(results).into_iter().map(chapter).collect();
    chapters.join("\n\n")
}

/// What the runs show, how they went, what did not pass and why, and a verdict
/// per run.
pub(crate) fn chapter(comparison: &Comparison<'_>, shown: Vec<String>, style: Style) -> String {
    let title = format!("Kernel {}", comparison.runs[0].kernel);
    let mut parts = vec![style.paint(Ink::Bold, &title) + "\n"];
    parts.extend(shown);
    parts.push(runs(comparison, style));
    let all_runs = comparison.runs.iter();
    let mut reasons: String = all_runs.map(|run| reasons(run, style)).collect();
    reasons += &reports(comparison, style);
    if !reasons.is_empty() {
        parts.push(reasons);
    }
    parts.push(verdicts(comparison, style));
    let all_runs = comparison.runs.iter();
    let repetitions: String = all_runs.map(|run| repetitions(run, style)).collect();
    if !repetitions.is_empty() {
        parts.push(repetitions);
    }
    parts.join("\n")
}

/// A line per run: how its tests ended, how long it took, what it ran.
fn runs(comparison: &Comparison<'_>, style: Style) -> String {
    let width = variant_width(comparison);
    let heading = format!("{VARIANT:<width$}  pass fail skip   boot   total  release");
    let mut text = style.paint(Ink::Bold, &heading) + "\n";
    for run in &comparison.runs {
        let seconds = |seconds: f64| format!("{seconds:.1}s");
        let boot = run.boot_s.map_or("-".to_owned(), seconds);
        let total = seconds(run.total_s);
        let [pass, fail, skip] = counts(run);
        let _ = writeln!(
            text,
            "{:<width$}  {pass:>4} {fail:>4} {skip:>4} {boot:>6} {total:>7}  {} ({})",
            run.variant, run.release, run.accel,
        );
    }
    text
}

/// How many tests passed, failed in any way of their own or the kernel's, and
/// were skipped. Those that did not get their turn are none of these.
fn counts(run: &Run) -> [usize; 3] {
    let count = |wanted: fn(&Outcome) -> bool| {
        let outcomes = run.all_tests().map(|test| &test.outcome);
        outcomes.filter(|outcome| wanted(outcome)).count()
    };
    [
        count(|outcome| *outcome == Outcome::Pass),
        count(Outcome::is_failure),
        count(|outcome| matches!(outcome, Outcome::Skip(_))),
    ]
}

/// Everything of a run that did not pass, and why; the machine first.
fn reasons(run: &Run, style: Style) -> String {
    let mut text = String::new();
    if run.machine != Outcome::Pass {
        text += &heading(run, "the machine", &run.machine, style);
        text += &reason(&run.machine, style);
    }
    // Tests in a row with one and the same reason share its lines.
    // What repetitions have to say again is known.
    let mut tests: Vec<&TestResult> = Vec::new();
    for test in run.all_tests() {
        let is_known = |it: &&TestResult| it.name == test.name && it.outcome == test.outcome;
        if !tests.iter().any(is_known) {
            tests.push(test);
        }
    }
    for same in tests.chunk_by(|one, next| one.outcome == next.outcome) {
        let outcome = &same[0].outcome;
        if *outcome == Outcome::Pass {
            continue;
        }
        let name = match same.len() {
            1 => same[0].name.clone(),
            all => format!("{} and {} more", same[0].name, all - 1),
        };
        text += &heading(run, &name, outcome, style);
        // A test that ended with the machine has nothing to add.
        if *outcome != run.machine {
            text += &reason(outcome, style);
        }
    }
    text
}

fn heading(run: &Run, name: &str, outcome: &Outcome, style: Style) -> String {
    let ink = if outcome.is_good() {
        Ink::Yellow
    } else {
        Ink::Red
    };
    let word = format!("{:<REASON_INDENT$}", outcome.name().to_uppercase());
    format!("{}{}: {name}\n", style.paint(ink, &word), run.variant)
}

/// What the kernels say against themselves; of those after the reference, what
/// is new.
fn reports(comparison: &Comparison<'_>, style: Style) -> String {
    let mut text = String::new();
    for (place, run) in comparison.runs.iter().enumerate() {
        let (word, ink) = match place {
            0 => ("REPORT", Ink::Yellow),
            _ => ("NEW", Ink::Red),
        };
        let word = style.paint(ink, &format!("{word:<REASON_INDENT$}"));
        for report in comparison.new_reports(place) {
            let _ = writeln!(text, "{word}{}:", run.variant);
            for line in wrap(
                style.width.saturating_sub(REASON_INDENT),
                &printable(report),
            ) {
                let _ = writeln!(text, "{:REASON_INDENT$}{line}", "");
            }
        }
    }
    text
}

fn reason(outcome: &Outcome, style: Style) -> String {
    let why = outcome.why().unwrap_or_default();
    let room = style.width.saturating_sub(REASON_INDENT);
    let given: Vec<&str> = why.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut shown: Vec<String> = given
        .iter()
        .take(LINES_OF_A_REASON)
        .flat_map(|line| wrap(room, &printable(line)))
        .collect();
    if let Some(more @ 1..) = given.len().checked_sub(LINES_OF_A_REASON) {
        shown.push(format!("[{more} more in results.json]"));
    }
    let indented = |line: &String| format!("{:REASON_INDENT$}{line}\n", "");
    shown.iter().map(indented).collect()
}

/// A guest's words without what would move a terminal's cursor or colours.
fn printable(line: &str) -> String {
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    let line: String = line.chars().map(visible).collect();
    line.trim_end().to_owned()
}

/// A sentence per run, beside its name.
fn verdicts(comparison: &Comparison<'_>, style: Style) -> String {
    let width = variant_width(comparison);
    let room = style.width.saturating_sub(width + 2);
    let mut text = String::new();
    for (place, run) in comparison.runs.iter().enumerate() {
        let mut name = run.variant.as_str();
        for line in wrap(room, &comparison.verdict(place)) {
            let line = style.paint(verdict_ink(comparison, place), &line);
            let _ = writeln!(text, "{name:<width$}  {line}");
            name = "";
        }
    }
    text
}

fn verdict_ink(comparison: &Comparison<'_>, run: usize) -> Ink {
    let mut rows = comparison.rows.iter().chain(&comparison.pairs);
    let is_worse = rows.any(|row| row.change(run) == Change::Worse);
    let is_new = run > 0 && !comparison.new_reports(run).is_empty();
    if is_worse || is_new || !comparison.runs[run].is_good() {
        Ink::Red
    } else {
        Ink::Bold
    }
}

fn variant_width(comparison: &Comparison<'_>) -> usize {
    let names = comparison.runs.iter().map(|run| run.variant.as_str());
    let widths = names.chain([VARIANT]).map(|name| name.chars().count());
    widths.max().unwrap_or(0)
}
