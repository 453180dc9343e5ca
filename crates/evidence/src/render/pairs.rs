// SPDX-License-Identifier: GPL-2.0-only
//! Every attach type in every other: a row per thing that goes on, a column per
//! program that is hit meanwhile.
//!
//! ```text
//! baseline      kp  km   pe  fe
//! nothing      run run  run run
//! kprobe         L   P LOST run
//! kprobe.multi   P   P LOST run
//! itself         L   P LOST   P
//!
//! active        kp  km   pe  fe
//! kprobe         . run    P   .
//! kprobe.multi run run  run   .
//! ```

use std::fmt::Write as _;

use crate::render::style::{Ink, Style, wrap};
use crate::render::text::{chapter, chapters};
use nmissed_wire::{Flavor, Tally};

use crate::{Change, Comparison, Results, Row};

/// So begins what goes on if it is the very program that is hit: one hit of two is
/// what goes on.
const ITSELF: &str = "itself";

/// Attach types and flavors in the order of rows and columns, and the heads of
/// the latter.
const ORDER: [(&str, Option<Flavor>, &str); 20] = [
    ("nothing", None, ""),
    ("map-syscall", None, ""),
    ("kprobe", Some(Flavor::Ftrace), "kp"),
    ("kprobe", Some(Flavor::Int3), "kpi"),
    ("kprobe", Some(Flavor::Optimized), "kpo"),
    ("kretprobe", Some(Flavor::Ftrace), "krp"),
    ("kprobe.multi", None, "km"),
    ("kretprobe.multi", None, "krm"),
    ("kprobe.session", None, "ks"),
    ("tp", None, "tp"),
    ("syscall-tp", None, ""),
    ("raw_tp", None, "rtp"),
    ("tp_btf", None, "tpb"),
    ("perf_event", None, "pe"),
    ("fentry", None, "fe"),
    ("fexit", None, "fx"),
    ("fmod_ret", None, "fmr"),
    ("fsession", None, "fs"),
    ("lsm", None, ""),
    ("uprobe", None, ""),
];

/// The attach type and flavor of the program that is hit.
type Inner<'a> = (&'a str, Option<Flavor>);

/// What is below one head, in all blocks alike.
struct Column<'a> {
    inner: Inner<'a>,
    width: usize,
}

impl Results {
    /// One chapter per kernel: the grid of its first run, what other runs make
    /// different, what the cells mean, and whether all is as expected.
    #[must_use]
    pub fn pairs_to_text(&self, style: Style) -> String {
        chapters(self, |all| {
            let pairs = Comparison {
                rows: all.pairs,
                pairs: Vec::new(),
                ..all
            };
            chapter(&pairs, Grid::of(&pairs, style).parts(), style)
        })
    }
}

struct Grid<'a> {
    comparison: &'a Comparison<'a>,
    style: Style,
    inners: Vec<Inner<'a>>,
    outers: Vec<&'a str>,
}

impl<'a> Grid<'a> {
    fn of(comparison: &'a Comparison<'a>, style: Style) -> Self {
        let mut inners = Vec::new();
        let mut outers = Vec::new();
        for row in &comparison.rows {
            if let Some((inner, outer)) = pair(row) {
                add(&mut inners, inner);
                add(&mut outers, outer);
            }
        }
        inners.sort_by_key(|(name, flavor)| place(name, *flavor));
        outers.sort_by_key(|name| place_of_outer(name));
        Self {
            comparison,
            style,
            inners,
            outers,
        }
    }

    /// A part per run, and the legend; nothing if there are no pairs.
    fn parts(&self) -> Vec<String> {
        if self.inners.is_empty() {
            return Vec::new();
        }
        let runs = 0..self.comparison.runs.len();
        let columns = self.columns();
        let mut parts: Vec<String> = runs.map(|run| self.part(run, &columns)).collect();
        parts.push(self.legend());
        parts
    }

    /// Several blocks where not all columns fit.
    fn part(&self, run: usize, columns: &[Vec<Column<'_>>]) -> String {
        let outers = self.outers_to_show(run);
        if outers.is_empty() {
            let variant = &self.comparison.runs[run].variant;
            let reference = &self.comparison.runs[0].variant;
            return format!("{variant}: in every pair as {reference}\n");
        }
        let blocks: Vec<String> = columns
            .iter()
            .map(|columns| self.block(run, &outers, columns))
            .collect();
        blocks.join("\n")
    }

    /// All of the reference, of another run those in which a pair differs.
    fn outers_to_show(&self, run: usize) -> Vec<&'a str> {
        let outers = self.outers.iter().copied();
        let shown = |outer: &&str| {
            let mut inners = self.inners.iter();
            run == 0 || inners.any(|inner| self.is_changed(run, outer, *inner))
        };
        outers.filter(shown).collect()
    }

