// SPDX-License-Identifier: GPL-2.0-only
//! What failed without each hunk of a series, as text.

use std::fmt::Write as _;

use nmissed_wire::text::some_of;

use crate::model::dropped::{DroppedHunk, Noticed};
use crate::render::cells::Tone;
use crate::render::style::{NAMED, Style, wrap};

const INDENT: usize = 6;

/// What failed without each hunk, by patch, and the number of hunks of each kind.
#[must_use]
pub fn dropped_hunks(hunks: &[DroppedHunk], style: Style) -> String {
    let mut text = String::new();
    for of_patch in hunks.chunk_by(|one, next| one.patch == next.patch) {
        let _ = writeln!(text, "{}", style.paint(Tone::Strong, &of_patch[0].patch));
        for hunk in of_patch {
            let _ = writeln!(text, "  {}", hunk.hunk);
            let (tone, said) = describe(&hunk.noticed);
            for line in wrap(style.width.saturating_sub(INDENT), &said) {
                let _ = writeln!(text, "{:INDENT$}{}", "", style.paint(tone, &line));
            }
        }
    }
    if !hunks.is_empty() {
        text += "\n";
    }
    for line in wrap(style.width, &totals(hunks)) {
        let _ = writeln!(text, "{line}");
    }
    text
}

fn describe(noticed: &Noticed) -> (Tone, String) {
    match noticed {
        Noticed::ByTests(found) => (Tone::Good, format!("noticed: {}", some_of(found, NAMED))),
        Noticed::ByCompiler(error) => (Tone::Good, format!("compiler: {error}")),
        Noticed::ByPatch(patch) => (Tone::Faint, format!("not tried: {patch} builds on it")),
        Noticed::Pointless(why) => (Tone::Faint, format!("not tried: {why}")),
        Noticed::Unknown(why) => (Tone::Attention, format!("UNKNOWN: {why}")),
        Noticed::Unnoticed => (Tone::Bad, "NOT NOTICED by any test".to_owned()),
        Noticed::Uncovered(why) => (Tone::Attention, format!("not noticed: {why}")),
        Noticed::Unexpected(found) => {
            let found = some_of(found, NAMED);
            (
                Tone::Bad,
                format!("NOTICED, though listed as uncovered: {found}"),
            )
        }
    }
}

fn totals(hunks: &[DroppedHunk]) -> String {
    let count = |is_it: fn(&Noticed) -> bool| hunks.iter().filter(|it| is_it(&it.noticed)).count();
    let not_tried = |it: &Noticed| matches!(it, Noticed::Pointless(_) | Noticed::ByPatch(_));
    let mut text = format!(
        "{} hunks: {} noticed by tests, {} by the compiler, {} not tried, {} not noticed",
        hunks.len(),
        count(|it| matches!(it, Noticed::ByTests(_) | Noticed::Unexpected(_))),
        count(|it| matches!(it, Noticed::ByCompiler(_))),
        count(not_tried),
        count(|it| matches!(it, Noticed::Unnoticed)),
    );
    let uncovered = count(|it| matches!(it, Noticed::Uncovered(_)));
    if uncovered > 0 {
        let _ = write!(text, ", {uncovered} not noticed for a known reason");
    }
    let unknown = count(|it| matches!(it, Noticed::Unknown(_)));
    if unknown > 0 {
        let _ = write!(text, ", {unknown} unknown");
    }
    text
}
