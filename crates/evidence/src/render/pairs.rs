// SPDX-License-Identifier: GPL-2.0-only
//! The pair matrix: a row per running program, a column per program that is hit
//! meanwhile.
//!
//! ```text
//! baseline      kp  km   pe  fe
//! nothing      run run  run run
//! kprobe         L   P LOST run
//! kprobe.multi   P   P LOST run
//! itself         L   P LOST  2P
//!
//! active        kp  km   pe  fe
//! kprobe         . run    P   .
//! kprobe.multi run run  run   .
//! ```

use nmissed_wire::{AttachType, Flavor, Tally};

use crate::model::change::{Change, Fate};
use crate::model::compare::{Comparison, Row};
use crate::render::cells::{Cell, Group, Row as TableRow, Table, Tone};

/// The name of a row whose running program is the one that is hit: half of the hits
/// are those that make it run.
const ITSELF: &str = "itself";

/// Of cells; `{}` is the reference.
const MEANINGS: [(&str, &str); 9] = [
    ("run", "it runs"),
    ("L", "the link counts a miss"),
    ("P", "the program counts a miss"),
    ("2P", "the program counts two"),
    ("LOST", "no counter"),
    ("mix", "several of these"),
    ("-", "it is not hit"),
    ("?", "no record"),
    (".", "as in {}"),
];

/// The attach type and flavor of the program that is hit.
type Inner = (AttachType, Option<Flavor>);

/// A table per run, of which variants have the rows that differ, and the legend;
/// `None` if there are no pairs.
pub(crate) fn pair_matrix(comparison: &Comparison<'_>) -> Option<(Vec<Table>, Vec<Cell>)> {
    let pairs = comparison.pairs.iter().filter_map(Row::pair);
    let (mut inners, mut outers): (Vec<_>, Vec<_>) = pairs.unzip();
    inners.sort_unstable();
    inners.dedup();
    outers.sort_by_key(|outer| (outer_place(outer), *outer));
    outers.dedup();
    let matrix = Matrix {
        comparison,
        inners,
        outers,
    };
    if matrix.inners.is_empty() {
        return None;
    }
    let runs = 0..comparison.runs.len();
    let tables: Vec<_> = runs.map(|run| matrix.table(run)).collect();
    let legend = matrix.legend(&tables);
    Some((tables, legend))
}

struct Matrix<'a> {
    comparison: &'a Comparison<'a>,
    inners: Vec<Inner>,
    outers: Vec<&'a str>,
}

