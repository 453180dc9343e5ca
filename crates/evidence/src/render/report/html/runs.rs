// SPDX-License-Identifier: GPL-2.0-only
//! The runs of a kernel: how they went, with what they were made, what the kernel printed.

use maud::{Markup, html};
use nmissed_wire::{Outcome, Run, TestResult};

use crate::model::compare::Comparison;
use crate::model::setup::Setup;
use crate::render::cells::Tone;
use crate::render::report::html::console::excerpt;
use crate::render::report::html::table::class;
use crate::render::report::{Evidence, verb};
use crate::render::verdict::{verdict, verdict_tone};

/// A sentence and a row per run.
pub(super) fn how_they_went(comparison: &Comparison<'_>) -> Markup {
    let runs = comparison.runs.iter().enumerate();
    let label = format!("Runs of {}", comparison.runs[0].kernel);
    html! {
        dl {
            @for (place, run) in runs {
                dt { (run.variant) }
                dd class=(class(verdict_tone(comparison, place))) { (verdict(comparison, place)) }
            }
        }
        div.scroll tabindex="0" role="region" aria-label=(label) {
            table {
                caption { "Number of tests, and time; the first run is the reference" }
                thead {
                    tr {
                        th.words scope="col" { "variant" }
                        @for head in ["pass", "fail", "skip", "boot", "total"] { th scope="col" { (head) } }
                        th.words scope="col" { "release" }
                    }
                }
                tbody { @for run in &comparison.runs { (row(run)) } }
            }
        }
    }
}

fn row(run: &Run) -> Markup {
    let count = |wanted: fn(&Outcome) -> bool| {
        let tests = run.all_tests();
        tests.filter(|it| wanted(&it.outcome)).count()
    };
    html! {
        tr {
            th scope="row" { (run.variant) }
            td { (count(|it| *it == Outcome::Pass)) }
            td { (count(Outcome::is_failure)) }
            td { (count(|it| matches!(it, Outcome::Skip(_)))) }
            td { (run.boot_s.map_or("-".to_owned(), seconds)) }
            td { (seconds(run.total_s)) }
            td.words { (run.release) " (" (run.accel) ")" }
        }
    }
}

/// The setup of a run, and below it each test with its reason and console excerpt.
pub(super) fn run_details(it: &Evidence, setup: &Setup) -> Markup {
    let run = &it.run;
    let console = it.files.console.as_deref().unwrap_or_default();
    html! {
        details {
            summary { (run.variant) " (" (run.release) ")" }
            dl {
                dt { "accelerator" } dd { (run.accel) }
                @for (name, value) in setup.lines() { dt { (name) } dd { (value) } }
                dt { "repeat" }
                dd {
                    @if it.options.is_empty() { "options not known" }
                    @else { code { "cargo xtask vm " (verb(run)) " " (it.options.join(" ")) } }
                }
            }
            details.console {
                summary { (format!("Tests and console of {}", run.variant)) }
                @for test in &run.tests { (test_details(test, console)) }
            }
        }
    }
}

fn test_details(test: &TestResult, console: &str) -> Markup {
    let outcome = &test.outcome;
    let tone = match outcome {
        Outcome::Pass => None,
        Outcome::Skip(_) => Some(class(Tone::Attention)),
        _ => Some(class(Tone::Bad)),
    };
    html! {
        details {
            summary { (test.name) " " span class=[tone] { (outcome.name()) } ", " (seconds(test.seconds)) }
            @if let Some(why) = outcome.why() { pre { (why) } }
            @match excerpt(console, &test.name) {
                Some(lines) => pre { (lines) }
                None => p { "The console of the first boot has no line of it." }
            }
        }
    }
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.1}s")
}
