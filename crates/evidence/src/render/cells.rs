// SPDX-License-Identifier: GPL-2.0-only
//! Tables as data: headings, rows, cells and what they mean. A renderer decides on
//! widths and colours.

use crate::model::change::Change;

/// What a cell or a line means to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Strong,
    Faint,
    Bad,
    Good,
    Attention,
}

/// Groups of columns, and rows with cells in each group.
pub(crate) struct Table {
    /// Stands above [`names`](Self::names).
    pub(crate) title: String,
    /// The heading of the rows' names.
    pub(crate) names: String,
    pub(crate) groups: Vec<Group>,
    /// How many of the first groups are repeated where the others are split.
    pub(crate) pinned: usize,
    pub(crate) rows: Vec<Row>,
}

/// Columns under one title.
#[derive(Default)]
pub(crate) struct Group {
    /// Empty for columns that stand for themselves.
    pub(crate) title: String,
    pub(crate) heads: Vec<String>,
    pub(crate) has_marks: bool,
}

pub(crate) struct Row {
    /// A heading above consecutive rows that have the same; may be empty.
    pub(crate) section: String,
    pub(crate) name: String,
    /// In the order of [`Table::groups`].
    pub(crate) groups: Vec<Cells>,
}

/// The cells of a row in one group; none if there is no record.
#[derive(Default)]
pub(crate) struct Cells {
    pub(crate) cells: Vec<Cell>,
    pub(crate) mark: Option<Mark>,
}

/// The text of a cell or of a legend.
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) tone: Option<Tone>,
}

/// The sign of a change against the reference.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) sign: char,
    pub(crate) meaning: &'static str,
    pub(crate) tone: Tone,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self::toned(text, None)
    }

    /// `.` for zero.
    pub(crate) fn count(count: u64) -> Self {
        match count {
            0 => Self::new("."),
            count => Self::new(count.to_string()),
        }
    }

    pub(crate) fn toned(text: impl Into<String>, tone: impl Into<Option<Tone>>) -> Self {
        Self {
            text: text.into(),
            tone: tone.into(),
        }
    }
}

impl From<Cell> for Cells {
    fn from(cell: Cell) -> Self {
        Self {
            cells: vec![cell],
            mark: None,
        }
    }
}

impl Mark {
    pub(crate) fn of(change: Change) -> Option<Self> {
        let mark = |sign, meaning, tone| {
            Some(Self {
                sign,
                meaning,
                tone,
            })
        };
        match change {
            Change::Better => mark('+', "better than in", Tone::Good),
            Change::Worse => mark('!', "worse than in", Tone::Bad),
            Change::Different => mark('~', "different from", Tone::Attention),
            Change::Unchanged | Change::Unknown => None,
        }
    }

    /// What every mark in a table means: `+ better than in baseline`.
    pub(crate) fn legend(table: &Table, reference: &str) -> Vec<Cell> {
        let cells = table.rows.iter().flat_map(|row| &row.groups);
        let signs: Vec<char> = cells.filter_map(|it| Some(it.mark?.sign)).collect();
        [Change::Better, Change::Worse, Change::Different]
            .into_iter()
            .filter_map(Self::of)
            .filter(|mark| signs.contains(&mark.sign))
            .map(|it| Cell::toned(format!("{} {} {reference}", it.sign, it.meaning), it.tone))
            .collect()
    }
}