impl Matrix<'_> {
    fn table(&self, run: usize) -> Table {
        let outers = self.outers.iter();
        let rows = outers.map(|outer| {
            let cells = self
                .inners
                .iter()
                .map(|inner| self.cell(run, outer, *inner));
            TableRow {
                section: String::new(),
                name: (*outer).to_owned(),
                groups: cells.map(Into::into).collect(),
            }
        });
        let is_shown = |row: &TableRow| {
            let mut cells = row.groups.iter().flat_map(|it| &it.cells);
            run == 0 || cells.any(|cell| cell.text != "." && cell.text != "-")
        };
        let heads = self.inners.iter().map(|inner| Group {
            heads: vec![head(*inner)],
            ..Group::default()
        });
        Table {
            title: String::new(),
            names: self.comparison.runs[run].variant.clone(),
            groups: heads.collect(),
            pinned: 0,
            rows: rows.filter(is_shown).collect(),
        }
    }

    fn cell(&self, run: usize, outer: &str, inner: Inner) -> Cell {
        // One, unless counts are out of proportion to triggers.
        let rows = self.comparison.pairs.iter();
        let rows: Vec<_> = rows
            .filter(|row| row.pair() == Some((inner, outer)))
            .collect();
        if rows.is_empty() {
            return Cell::toned("-", Tone::Faint);
        }
        let records = rows.iter().filter_map(|row| row.records[run]);
        let mut fates = records.map(|record| fate(&record.tally, outer));
        let Some(first) = fates.next() else {
            return Cell::toned("?", Tone::Attention);
        };
        let fate = first.filter(|fate| fates.all(|it| it == Some(*fate)));
        let (text, tone) = match fate {
            Some(Fate::Ran) => ("run", None),
            Some(Fate::Link) => ("L", Some(Tone::Attention)),
            Some(Fate::Program) => ("P", Some(Tone::Attention)),
            Some(Fate::Twice) => ("2P", Some(Tone::Bad)),
            Some(Fate::Lost) => ("LOST", Some(Tone::Bad)),
            None => ("mix", Some(Tone::Bad)),
        };
        let mut changes = rows.iter().map(|row| row.change(run));
        let first = changes
            .next()
            .filter(|first| changes.all(|it| it == *first));
        match first {
            _ if run == 0 => Cell::toned(text, tone),
            Some(Change::Unchanged) => Cell::toned(".", Tone::Faint),
            Some(Change::Better) => Cell::toned(text, Tone::Good),
            Some(Change::Worse) => Cell::toned(text, Tone::Bad),
            _ => Cell::toned(text, Tone::Attention),
        }
    }

    fn legend(&self, tables: &[Table]) -> Vec<Cell> {
        let rows = tables.iter().flat_map(|table| &table.rows);
        let cells = rows.flat_map(|row| row.groups.iter().flat_map(|it| &it.cells));
        let used: Vec<_> = cells.map(|cell| cell.text.as_str()).collect();
        let reference = &self.comparison.runs[0].variant;
        let meanings = MEANINGS.iter().filter(|(cell, _)| used.contains(cell));
        let meanings = meanings.map(|(cell, it)| format!("{cell}={}", it.replace("{}", reference)));
        let meanings: Vec<_> = meanings.collect();
        let heads: Vec<_> = self.inners.iter().map(|it| explained(*it)).collect();
        vec![
            Cell::new("rows: running program"),
            Cell::new(format!(
                "columns: program that is hit: {}",
                heads.join(", ")
            )),
            Cell::new(format!("cells: {}", meanings.join(", "))),
        ]
    }
}

/// Where all hits of a pair went; `None` if not all went the same way.
fn fate(tally: &Tally, outer: &str) -> Option<Fate> {
    let hits = if outer.starts_with(ITSELF) {
        tally.triggers / 2
    } else {
        tally.triggers
    };
    if tally.runs == tally.triggers && tally.lost() == 0 {
        return Some(Fate::Ran);
    }
    let missed = Fate::ALL.into_iter().filter(|fate| *fate != Fate::Ran);
    let all_missed = tally.triggers.saturating_sub(tally.runs) == hits;
    missed
        .into_iter()
        .find(|fate| all_missed && fate.hits(tally) == hits)
}

/// No program and map operations first, then the attach types in their order, then
/// other names, the program itself last.
fn outer_place(name: &str) -> (u8, Option<Inner>) {
    let flavors = Flavor::ALL.into_iter();
    let flavored = flavors.map(|flavor| (name.strip_suffix(&format!("-{flavor}")), flavor));
    let flavored = flavored.filter_map(|(name, flavor)| Some((name?.parse().ok()?, Some(flavor))));
    let attach_type = name.parse().ok().map(|it| (it, None));
    let inner = attach_type.into_iter().chain(flavored).next();
    let class = match name {
        "nothing" => 0,
        "map-syscall" => 1,
        _ if inner.is_some() => 2,
        _ if !name.starts_with(ITSELF) => 3,
        _ => 4,
    };
    (class, inner)
}

/// What stands above a column: `kp`, `kpi`.
fn head((attach_type, flavor): Inner) -> String {
    let flavor = match flavor {
        Some(Flavor::Ftrace) | None => "",
        Some(Flavor::Int3) => "i",
        Some(Flavor::Optimized) => "o",
    };
    format!("{}{flavor}", attach_type.short_name())
}

/// `kpi=kprobe[int3]`, which no line break tears apart.
fn explained(inner: Inner) -> String {
    let (head, name) = (head(inner), inner.0);
    match inner.1 {
        Some(flavor) => format!("{head}={name}[{flavor}]"),
        None if head == name.name() => head,
        None => format!("{head}={name}"),
    }
}
