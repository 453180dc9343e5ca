// SPDX-License-Identifier: GPL-2.0-only
//! One page that needs nothing else: no script, no font, no image, no network. The same
//! evidence gives the same bytes.

mod console;
mod history;
mod runs;
mod samples;
mod splats;
mod table;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::model::compare::{Comparison, compare};
use crate::render::counts::counts_table;
use crate::render::findings::findings;
use crate::render::pairs::pair_matrix;
use crate::render::report::Report;
use crate::render::report::costs::cost_table;
use crate::render::report::html::history::history;
use crate::render::report::html::runs::{how_they_went, run_details};
use crate::render::report::html::samples::sampled;
use crate::render::report::html::splats::splats;
use crate::render::report::html::table::{Dot, class, legend, table};
use crate::render::report::sentence::sentence;
use crate::render::style::Style;
use crate::render::summary::summary_table;

/// Wide enough that a browser alone breaks the lines of findings.
const PLAIN: Style = Style {
    width: 1000,
    colour: false,
};

impl Report {
    /// A web page: the verdict in one sentence, then a section per kernel with what
    /// changed, the pair matrix, every count, how to repeat it, and per run its setup and
    /// what the kernel printed.
    #[must_use]
    pub fn to_html(&self) -> String {
        let kernels = compare(&self.results);
        let (sentence, tone) = sentence(&self.results);
        let names: Vec<&str> = kernels
            .iter()
            .map(|it| it.runs[0].kernel.as_str())
            .collect();
        let title = format!("nmissed: {}", names.join(", "));
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) }
                    style { (PreEscaped(include_str!("page.css"))) }
                }
                body {
                    a.unseen.skip href="#main" { "Skip to the evidence" }
                    header {
                        h1 { "Where the hits of kernel probes go" }
                        p class={ "verdict " (class(tone)) } { (sentence) }
                        nav aria-label="Kernels" {
                            ul { @for name in names { li { a href=(format!("#{}", id(name))) { "Kernel " (name) } } } }
                        }
                    }
                    main id="main" { (history(&self.results.runs)) @for comparison in &kernels { (self.kernel(comparison)) } }
                }
            }
        };
        page.into_string() + "\n"
    }

    fn kernel(&self, comparison: &Comparison<'_>) -> Markup {
        let kernel = &comparison.runs[0].kernel;
        html! {
            section aria-labelledby=(id(kernel)) {
                h2 id=(id(kernel)) { "Kernel " (kernel) }
                (how_they_went(comparison))
                pre { (findings(comparison, PLAIN)) }
                @if !comparison.rows.is_empty() { (scenarios(comparison)) }
                (pairs(comparison))
                (sampled(comparison))
                (cost(comparison))
                (splats(comparison))
                h3 { "Repeat it" }
                @match self.command(kernel) {
                    Some(command) => pre { code { (command) } }
                    None => p { "The options of a run are not known: it has patches or a tree of its author." }
                }
                h3 { "Each run" }
                @for (it, setup) in self.evidence.iter().zip(&self.setups) {
                    @if it.run.kernel == *kernel { (run_details(it, setup)) }
                }
            }
        }
    }
}

/// For links; a name of a kernel has no blank.
fn id(kernel: &str) -> String {
    format!("kernel-{kernel}")
}

fn cost(comparison: &Comparison<'_>) -> Markup {
    let (rows, notes) = cost_table(comparison);
    if rows.rows.is_empty() {
        return html! {};
    }
    let kernel = &comparison.runs[0].kernel;
    html! {
        h3 { "Instructions of a hit" }
        (legend(&notes))
        (table(&rows, &format!("Instructions of a hit of {kernel}"), Dot::AsInReference))
    }
}

fn scenarios(comparison: &Comparison<'_>) -> Markup {
    let (summary, notes) = summary_table(comparison);
    let (counts, counts_notes) = counts_table(comparison);
    let kernel = &comparison.runs[0].kernel;
    html! {
        h3 { "Scenarios by attach type" }
        (legend(&notes))
        (table(&summary, &format!("Number of scenarios of {kernel}"), Dot::Zero))
        details {
            summary { "Every scenario" }
            (legend(&counts_notes))
            (table(&counts, &format!("Hits of each scenario of {kernel}"), Dot::Zero))
        }
    }
}

fn pairs(comparison: &Comparison<'_>) -> Markup {
    let Some((tables, notes)) = pair_matrix(comparison) else {
        return html! {};
    };
    let (kernel, reference) = (&comparison.runs[0].kernel, &comparison.runs[0].variant);
    html! {
        h3 { "Pair matrix" }
        p { "A row for each program that runs, a column for each that is hit meanwhile." }
        (legend(&notes))
        @for (place, it) in tables.iter().enumerate() {
            @if it.rows.is_empty() {
                p { (it.names) ": in every pair as " (reference) }
            } @else {
                @let dot = if place == 0 { Dot::Zero } else { Dot::AsInReference };
                (table(it, &format!("Pairs of {kernel} {}", it.names), dot))
            }
        }
    }
}