    fn is_changed(&self, run: usize, outer: &str, inner: Inner<'_>) -> bool {
        let mut rows = self.rows(outer, inner);
        rows.any(|row| row.change(run) != Change::Unchanged)
    }

    /// One, unless counts are out of proportion to triggers.
    fn rows(&self, outer: &str, inner: Inner<'_>) -> impl Iterator<Item = &'a Row<'a>> {
        let rows = self.comparison.rows.iter();
        rows.filter(move |row| pair(row) == Some((inner, outer)))
    }

    /// Columns that fit beside the names of the rows, at least one at a time.
    fn columns(&self) -> Vec<Vec<Column<'a>>> {
        let mut blocks: Vec<Vec<Column<'a>>> = Vec::new();
        let mut used = self.style.width;
        for inner in &self.inners {
            let column = Column {
                inner: *inner,
                width: self.width(*inner),
            };
            let taken = 1 + column.width;
            match blocks.last_mut() {
                Some(block) if used + taken <= self.style.width => block.push(column),
                _ => {
                    used = self.names();
                    blocks.push(vec![column]);
                }
            }
            used += taken;
        }
        blocks
    }

    /// The width of the rows' names, in columns.
    fn names(&self) -> usize {
        let variants = self.comparison.runs.iter().map(|run| run.variant.as_str());
        let names = self.outers.iter().copied().chain(variants);
        names.map(|name| name.chars().count()).max().unwrap_or(0)
    }

    /// The width of a column, the same for all runs.
    fn width(&self, inner: Inner<'_>) -> usize {
        let runs = 0..self.comparison.runs.len();
        let cells = runs.flat_map(|run| {
            let outers = self.outers.iter();
            outers.map(move |outer| self.cell(run, outer, inner).0.len())
        });
        cells
            .chain([head(inner).chars().count()])
            .max()
            .unwrap_or(0)
    }

    fn block(&self, run: usize, outers: &[&str], columns: &[Column<'_>]) -> String {
        let names = self.names();
        let mut heading = format!("{:<names$}", self.comparison.runs[run].variant);
        for Column { inner, width } in columns {
            let _ = write!(heading, " {:>width$}", head(*inner));
        }
        let mut text = self.style.paint(Ink::Bold, &heading) + "\n";
        for outer in outers {
            let _ = write!(text, "{outer:<names$}");
            for Column { inner, width } in columns {
                let (cell, ink) = self.cell(run, outer, *inner);
                let cell = format!("{cell:>width$}");
                let cell = ink.map_or(cell.clone(), |ink| self.style.paint(ink, &cell));
                text = text + " " + &cell;
            }
            text += "\n";
        }
        text
    }

    fn cell(&self, run: usize, outer: &str, inner: Inner<'_>) -> (&'static str, Option<Ink>) {
        let rows: Vec<_> = self.rows(outer, inner).collect();
        if rows.is_empty() {
            return ("-", Some(Ink::Dim));
        }
        let records = rows.iter().filter_map(|row| row.records[run]);
        let mets = records.map(|record| met(&record.tally, outer));
        let Some(met) = one_of(mets, Met::Mixed) else {
            return ("?", Some(Ink::Yellow));
        };
        if run == 0 {
            return (met.cell(), met.ink());
        }
        let changes = rows.iter().map(|row| row.change(run));
        match one_of(changes, Change::Different).unwrap_or(Change::Unknown) {
            Change::Unchanged => (".", Some(Ink::Dim)),
            Change::Better => (met.cell(), Some(Ink::Green)),
            Change::Worse => (met.cell(), Some(Ink::Red)),
            Change::Different | Change::Unknown => (met.cell(), Some(Ink::Yellow)),
        }
    }

    fn legend(&self) -> String {
        let heads: Vec<String> = self.inners.iter().map(|it| explained(*it)).collect();
        let lines = [
            "rows: what goes on".to_owned(),
            format!("columns: what is hit meanwhile: {}", heads.join(", ")),
            format!("cells: {}", self.meanings().join(", ")),
        ];
        let wrapped = lines.iter().flat_map(|line| wrap(self.style.width, line));
        wrapped.map(|line| line + "\n").collect()
    }

    /// What the cells mean that there are.
    fn meanings(&self) -> Vec<String> {
        let runs = 0..self.comparison.runs.len();
        let rows = runs.flat_map(|run| self.outers.iter().map(move |outer| (run, *outer)));
        let used: Vec<&str> = rows
            .flat_map(|(run, outer)| {
                let inners = self.inners.iter();
                inners.map(move |inner| self.cell(run, outer, *inner).0)
            })
            .collect();
        let meanings = MEANINGS.iter().filter(|(cell, _)| used.contains(cell));
        let reference = &self.comparison.runs[0].variant;
        meanings
            .map(|(cell, meaning)| format!("{cell}={}", meaning.replace("{}", reference)))
            .collect()
    }
}

