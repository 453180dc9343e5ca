// SPDX-License-Identifier: GPL-2.0-only
//! A series without one of its hunks: who notices?

use std::fmt::Write as _;

use crate::model::compare::compare;
use crate::model::verdict::trouble;
use crate::render::style::{Ink, Style, wrap};
use crate::{Change, Results, Run};

/// How many of those who notice are named.
const NAMED: usize = 3;
const INDENT: usize = 6;

/// A hunk of a patch that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedHunk {
    /// The patch file's name.
    pub patch: String,
    /// Which of its hunks: `kernel/fork.c #2 (line 40)`.
    pub hunk: String,
    /// Who noticed.
    pub noticed: Noticed,
}

/// Who noticed that a hunk is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noticed {
    /// Tests failed, or counted otherwise: what they say. Never empty.
    ByTests(Vec<String>),
    /// The kernel does not build: the first error.
    ByCompiler(String),
    /// A later patch of the series does not apply without it.
    ByPatch(String),
    /// It cannot make a difference here: why.
    Pointless(String),
    /// The host could not tell: why.
    Unknown(String),
    /// Nobody.
    ByNobody,
    /// Nobody, which was to be expected: why.
    Known(String),
    /// Tests, although nobody was expected to: what they say. Never empty.
    Unexpected(Vec<String>),
}

impl Noticed {
    /// The same where it is known that nobody notices, and why.
    #[must_use]
    pub fn where_known(self, why: &str) -> Self {
        match self {
            Self::ByNobody => Self::Known(why.to_owned()),
            Self::ByTests(said) => Self::Unexpected(said),
            other => other,
        }
    }
}

/// What a run without a hunk shows that the run with all of them does not.
#[must_use]
pub fn notice(whole: &Run, without: &Run) -> Noticed {
    let failed = without
        .tests
        .iter()
        .filter(|test| test.outcome.is_failure());
    let mut said: Vec<_> = failed
        .map(|test| format!("{} ({})", test.name, test.outcome.name()))
        .collect();
    if without.machine.is_failure() {
        said.insert(0, trouble(without).join(", "));
    }
    said.extend(counted_otherwise(whole, without));
    if !said.is_empty() {
        Noticed::ByTests(said)
    } else if without.is_good() {
        Noticed::ByNobody
    } else {
        Noticed::Unknown(trouble(without).join(", "))
    }
}

fn counted_otherwise(whole: &Run, without: &Run) -> Vec<String> {
    let results = Results {
        runs: vec![whole.clone(), without.clone()],
    };
    let mut names = Vec::new();
    for comparison in compare(&results) {
        let rows = comparison.rows.iter().chain(&comparison.pairs);
        let other = rows.filter(|row| row.change(1) != Change::Unchanged);
        names.extend(other.map(|row| format!("{} counts otherwise", row.scenario)));
    }
    names.dedup();
    names
}

/// A line or two per hunk, those of one patch together, and how many there are
/// of each kind.
#[must_use]
pub fn dropped_hunks(hunks: &[DroppedHunk], style: Style) -> String {
    let mut text = String::new();
    for of_patch in hunks.chunk_by(|one, next| one.patch == next.patch) {
        let _ = writeln!(text, "{}", style.paint(Ink::Bold, &of_patch[0].patch));
        for hunk in of_patch {
            let _ = writeln!(text, "  {}", hunk.hunk);
            let (ink, told) = hunk.noticed.told();
            for line in wrap(style.width.saturating_sub(INDENT), &told) {
                let _ = writeln!(text, "{:INDENT$}{}", "", style.paint(ink, &line));
            }
        }
    }
    if !hunks.is_empty() {
        text += "\n";
    }
    for line in wrap(style.width, &sums(hunks)) {
        let _ = writeln!(text, "{line}");
    }
    text
}

impl Noticed {
    fn told(&self) -> (Ink, String) {
        match self {
            Self::ByTests(said) => (Ink::Green, format!("noticed: {}", some_of(said))),
            Self::ByCompiler(error) => (Ink::Green, format!("compiler: {error}")),
            Self::ByPatch(patch) => (Ink::Dim, format!("not tried: {patch} builds on it")),
            Self::Pointless(why) => (Ink::Dim, format!("not tried: {why}")),
            Self::Unknown(why) => (Ink::Yellow, format!("UNKNOWN: {why}")),
            Self::ByNobody => (Ink::Red, "NOT NOTICED by any test".to_owned()),
            Self::Known(why) => (Ink::Yellow, format!("not noticed: {why}")),
            Self::Unexpected(said) => {
                let said = some_of(said);
                (
                    Ink::Red,
                    format!("NOTICED, though listed as uncovered: {said}"),
                )
            }
        }
    }
}

fn some_of(said: &[String]) -> String {
    let shown = said[..said.len().min(NAMED)].join(", ");
    match said.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn sums(hunks: &[DroppedHunk]) -> String {
    let count = |is_it: fn(&Noticed) -> bool| hunks.iter().filter(|it| is_it(&it.noticed)).count();
    let not_tried = |it: &Noticed| matches!(it, Noticed::Pointless(_) | Noticed::ByPatch(_));
    let mut text = format!(
        "{} hunks: {} noticed by tests, {} by the compiler, {} not tried, {} not noticed",
        hunks.len(),
        count(|it| matches!(it, Noticed::ByTests(_) | Noticed::Unexpected(_))),
        count(|it| matches!(it, Noticed::ByCompiler(_))),
        count(not_tried),
        count(|it| matches!(it, Noticed::ByNobody)),
    );
    let known = count(|it| matches!(it, Noticed::Known(_)));
    if known > 0 {
        let _ = write!(text, ", {known} not noticed for a known reason");
    }
    let unknown = count(|it| matches!(it, Noticed::Unknown(_)));
    if unknown > 0 {
        let _ = write!(text, ", {unknown} unknown");
    }
    text
}
