// SPDX-License-Identifier: GPL-2.0-only
//! Where the hits of each scenario went.
//!
//! ```text
//! 1000 hits each       ------- baseline --------  -------- active ---------
//! scenario             runs link prog lost twice  runs link prog lost twice
//! kprobe.multi/
//!   nested-other-prog     .    . 1000    .     .  1000    .    .    .     . +
//! ```
//!
//! Where the hits differ between rows they have a column of their own.

use nmissed_wire::Record;

use crate::model::change::Fate;
use crate::model::compare::{Comparison, Row};
use crate::render::cells::{Cell, Cells, Group, Mark, Row as TableRow, Table, Tone};
use crate::render::summary::{UNEXPLAINED, unexplained};

const COLUMNS: [&str; 5] = ["runs", "link", "prog", "lost", "twice"];

/// A row for each scenario, or several where counts are out of proportion to triggers.
pub(crate) fn counts_table(comparison: &Comparison<'_>) -> (Table, Vec<Cell>) {
    let mut hits: Vec<u64> = comparison.rows.iter().map(|row| row.triggers).collect();
    hits.dedup();
    let same_hits = match hits.as_slice() {
        [same] => Some(*same),
        _ => None,
    };
    let own_column = same_hits.is_none().then(|| Group {
        heads: vec!["hits".to_owned()],
        ..Group::default()
    });
    let runs = comparison.runs.iter().enumerate();
    let of_runs = runs.map(|(place, run)| Group {
        title: run.variant.clone(),
        heads: COLUMNS.map(str::to_owned).to_vec(),
        has_marks: place > 0,
    });
    let groups: Vec<_> = own_column.into_iter().chain(of_runs).collect();
    let table = Table {
        title: match same_hits {
            Some(1) => "1 hit each".to_owned(),
            Some(hits) => format!("{hits} hits each"),
            None => String::new(),
        },
        names: "scenario".to_owned(),
        pinned: groups.len() - comparison.runs.len() + 1,
        groups,
        rows: comparison
            .rows
            .iter()
            .map(|row| table_row(comparison, row, same_hits.is_none()))
            .collect(),
    };
    (table, legend(comparison))
}

fn table_row(comparison: &Comparison<'_>, row: &Row<'_>, with_hits: bool) -> TableRow {
    let hits = with_hits.then(|| Cell::new(row.triggers.to_string()).into());
    let counts = row.records.iter().enumerate().map(|(run, record)| Cells {
        cells: record
            .map(|record| cells(record, row.is_unexplained(run)))
            .unwrap_or_default(),
        mark: Mark::of(row.change(run)),
    });
    TableRow {
        section: format!("{}/", row.attach_type),
        name: label(comparison, row),
        groups: hits.into_iter().chain(counts).collect(),
    }
}

fn cells(record: &Record, is_unexplained: bool) -> Vec<Cell> {
    let tally = &record.tally;
    let counter = |count: Option<u64>| count.map_or(Cell::new("-"), Cell::count);
    let twice = tally.lost().min(0).unsigned_abs();
    let mut cells = vec![
        Cell::count(tally.runs),
        counter(tally.link_missed),
        counter(tally.prog_missed),
        Cell::count(Fate::Lost.hits(tally)),
        Cell::count(twice),
    ];
    if is_unexplained {
        let cell = &mut cells[if twice > 0 { 4 } else { 3 }];
        cell.text.push(UNEXPLAINED);
        cell.tone = Some(Tone::Bad);
    }
    cells
}

/// What happens, with the flavor only where another row has the same name.
pub(crate) fn label(comparison: &Comparison<'_>, row: &Row<'_>) -> String {
    let twin = |other: &Row<'_>| other.scenario == row.scenario && other.flavor != row.flavor;
    match row.flavor {
        Some(flavor) if comparison.rows.iter().any(twin) => format!("{} [{flavor}]", row.name()),
        _ => row.name().to_owned(),
    }
}

fn legend(comparison: &Comparison<'_>) -> Vec<Cell> {
    let rows = comparison.rows.iter();
    let mut legend = vec![Cell::new(
        "Hits of each scenario: hits = runs + link + prog + lost - twice; - is no such counter.",
    )];
    if rows.clone().any(|row| !row.also.is_empty()) {
        let text = "Not shown: counts with fewer hits that are exactly in proportion.";
        legend.push(Cell::new(text));
    }
    let runs = 0..comparison.runs.len();
    if rows
        .clone()
        .any(|row| runs.clone().any(|run| row.is_unexplained(run)))
    {
        legend.push(unexplained());
    }
    legend
}
