// SPDX-License-Identifier: GPL-2.0-only
//! A sentence per run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use nmissed_wire::text::plural;

use crate::model::change::{Change, Fate};
use crate::model::compare::{Comparison, Scenario, scenarios};
use crate::model::sample::{only_costs, only_samples, samples};
use crate::model::trouble::trouble;
use crate::render::cells::Tone;
use crate::render::style::{Style, wrap};

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

pub(crate) fn verdict_tone(comparison: &Comparison<'_>, run: usize) -> Tone {
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
pub(crate) fn verdict(comparison: &Comparison<'_>, run: usize) -> String {
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
        (_, 0) if only_samples(comparison.runs[run]) => {
            let samples = samples(comparison.runs[run]).len();
            parts.push(plural(samples, "scenario") + " of hits by chance");
        }
        (_, 0) if only_costs(comparison.runs[run]) => {
            parts.push(plural(comparison.runs[run].records.len(), "cost") + " of hits");
        }
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
        let mut moves = it.moves(run).into_iter();
        it.change(run) == Change::Different && moves.all(|(from, to)| from.rank() == to.rank())
    };
    let is_gone = |it: &Scenario<'_, '_>| it.has_record(0) && !it.has_record(run);
    let is_new = |it: &Scenario<'_, '_>| !it.has_record(0) && it.has_record(run);
    let better = turned(comparison, run, |from, to| to.is_better_than(from));
    let worse = turned(comparison, run, |from, to| from.is_better_than(to));
    let only_better = better.is_some();
    let parts = [
        better.map(|it| format!("turns {it}")),
        worse.map(|it| format!("worse: turns {it}")),
        count(&is_sideways, "counted in another way"),
        count(&is_gone, "without a record here"),
        count(&is_new, "without a record in the reference"),
    ];
    let mut parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.len() {
        0 => parts.push("changes nothing".to_owned()),
        1 if only_better => parts.push("nothing else changed".to_owned()),
        _ => (),
    }
    parts
}

/// `lost hits of 3 scenarios into runs, counted misses of 1 scenario into runs`.
fn turned(
    comparison: &Comparison<'_>,
    run: usize,
    wanted: impl Fn(Fate, Fate) -> bool,
) -> Option<String> {
    let mut counts: BTreeMap<(Fate, Fate), usize> = BTreeMap::new();
    for scenario in comparison.scenarios() {
        let moves = scenario.moves(run).into_iter();
        let moves = moves.map(|(from, to)| (from.rank(), to.rank()));
        for it in moves
            .filter(|(from, to)| wanted(*from, *to))
            .collect::<BTreeSet<_>>()
        {
            *counts.entry(it).or_default() += 1;
        }
    }
    let phrases = counts.into_iter().map(|((from, to), count)| {
        let scenarios = plural(count, "scenario");
        format!("{} of {scenarios} into {}", noun(from), noun(to))
    });
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
