// SPDX-License-Identifier: GPL-2.0-only
//! Lines of a terminal of 80 columns.

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// Columns of a terminal.
pub(super) const WIDTH: usize = 80;
/// Columns of the longest attach type, and two more.
pub(super) const ATTACH: usize = 17;
/// Columns of the longest name of an error, and two more.
pub(super) const LABEL: usize = 15;
/// How many names of a list are written out.
pub(super) const NAMES: usize = 8;
/// How many rows of a table are written out, unless all are asked for.
const ROWS: usize = 12;

/// Writes `head`, and `text` beside it from a column on, in as many lines as
/// it takes.
pub fn hang(out: &mut String, head: &str, column: usize, text: &str) {
    let first = format!("{head:<column$}");
    if text.is_empty() {
        return line(out, &first);
    }
    let indent = " ".repeat(column);
    let options = Options::new(WIDTH)
        .initial_indent(&first)
        .subsequent_indent(&indent)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    for wrapped in textwrap::wrap(text, options) {
        line(out, &wrapped);
    }
}

/// Writes a line, without blanks at its end.
pub fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

/// Joins whatever can be displayed.
pub(super) fn joined(all: impl IntoIterator<Item = impl ToString>) -> String {
    let all: Vec<String> = all.into_iter().map(|it| it.to_string()).collect();
    all.join(", ")
}

/// Returns the first rows of a table, or all; and how many are left.
pub(super) fn rows<T>(rows: &[T], all: bool) -> (&[T], usize) {
    let shown = if all {
        rows.len()
    } else {
        rows.len().min(ROWS)
    };
    (&rows[..shown], rows.len() - shown)
}

pub(super) fn more(out: &mut String, count: usize, what: &str) {
    if count > 0 {
        line(out, &format!("  and {count} more {what} (--all)"));
    }
}