/// What became of the hits of a pair.
#[derive(Clone, Copy, PartialEq)]
enum Met {
    Ran,
    Link,
    Program,
    ProgramTwice,
    Nobody,
    /// Some of this, some of that.
    Mixed,
}

impl Met {
    fn cell(self) -> &'static str {
        match self {
            Self::Ran => "run",
            Self::Link => "L",
            Self::Program => "P",
            Self::ProgramTwice => "2P",
            Self::Nobody => "LOST",
            Self::Mixed => "mix",
        }
    }

    fn ink(self) -> Option<Ink> {
        match self {
            Self::Ran => None,
            Self::Link | Self::Program => Some(Ink::Yellow),
            Self::ProgramTwice | Self::Nobody | Self::Mixed => Some(Ink::Red),
        }
    }
}

fn met(tally: &Tally, outer: &str) -> Met {
    let hits = if outer.starts_with(ITSELF) {
        tally.triggers / 2
    } else {
        tally.triggers
    };
    let missed = tally.triggers.saturating_sub(tally.runs);
    let link = tally.link_missed.unwrap_or(0);
    let program = tally.prog_missed.unwrap_or(0);
    match (link, program) {
        (0, 0) if missed == 0 => Met::Ran,
        _ if missed != hits => Met::Mixed,
        (0, 0) => Met::Nobody,
        (link, 0) if link == hits => Met::Link,
        (0, program) if program == hits => Met::Program,
        (0, program) if program == hits.saturating_mul(2) => Met::ProgramTwice,
        _ => Met::Mixed,
    }
}

/// The column and the row of a pair.
fn pair<'a>(row: &Row<'a>) -> Option<(Inner<'a>, &'a str)> {
    let (inner, outer) = row.pair()?;
    Some(((inner, row.flavor), outer))
}

/// The one that all are; nothing if there are none.
fn one_of<T: PartialEq>(mut all: impl Iterator<Item = T>, otherwise: T) -> Option<T> {
    let first = all.next()?;
    Some(if all.all(|it| it == first) {
        first
    } else {
        otherwise
    })
}

fn add<T: PartialEq>(all: &mut Vec<T>, one: T) {
    if !all.contains(&one) {
        all.push(one);
    }
}

/// What is not known goes last, in the order it came.
fn place(name: &str, flavor: Option<Flavor>) -> usize {
    let mut all = ORDER.iter();
    all.position(|it| (it.0, it.1) == (name, flavor))
        .unwrap_or(ORDER.len())
}

/// The name may have a flavor: `kprobe-int3`; for `ftrace` it has none.
fn place_of_outer(name: &str) -> usize {
    let mut all = ORDER.iter();
    let is_it = |(kind, flavor, _): &(&str, Option<Flavor>, &str)| match flavor {
        Some(Flavor::Ftrace) | None => *kind == name,
        Some(flavor) => format!("{kind}-{flavor}") == name,
    };
    all.position(is_it).unwrap_or(ORDER.len())
}

/// What stands above a column.
fn head<'a>((name, flavor): Inner<'a>) -> &'a str {
    match ORDER.get(place(name, flavor)) {
        Some((.., head)) if !head.is_empty() => head,
        _ => name,
    }
}

/// Of cells; `{}` is the reference.
const MEANINGS: [(&str, &str); 9] = [
    ("run", "it runs"),
    ("L", "the link counts a miss"),
    ("P", "the program counts a miss"),
    ("2P", "the program counts two"),
    ("LOST", "nobody counts it"),
    ("mix", "some of this, some of that"),
    ("-", "it is not hit"),
    ("?", "no record"),
    (".", "as in {}"),
];

/// `kpi=kprobe[int3]`, which no line break tears apart.
fn explained((name, flavor): Inner<'_>) -> String {
    let head = head((name, flavor));
    match flavor {
        Some(flavor) => format!("{head}={name}[{flavor}]"),
        None if head == name => name.to_owned(),
        None => format!("{head}={name}"),
    }
}
