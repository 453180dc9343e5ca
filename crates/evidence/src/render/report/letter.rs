// SPDX-License-Identifier: GPL-2.0-only
//! Text for a cover letter: the verdict, and per kernel what changed, with what it was
//! seen, and how to see it again.

use crate::model::change::{Change, Fate};
use crate::model::compare::{Comparison, Row, compare};
use crate::render::cells::{Cell, Table, Tone};
use crate::render::counts::counts_table;
use crate::render::layout::set;
use crate::render::report::Report;
use crate::render::report::costs::cost_table;
use crate::render::report::samples::sample_table;
use crate::render::report::sentence::sentence;
use crate::render::style::{Style, wrap};
use crate::render::summary::summary_table;
use crate::render::text::chapter;

/// Columns of mail.
pub(crate) const WIDTH: usize = 72;

impl Report {
    /// Text of at most 72 columns, unless a single word is longer: the verdict, then a
    /// chapter per kernel with the scenarios that differ between its runs, or of a
    /// single run those that lose hits or count them twice.
    #[must_use]
    pub fn to_text(&self) -> String {
        let style = Style {
            width: WIDTH,
            colour: false,
        };
        let (sentence, tone) = sentence(&self.results);
        let mut parts = vec![style.notes(&[Cell::toned(sentence, tone)])];
        for comparison in compare(&self.results) {
            let tables = tables(&comparison, style);
            let chapter = chapter(&comparison, tables, style);
            let kernel = &comparison.runs[0].kernel;
            parts.push(format!("{chapter}\n{}", self.origin(kernel, style)));
        }
        parts.join("\n")
    }

    /// With what the runs of a kernel were made, and the command that repeats them.
    fn origin(&self, kernel: &str, style: Style) -> String {
        let mut text = String::new();
        let mut said = Vec::new();
        for (it, setup) in self.evidence.iter().zip(&self.setups) {
            if it.run.kernel != kernel || said.contains(&(&setup.toolchain, &setup.qemu)) {
                continue;
            }
            said.push((&setup.toolchain, &setup.qemu));
            for (name, value) in [("Toolchain", &setup.toolchain), ("QEMU", &setup.qemu)] {
                if let Some(value) = value {
                    text += &style.notes(&[Cell::new(format!("{name}: {value}"))]);
                }
            }
        }
        match self.command(kernel) {
            // Broken between words, it can be pasted as it is.
            Some(command) => {
                let lines = wrap(style.width - 4, &command);
                text += &format!("Repeat:\n  {}\n", lines.join(" \\\n  "));
            }
            None => text += "Repeat: the options of this run are not known\n",
        }
        text
    }
}

/// How many scenarios of each attach type there are, the counts of those that matter, and
/// of hits by chance.
fn tables(comparison: &Comparison<'_>, style: Style) -> Vec<String> {
    let mut parts = Vec::new();
    let mut add = |table: &Table, legend: &[Cell]| {
        if !table.rows.is_empty() {
            parts.push(style.notes(legend));
            parts.extend(set(&[table], style));
        }
    };
    if !comparison.rows.is_empty() {
        let (summary, legend) = summary_table(comparison);
        add(&summary, &legend);
    }
    let shown = of_interest(comparison);
    if !shown.rows.is_empty() {
        let what = match comparison.runs.len() {
            1 => "Only scenarios that lose hits or count them twice.",
            _ => "Only scenarios that differ between the variants.",
        };
        let (counts, mut legend) = counts_table(&shown);
        legend.insert(0, Cell::toned(what, Tone::Strong));
        add(&counts, &legend);
    }
    let (samples, legend) = sample_table(comparison);
    add(&samples, &legend);
    let (costs, legend) = cost_table(comparison);
    add(&costs, &legend);
    parts
}

/// The comparison with the rows that differ, or lose hits where there is one run.
pub(crate) fn of_interest<'a>(comparison: &Comparison<'a>) -> Comparison<'a> {
    let runs = comparison.runs.len();
    let loses = |row: &Row<'_>| {
        let records = row.records.iter().flatten();
        let mut fates = records.map(|it| Fate::worst(&it.tally));
        fates.any(|fate| matches!(fate, Fate::Lost | Fate::Twice))
    };
    let differs = |row: &Row<'_>| (1..runs).any(|run| row.change(run) != Change::Unchanged);
    let mut shown = comparison.clone();
    let wanted = |row: &Row<'_>| if runs == 1 { loses(row) } else { differs(row) };
    shown.rows.retain(wanted);
    shown.pairs.retain(wanted);
    shown
}
