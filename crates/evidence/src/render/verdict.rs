// SPDX-License-Identifier: GPL-2.0-only
//! A sentence per run, and what is wrong.

use std::fmt::Write as _;

use nmissed_wire::{Outcome, Run, TestResult};

use crate::model::change::{Change, Fate};
use crate::model::compare::{Comparison, Scenario, scenarios};
use crate::model::repeat::differences;
use crate::model::trouble::trouble;
use crate::render::cells::Tone;
use crate::render::repeat::repetitions;
use crate::render::style::{Style, wrap};
use crate::render::words::{plural, some_of};

/// How many lines of a test's output are shown; `results.json` has the rest.
const LINES_OF_A_REASON: usize = 10;
/// Room for the longest word, `UNKNOWN` or `LOST-VM`, and what separates it.
const INDENT: usize = 9;

/// Everything that is wrong, or one line that says that nothing is.
pub(crate) fn wrong(comparison: &Comparison<'_>, style: Style) -> String {
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
        let named = |wanted: fn(&Scenario<'_, '_>, usize) -> bool| {
            let all = comparison.all_scenarios().filter(|it| wanted(it, place));
            all.map(Scenario::name).collect::<Vec<_>>()
        };
        let findings = [
            (
                "WORSE",
                "worse than in the reference",
                named(|it, run| it.has_worse_hits(run)),
            ),
            (
                "UNKNOWN",
                "lost or double hits unexplained",
                named(|it, run| it.is_unexplained(run)),
            ),
        ];
        for (word, what, names) in findings {
            if !names.is_empty() {
                let what = format!("{}, {what}:", plural(names.len(), "scenario"));
                text += &heading(run, &what, word, Tone::Bad, style);
                text += &indented(&some_of(&names), style);
            }
        }
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
        let lines = wrap(style.width, &line).into_iter();
        text = lines.map(|line| line + "\n").collect();
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
        // A test that ended with the machine has nothing to add.
        if *outcome != run.machine {
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
    let word = style.paint(tone, &format!("{word:<INDENT$}"));
    format!("{word}{}: {what}\n", run.variant)
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

/// A sentence per run, beside its name of so many columns.
pub(crate) fn verdicts(comparison: &Comparison<'_>, width: usize, style: Style) -> String {
    let room = style.width.saturating_sub(width + 2);
    let mut text = String::new();
    for (place, run) in comparison.runs.iter().enumerate() {
        let mut name = run.variant.as_str();
        for line in wrap(room, &verdict(comparison, place)) {
            let line = style.paint(verdict_tone(comparison, place), &line);
            let _ = writeln!(text, "{name:<width$}  {line}");
            name = "";
        }
    }
    text
}

fn verdict_tone(comparison: &Comparison<'_>, run: usize) -> Tone {
    let mut all = comparison.all_scenarios();
    let is_worse = all.any(|it| it.has_worse_hits(run));
    let is_new = run > 0 && !comparison.new_reports(run).is_empty();
    if is_worse || is_new || !comparison.runs[run].is_good() {
        Tone::Bad
    } else {
        Tone::Strong
    }
}

/// What went wrong, then how many scenarios there are or what the variant changes.
fn verdict(comparison: &Comparison<'_>, run: usize) -> String {
    let mut parts = trouble(comparison.runs[run]);
    let new = comparison.new_reports(run).len();
    if run > 0 && new > 0 {
        parts.push(plural(new, "new report") + " of the kernel");
    }
    let seen = comparison
        .scenarios()
        .filter(|it| it.has_record(run))
        .count();
    let pairs = scenarios(&comparison.pairs).filter(|it| it.has_record(run));
    let all_pairs = pairs.clone().count();
    match (run, seen) {
        (_, 0) if all_pairs == 0 => parts.push("no records".to_owned()),
        (_, 0) => (),
        (0, seen) => parts.push(plural(seen, "scenario")),
        _ => parts.extend(changes(comparison, run)),
    }
    if all_pairs > 0 {
        parts.push(match run {
            0 => format!("{all_pairs} pairs of programs"),
            _ => {
                let differ = pairs.filter(|it| !it.is_unchanged(run)).count();
                format!("{differ} of {all_pairs} pairs of programs differ")
            }
        });
    }
    parts.join("; ")
}

fn changes(comparison: &Comparison<'_>, run: usize) -> Vec<String> {
    let count = |wanted: &dyn Fn(&Scenario<'_, '_>) -> bool, what: &str| {
        let count = comparison.scenarios().filter(wanted).count();
        (count > 0).then(|| format!("{} {what}", plural(count, "scenario")))
    };
    let is_sideways = |it: &Scenario<'_, '_>| {
        let moves = it.moves(run);
        let is_move = |(from, to): &(Fate, Fate)| noun(*from) != noun(*to);
        it.change(run) == Change::Different && !moves.iter().any(is_move)
    };
    let better = turned(comparison, run, |from, to| to.is_better_than(from));
    let worse = turned(comparison, run, |from, to| from.is_better_than(to));
    let only_better = better.is_some();
    let parts = [
        better.map(|it| format!("turns {it}")),
        worse.map(|it| format!("worse: turns {it}")),
        count(&is_sideways, "counted in another way"),
        count(
            &|it| it.has_record(0) && !it.has_record(run),
            "without a record here",
        ),
        count(
            &|it| !it.has_record(0) && it.has_record(run),
            "without a record in the reference",
        ),
    ];
    let mut parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.len() {
        0 => parts.push("changes nothing".to_owned()),
        1 if only_better => parts.push("nothing else changed".to_owned()),
        _ => (),
    }
    parts
}

/// `lost hits of 3 scenarios into runs, misses of 1 scenario into runs`.
fn turned(
    comparison: &Comparison<'_>,
    run: usize,
    wanted: impl Fn(Fate, Fate) -> bool,
) -> Option<String> {
    let mut found: Vec<((&str, &str), usize)> = Vec::new();
    for from in Fate::ALL {
        for to in Fate::ALL.into_iter().filter(|to| wanted(from, *to)) {
            let key = (noun(from), noun(to));
            if found.iter().any(|(known, _)| *known == key) {
                continue;
            }
            let is_it = |(from, to): &(Fate, Fate)| (noun(*from), noun(*to)) == key;
            let all = comparison.scenarios();
            let count = all.filter(|it| it.moves(run).iter().any(is_it)).count();
            found.push((key, count));
        }
    }
    let found = found.into_iter().filter(|(_, count)| *count > 0);
    let phrases = found
        .map(|((from, to), count)| format!("{from} of {} into {to}", plural(count, "scenario")));
    let phrases: Vec<_> = phrases.collect();
    (!phrases.is_empty()).then(|| phrases.join(", "))
}

fn noun(fate: Fate) -> &'static str {
    match fate {
        Fate::Lost => "lost hits",
        Fate::Twice => "hits counted twice",
        Fate::Program | Fate::Link => "counted misses",
        Fate::Ran => "runs",
    }
}
