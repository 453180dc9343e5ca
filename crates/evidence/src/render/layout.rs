// SPDX-License-Identifier: GPL-2.0-only
//! Sets tables in columns of text.
//!
//! Where not all groups fit beside the pinned ones, further blocks follow, each with
//! the pinned ones: a block can be quoted alone. Where not even one fits, each titled
//! group has a block of its own.

use std::fmt::Write as _;

use crate::render::cells::{Cells, Group, Row, Table, Tone};
use crate::render::style::Style;

/// How far a row's name is indented under its section.
const INDENT: usize = 2;
/// Names are given this much room before a group is given its columns; where not even
/// one group fits beside so much, as much as the head of names needs. Longer names have
/// a line of their own.
const ENOUGH_FOR_A_NAME: usize = 18;
/// A space and the sign of the change.
const MARK_WIDTH: usize = 2;

/// Sets tables with the same groups, and the same width of columns in all.
pub(crate) fn set(tables: &[&Table], style: Style) -> Vec<String> {
    let Some(first) = tables.first() else {
        return Vec::new();
    };
    let layout = Layout::of(first, tables, style);
    tables.iter().map(|table| layout.table(table)).collect()
}

struct Layout {
    style: Style,
    name: usize,
    groups: Vec<Columns>,
    /// The groups of each block.
    blocks: Vec<Vec<usize>>,
}

/// The widths of a group's columns.
struct Columns {
    gap: usize,
    cells: Vec<usize>,
    mark: usize,
}

impl Columns {
    fn of(place: usize, group: &Group, tables: &[&Table]) -> Self {
        let mut cells: Vec<_> = group.heads.iter().map(|head| columns(head)).collect();
        let rows = tables.iter().flat_map(|table| &table.rows);
        for row in rows {
            for (width, cell) in cells.iter_mut().zip(&row.groups[place].cells) {
                *width = columns(&cell.text).max(*width);
            }
        }
        Self {
            gap: if group.title.is_empty() { 1 } else { 2 },
            cells,
            mark: if group.has_marks { MARK_WIDTH } else { 0 },
        }
    }

    /// Without gap and mark.
    fn width(&self) -> usize {
        (self.cells.iter().sum::<usize>() + self.cells.len()).saturating_sub(1)
    }

    fn span(&self) -> usize {
        self.gap + self.width() + self.mark
    }

    fn line<'a>(&self, texts: impl Iterator<Item = &'a str>) -> String {
        let padded = self.cells.iter().zip(texts);
        let padded: Vec<_> = padded.map(|(width, it)| format!("{it:>width$}")).collect();
        padded.join(" ")
    }
}

impl Layout {
    fn of(table: &Table, tables: &[&Table], style: Style) -> Self {
        let rows = tables.iter().flat_map(|table| &table.rows).map(label);
        let heads = tables.iter().flat_map(|it| [&it.title, &it.names]);
        let heads = heads.map(|it| columns(it)).max().unwrap_or(0);
        let groups = table.groups.iter().enumerate();
        let groups = groups.map(|(place, group)| Columns::of(place, group, tables));
        let groups: Vec<_> = groups.collect();
        // The head of names may use the blanks before the head of a pinned column.
        let spare = match table.groups.first() {
            Some(first) if table.pinned > 0 && first.title.is_empty() => {
                groups[0].cells[0].saturating_sub(columns(&first.heads[0]))
            }
            _ => 0,
        };
        let least = heads.saturating_sub(spare);
        let longest = rows.map(|it| columns(&it)).fold(heads, usize::max);
        let mut layout = Self {
            style,
            name: 0,
            groups,
            blocks: Vec::new(),
        };
        layout.blocks = layout.split(table, least, longest);
        let blocks = layout.blocks.iter().map(|block| layout.span(block));
        let room = style.width.saturating_sub(blocks.max().unwrap_or(0));
        layout.name = longest.min(room.max(least));
        layout
    }

