// SPDX-License-Identifier: GPL-2.0-only
//! Results as text for a terminal or a cover letter.

use std::fmt::Write as _;

use nmissed_wire::Outcome;

use crate::model::compare::{Comparison, compare};
use crate::model::repeat::differences;
use crate::model::results::Results;
use crate::render::cells::Tone;
use crate::render::counts::counts_table;
use crate::render::findings::{findings, skipped};
use crate::render::layout::set;
use crate::render::pairs::pair_matrix;
use crate::render::repeat::repetitions;
use crate::render::style::Style;
use crate::render::summary::summary_table;
use crate::render::verdict::verdicts;

const VARIANT: &str = "variant";

impl Results {
    /// One chapter per kernel: findings, a line and a verdict per run, the number of
    /// scenarios by attach type, and the hits of each scenario.
    #[must_use]
    pub fn to_text(&self, style: Style) -> String {
        chapters(self, |comparison| {
            if comparison.rows.is_empty() {
                return chapter(&comparison, Vec::new(), style);
            }
            let (summary, legend) = summary_table(&comparison);
            let (counts, counts_legend) = counts_table(&comparison);
            let mut parts = vec![style.notes(&legend)];
            parts.extend(set(&[&summary], style));
            parts.push(style.notes(&counts_legend));
            parts.extend(set(&[&counts], style));
            chapter(&comparison, parts, style)
        })
    }

    /// One chapter per kernel: findings, the pair matrix of its first run, and where
    /// other runs differ from it.
    #[must_use]
    pub fn pairs_to_text(&self, style: Style) -> String {
        chapters(self, |mut comparison| {
            comparison.rows.clear();
            let mut parts = Vec::new();
            if let Some((tables, legend)) = pair_matrix(&comparison) {
                parts.push(style.notes(&legend));
                let (same, shown): (Vec<_>, Vec<_>) =
                    tables.iter().partition(|table| table.rows.is_empty());
                parts.extend(set(&shown, style));
                for table in same {
                    let reference = &comparison.runs[0].variant;
                    parts.push(format!("{}: in every pair as {reference}\n", table.names));
                }
            }
            chapter(&comparison, parts, style)
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

/// Findings, how the runs went, the tables, skipped tests and equal repetitions.
pub(crate) fn chapter(comparison: &Comparison<'_>, tables: Vec<String>, style: Style) -> String {
    let title = format!("Kernel {}", comparison.runs[0].kernel);
    let names = comparison.runs.iter().map(|run| run.variant.as_str());
    let widths = names.chain([VARIANT]).map(|name| name.chars().count());
    let width = widths.max().unwrap_or(0);
    let mut parts = vec![
        style.paint(Tone::Strong, &title) + "\n",
        findings(comparison, style),
        runs(comparison, width, style),
        verdicts(comparison, width, style),
    ];
    parts.extend(tables);
    parts.push(skipped(comparison, style));
    let same = comparison
        .runs
        .iter()
        .filter(|run| differences(run).is_empty());
    parts.push(same.map(|run| repetitions(run, style)).collect());
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

/// A line per run: how its tests ended (those that did not run are in no column), how
/// long it took, what it ran.
fn runs(comparison: &Comparison<'_>, width: usize, style: Style) -> String {
    let heading = format!("{VARIANT:<width$}  pass fail skip   boot   total  release");
    let mut text = style.paint(Tone::Strong, &heading) + "\n";
    for run in &comparison.runs {
        let seconds = |seconds: f64| format!("{seconds:.1}s");
        let boot = run.boot_s.map_or("-".to_owned(), seconds);
        let total = seconds(run.total_s);
        let count = |wanted: fn(&Outcome) -> bool| {
            let tests = run.all_tests();
            tests.filter(|test| wanted(&test.outcome)).count()
        };
        let pass = count(|outcome| *outcome == Outcome::Pass);
        let fail = count(Outcome::is_failure);
        let skip = count(|outcome| matches!(outcome, Outcome::Skip(_)));
        let _ = writeln!(
            text,
            "{:<width$}  {pass:>4} {fail:>4} {skip:>4} {boot:>6} {total:>7}  {} ({})",
            run.variant, run.release, run.accel,
        );
    }
    text
}
