// SPDX-License-Identifier: GPL-2.0-only
//! The summary of a kernel: the number of scenarios by attach type and fate.
//!
//! ```text
//!               ------- baseline -------  -------- active --------
//! attach type    run link prog lost twice   run link prog lost twice
//! kprobe.multi     3    2    6    1     .     8    2    1    1     . +
//! all             75   22   43   16     3    89   22   29   16     3 +
//! ```

use crate::model::change::Fate;
use crate::model::compare::Comparison;
use crate::model::summary::{Count, Counts, summary};
use crate::render::cells::{Cell, Cells, Group, Mark, Row, Table, Tone};

/// After a number of scenarios of which one loses hits, or counts them twice, and no
/// expectation explains it.
pub(crate) const UNEXPLAINED: char = '?';
/// After a number of scenarios of which one has other fates at more triggers.
const MIXED: char = '*';

const COLUMNS: [(Fate, &str); Fate::ALL.len()] = [
    (Fate::Ran, "run"),
    (Fate::Link, "link"),
    (Fate::Program, "prog"),
    (Fate::Lost, "lost"),
    (Fate::Twice, "twice"),
];

/// The summary and its legend.
pub(crate) fn summary_table(comparison: &Comparison<'_>) -> (Table, Vec<Cell>) {
    let rows = summary(comparison);
    let mut counts = rows.iter().flat_map(|row| &row.runs);
    let some_missing = counts.any(|it| it.without_record > 0);
    let mut heads: Vec<_> = COLUMNS.map(|(_, head)| head.to_owned()).to_vec();
    heads.extend(some_missing.then(|| "none".to_owned()));
    let runs = comparison.runs.iter().enumerate();
    let groups = runs.map(|(place, run)| Group {
        title: run.variant.clone(),
        heads: heads.clone(),
        has_marks: place > 0,
    });
    let table = Table {
        title: String::new(),
        names: "attach type".to_owned(),
        groups: groups.collect(),
        pinned: 1,
        rows: rows
            .iter()
            .map(|row| Row {
                section: String::new(),
                name: row.attach_type.map_or("all", |it| it.name()).to_owned(),
                groups: row.runs.iter().map(cells).collect(),
            })
            .collect(),
    };
    let legend = legend(comparison, &table);
    (table, legend)
}

fn cells(counts: &Counts) -> Cells {
    let by_fate = COLUMNS.map(|(fate, _)| cell(fate, counts.of_fate(fate)));
    let missing = Cell::count(counts.without_record as u64);
    Cells {
        cells: by_fate.into_iter().chain([missing]).collect(),
        mark: Mark::of(counts.change),
    }
}

fn cell(fate: Fate, count: Count) -> Cell {
    let mut cell = Cell::count(count.scenarios as u64);
    cell.text.extend(count.is_mixed.then_some(MIXED));
    if count.is_unexplained {
        cell.text.push(UNEXPLAINED);
        cell.tone = Some(Tone::Bad);
    } else if count.scenarios > 0 && matches!(fate, Fate::Lost | Fate::Twice) {
        cell.tone = Some(Tone::Attention);
    }
    cell
}

fn legend(comparison: &Comparison<'_>, table: &Table) -> Vec<Cell> {
    let rows = table.rows.iter().flat_map(|row| &row.groups);
    let texts: Vec<_> = rows.flat_map(|it| &it.cells).map(|it| &it.text).collect();
    let uses = |sign: char| texts.iter().any(|text| text.contains(sign));
    let mut legend = vec![Cell::new(
        "Number of scenarios. Each counts once, by the worst of its hits, in this order: \
             lost=in no counter, twice=counted twice, prog=missed, counted on the program, \
             link=missed, counted on the link, run=the program ran.",
    )];
    if table.groups[0].heads.len() > COLUMNS.len() {
        legend.push(Cell::new("none=no record"));
    }
    legend.extend(Mark::legend(table, &comparison.runs[0].variant));
    if uses(MIXED) {
        let text = format!("{MIXED} one of them has other fates at more triggers");
        legend.push(Cell::new(text));
    }
    if uses(UNEXPLAINED) {
        legend.push(unexplained());
    }
    legend
}

pub(crate) fn unexplained() -> Cell {
    let text = format!("{UNEXPLAINED} lost or counted twice, and no expectation says why");
    Cell::toned(text, Tone::Bad)
}