    /// The groups that share a block.
    fn split(&self, table: &Table, least: usize, longest: usize) -> Vec<Vec<usize>> {
        let pinned: Vec<usize> = (0..table.pinned).collect();
        let untitled = |place: &usize| table.groups[*place].title.is_empty();
        let alone: Vec<usize> = pinned.iter().copied().filter(untitled).collect();
        let fits = |name: usize, groups: &[usize]| {
            longest.min(name) + self.span(groups) <= self.style.width
        };
        let widest = (table.pinned..self.groups.len()).max_by_key(|it| self.groups[*it].span());
        let with_widest: Vec<usize> = pinned.iter().copied().chain(widest).collect();
        let rooms = [ENOUGH_FOR_A_NAME.max(least), least].into_iter();
        let (room, pinned) = rooms
            .map(|room| (room, &pinned))
            .find(|(room, _)| fits(*room, &with_widest))
            .unwrap_or((least, &alone));
        let mut blocks: Vec<Vec<usize>> = Vec::new();
        for place in (0..self.groups.len()).filter(|place| !pinned.contains(place)) {
            if let Some(block) = blocks.last_mut() {
                block.push(place);
                if fits(room, block) {
                    continue;
                }
                block.pop();
            }
            blocks.push([pinned.as_slice(), &[place]].concat());
        }
        if blocks.is_empty() {
            blocks.push(pinned.clone());
        }
        blocks
    }

    fn span(&self, groups: &[usize]) -> usize {
        groups.iter().map(|place| self.groups[*place].span()).sum()
    }

    fn table(&self, table: &Table) -> String {
        let blocks = self.blocks.iter().map(|block| self.block(table, block));
        blocks.collect::<Vec<_>>().join("\n")
    }

    fn block(&self, table: &Table, groups: &[usize]) -> String {
        let mut text = self.heading(table, groups);
        let mut section = "";
        for row in &table.rows {
            if row.section != section {
                section = &row.section;
                let _ = writeln!(text, "{section}");
            }
            text += &self.row(row, groups);
        }
        text
    }

    /// The titles, if there are any, and the heads of the columns.
    fn heading(&self, table: &Table, groups: &[usize]) -> String {
        let (mut titles, mut heads) = (String::new(), String::new());
        for place in groups {
            let (group, columns) = (&table.groups[*place], &self.groups[*place]);
            let (gap, mark, width) = (columns.gap, columns.mark, columns.width());
            let title = match group.title.as_str() {
                "" => " ".repeat(width),
                title => format!("{:-^width$}", format!(" {} ", cut(title, width - 2))),
            };
            let line = columns.line(group.heads.iter().map(String::as_str));
            let _ = write!(titles, "{:gap$}{title}{:mark$}", "", "");
            let _ = write!(heads, "{:gap$}{line}{:mark$}", "", "");
        }
        let lines = [(&table.title, titles), (&table.names, heads)];
        let lines = lines.map(|(name, rest)| {
            let beyond = columns(name).saturating_sub(self.name);
            format!("{name:<0$}{1}", self.name, &rest[beyond..])
        });
        let lines = lines.iter().map(|line| line.trim_end());
        let shown = lines.filter(|line| !line.is_empty());
        shown
            .map(|line| self.style.paint(Tone::Strong, line) + "\n")
            .collect()
    }

    /// The row's line, after a line for its name if that is too long.
    fn row(&self, row: &Row, groups: &[usize]) -> String {
        let mut line = label(row);
        if columns(&line) > self.name {
            line += "\n";
            line += &" ".repeat(self.name);
        } else {
            line = format!("{line:<0$}", self.name);
        }
        for place in groups {
            let columns = &self.groups[*place];
            let cells = self.cells(columns, &row.groups[*place]);
            let _ = write!(line, "{:1$}{cells}", "", columns.gap);
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    }

    fn cells(&self, columns: &Columns, cells: &Cells) -> String {
        let line = if cells.cells.is_empty() {
            let text = format!("{:^1$}", "no record", columns.width());
            self.style.paint(Tone::Faint, &text)
        } else if cells.mark.is_some() {
            columns.line(cells.cells.iter().map(|cell| cell.text.as_str()))
        } else {
            let padded = columns.cells.iter().zip(&cells.cells);
            let painted = padded.map(|(width, cell)| {
                let text = format!("{:>width$}", cell.text);
                self.style.paint(cell.tone, &text)
            });
            painted.collect::<Vec<_>>().join(" ")
        };
        match cells.mark {
            Some(mark) => self
                .style
                .paint(mark.tone, &format!("{line} {}", mark.sign)),
            None => line + &" ".repeat(columns.mark),
        }
    }
}

fn label(row: &Row) -> String {
    let indent = if row.section.is_empty() { 0 } else { INDENT };
    format!("{:indent$}{}", "", row.name)
}

fn columns(text: &str) -> usize {
    text.chars().count()
}

fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let head: String = text.chars().take(width.saturating_sub(2)).collect();
    head + ".."
}
