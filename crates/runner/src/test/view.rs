// SPDX-License-Identifier: GPL-2.0-only
//! Results on standard output.

use std::io::{IsTerminal, stdout};

use nmissed_evidence::{Results, Style};

/// Columns of a cover letter and of mail.
pub(crate) const LETTER_WIDTH: usize = 72;
/// Columns of the pair matrix.
const MATRIX_WIDTH: usize = 80;
/// Columns of the matrix of releases.
const RELEASES_WIDTH: usize = 100;

/// How results are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// A row per attach type and per scenario.
    #[default]
    Table,
    /// The pair matrix: a row per running, a column per hit attach type.
    Pairs,
    /// What became of hits that meet a running program by chance.
    Samples,
    /// The instructions of a hit.
    Costs,
}

impl View {
    pub(crate) fn text(self, results: &Results) -> String {
        match self {
            Self::Table => results.to_text(style()),
            Self::Samples => results.samples_to_text(style()),
            Self::Costs => results.costs_to_text(style()),
            Self::Pairs => results.pairs_to_text(style_or(MATRIX_WIDTH)),
        }
    }
}

/// The width and colour of standard output; [`LETTER_WIDTH`] if it is no terminal.
pub(crate) fn style() -> Style {
    style_or(LETTER_WIDTH)
}

/// The same for the matrix of releases.
pub(crate) fn wide_style() -> Style {
    style_or(RELEASES_WIDTH)
}

fn style_or(width: usize) -> Style {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let is_plain = is_dumb || std::env::var_os("NO_COLOR").is_some();
    let colour = stdout().is_terminal() && !is_plain;
    let columns = rustix::termios::tcgetwinsize(stdout()).map(|size| usize::from(size.ws_col));
    let width = columns.ok().filter(|columns| *columns > 0).unwrap_or(width);
    Style { width, colour }
}
