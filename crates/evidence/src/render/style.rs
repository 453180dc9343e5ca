// SPDX-License-Identifier: GPL-2.0-only
//! How text looks: its width and its colours.

use std::fmt::Write as _;

use textwrap::{Options, WordSplitter};

use crate::render::cells::{Cell, Tone};

/// How many items of a list are named.
pub(crate) const NAMED: usize = 3;

/// How to lay out text for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns to stay within: the terminal's, or 72 for a cover letter. Below 72, and
    /// with single words or numbers that are too long, lines may be longer.
    pub width: usize,
    /// Whether to emphasize with ANSI escapes. The text says everything
    /// without them.
    pub colour: bool,
}

impl Style {
    /// The text in ANSI's colour ("select graphic rendition") for a tone.
    pub(crate) fn paint(self, tone: impl Into<Option<Tone>>, text: &str) -> String {
        let code = match tone.into() {
            Some(Tone::Strong) => 1,
            Some(Tone::Faint) => 2,
            Some(Tone::Bad) => 31,
            Some(Tone::Good) => 32,
            Some(Tone::Attention) => 33,
            None => return text.to_owned(),
        };
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// Lines of text, wrapped and painted.
    pub(crate) fn notes(self, notes: &[Cell]) -> String {
        let mut text = String::new();
        for note in notes {
            for line in wrap(self.width, &note.text) {
                let _ = writeln!(text, "{}", self.paint(note.tone, &line));
            }
        }
        text
    }
}

/// Lines of at most `room` columns, broken at spaces; a longer word stays whole.
pub(crate) fn wrap(room: usize, text: &str) -> Vec<String> {
    let options = Options::new(room)
        .break_words(false)
        .word_splitter(WordSplitter::NoHyphenation);
    let lines = textwrap::wrap(text, options).into_iter();
    lines.map(std::borrow::Cow::into_owned).collect()
}
