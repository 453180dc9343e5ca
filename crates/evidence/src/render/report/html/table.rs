// SPDX-License-Identifier: GPL-2.0-only
//! A table of cells in HTML. What a mark or a colour says, words say as well.

use maud::{Markup, html};

use crate::render::cells::{Cell, Cells, Group, Row, Table, Tone};

/// What a dot stands for.
#[derive(Clone, Copy)]
pub(super) enum Dot {
    Zero,
    AsInReference,
    NoAttachType,
}

/// A table that scrolls by itself where the page is narrow.
pub(super) fn table(table: &Table, caption: &str, dot: Dot) -> Markup {
    let has_titles = table.groups.iter().any(|group| !group.title.is_empty());
    let sections = table.rows.chunk_by(|one, next| one.section == next.section);
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) @if !table.title.is_empty() { ": " (table.title) } }
                thead {
                    @if has_titles {
                        tr {
                            td {}
                            @for group in &table.groups {
                                @if group.title.is_empty() {
                                    td colspan=(span(group)) {}
                                } @else {
                                    th.first scope="colgroup" colspan=(span(group)) { (group.title) }
                                }
                            }
                        }
                    }
                    tr {
                        th scope="col" class="words" { (table.names) }
                        @for group in &table.groups { (heads(group)) }
                    }
                }
                @for rows in sections { (section(table, rows, dot)) }
            }
        }
    }
}

/// What the marks and words of a table mean.
pub(super) fn legend(notes: &[Cell]) -> Markup {
    html! {
        ul.legend { @for note in notes { li class=[note.tone.map(class)] { (note.text) } } }
    }
}

pub(super) fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Strong => "strong",
        Tone::Faint => "faint",
        Tone::Bad => "bad",
        Tone::Good => "good",
        Tone::Attention => "attention",
    }
}

fn span(group: &Group) -> usize {
    group.heads.len() + usize::from(group.has_marks)
}

fn heads(group: &Group) -> Markup {
    html! {
        @for (place, head) in group.heads.iter().enumerate() {
            th scope="col" class=[first(group, place)] { (head) }
        }
        @if group.has_marks { th scope="col" { span.unseen { "change" } } }
    }
}

/// A line stands before the columns of a title.
fn first(group: &Group, place: usize) -> Option<&'static str> {
    (place == 0 && !group.title.is_empty()).then_some("first")
}

fn section(table: &Table, rows: &[Row], dot: Dot) -> Markup {
    let name = &rows[0].section;
    let columns = 1 + table.groups.iter().map(span).sum::<usize>();
    html! {
        tbody {
            @if !name.is_empty() {
                tr { th scope="rowgroup" colspan=(columns) { (name) } }
            }
            @for row in rows {
                tr {
                    th scope="row" { (row.name) }
                    @for (group, cells) in table.groups.iter().zip(&row.groups) {
                        (group_cells(group, cells, dot))
                    }
                }
            }
        }
    }
}

fn group_cells(group: &Group, cells: &Cells, dot: Dot) -> Markup {
    let classes = |place: usize, cell: &Cell| {
        let tone = cell.tone.map(class).into_iter();
        let classes: Vec<_> = tone.chain(first(group, place)).collect();
        (!classes.is_empty()).then(|| classes.join(" "))
    };
    html! {
        @if cells.cells.is_empty() {
            td.faint.first.words colspan=(group.heads.len()) { "no record" }
        }
        // A table may have more cells than heads where a column is all zero.
        @for (place, cell) in cells.cells.iter().take(group.heads.len()).enumerate() {
            td class=[classes(place, cell)] { (text(cell, dot)) }
        }
        @if group.has_marks {
            @match cells.mark {
                Some(mark) => td class={ "mark " (class(mark.tone)) } {
                    span aria-hidden="true" { (mark.sign) }
                    span.unseen { (mark.meaning.split(' ').next().unwrap_or_default()) }
                }
                None => td {}
            }
        }
    }
}

/// A dot is for the eye alone.
fn text(cell: &Cell, dot: Dot) -> Markup {
    let words = match dot {
        Dot::Zero => "0",
        Dot::AsInReference => "same",
        Dot::NoAttachType => "not there",
    };
    html! {
        @if cell.text == "." {
            span.faint aria-hidden="true" { "." }
            span.unseen { (words) }
        } @else {
            (cell.text)
        }
    }
}
