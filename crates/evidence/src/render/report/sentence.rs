// SPDX-License-Identifier: GPL-2.0-only
//! The verdict on all runs in one sentence.

use nmissed_wire::text::plural;
use nmissed_wire::{Outcome, Run};

use crate::model::change::Fate;
use crate::model::compare::{Comparison, Scenario, compare};
use crate::model::repeat::differences;
use crate::model::results::Results;
use crate::model::sample::{only_costs, only_samples};
use crate::model::trouble::trouble;
use crate::render::cells::Tone;

/// How many runs with trouble are named.
const NAMED: usize = 3;

/// Whether all is as expected, then what is not, or what the variants change.
pub(crate) fn sentence(results: &Results) -> (String, Tone) {
    let runs = &results.runs;
    let is_failure = |run: &Run| {
        let mut outcomes = run.all_tests().map(|it| &it.outcome);
        run.machine.is_failure()
            || outcomes.any(Outcome::is_failure)
            || (run.is_good() && !differences(run).is_empty())
    };
    let kernels: Vec<_> = compare(results);
    let of = plural(kernels.len(), "kernel");
    let all = format!("{} of {of}", plural(runs.len(), "run"));
    if runs.iter().any(is_failure) || results.has_new_reports() {
        let text = format!("Not as expected: {}.", troubles(runs, &all));
        (text, Tone::Bad)
    } else if runs.is_empty() || !runs.iter().all(Run::is_good) {
        let text = format!("No verdict: {}.", troubles(runs, &all));
        (text, Tone::Attention)
    } else {
        let (hits, is_worse) = counts(&kernels);
        let tests: usize = runs.iter().map(|run| run.all_tests().count()).sum();
        let tests = plural(tests, "test");
        let (what, tone) = if is_worse {
            ("Nothing failed, but hits fare worse", Tone::Bad)
        } else {
            ("As expected", Tone::Good)
        };
        let hits = match runs.iter().all(|it| only_samples(it) || only_costs(it)) {
            true => String::new(),
            false => format!("; {hits}"),
        };
        let text = format!("{what}: {all}, none of {tests} failed{hits}.");
        (text, tone)
    }
}

/// `6.12 active: 3 of 82 tests failed`, of the first runs that have any.
fn troubles(runs: &[Run], all: &str) -> String {
    let bad = runs.iter().filter(|run| !run.is_good());
    let named: Vec<_> = bad
        .map(|run| {
            format!(
                "{} {}: {}",
                run.kernel,
                run.variant,
                trouble(run).join(", ")
            )
        })
        .collect();
    match named.len() {
        0 if runs.is_empty() => "there are no runs".to_owned(),
        0 => format!("a kernel reports what its reference does not, or repetitions differ ({all})"),
        count => {
            let more = count.saturating_sub(NAMED);
            let rest = (more > 0).then(|| format!("{more} more"));
            let shown: Vec<_> = named.into_iter().take(NAMED).chain(rest).collect();
            format!("{} ({all})", shown.join("; "))
        }
    }
}

/// What the variants change, or without any, what the hits come to; and whether any hit
/// fares worse than in the reference.
fn counts(kernels: &[Comparison<'_>]) -> (String, bool) {
    let count = |wanted: &dyn Fn(&Comparison<'_>, &Scenario<'_, '_>) -> bool| {
        let of = |it: &Comparison<'_>| {
            it.scenarios()
                .filter(|scenario| wanted(it, scenario))
                .count()
        };
        kernels.iter().map(of).sum::<usize>()
    };
    let all = plural(count(&|_, _| true), "scenario");
    let any = |it: &Comparison<'_>, wanted: &dyn Fn(usize) -> bool| (1..it.runs.len()).any(wanted);
    if kernels.iter().all(|it| it.runs.len() == 1) {
        let loses = |it: &Comparison<'_>, scenario: &Scenario<'_, '_>| {
            let mut runs = 0..it.runs.len();
            runs.any(|run| matches!(scenario.fate(run), Some(Fate::Lost | Fate::Twice)))
        };
        let text = format!("{} of {all} lose hits or count them twice", count(&loses));
        return (text, false);
    }
    let is_better = |it: &Comparison<'_>, scenario: &Scenario<'_, '_>| {
        any(it, &|run| {
            let mut moves = scenario.moves(run).into_iter();
            moves.any(|(from, to)| to.is_better_than(from))
        })
    };
    let is_worse = |it: &Comparison<'_>, scenario: &Scenario<'_, '_>| {
        any(it, &|run| scenario.has_worse_hits(run))
    };
    let (better, worse) = (count(&is_better), count(&is_worse));
    let text =
        format!("against the reference, hits fare better in {better} of {all}, worse in {worse}");
    (text, worse > 0)
}
