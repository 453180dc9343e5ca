// SPDX-License-Identifier: GPL-2.0-only
//! Differences of another image, as text.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write;

use nmissed_wire::text::some_of;

use crate::render::about::about;
use crate::render::layout::{NAMES, hang, joined, line};
use crate::report::diff::{AnswerChange, Diff, Renamed};

pub(super) fn diff(diff: &Diff) -> String {
    let mut out = about(&diff.file, &diff.about);
    let _ = writeln!(out, "\nfunctions:");
    for (what, names) in [
        ("gained", &diff.gained),
        ("lost", &diff.lost),
        ("now ambiguous", &diff.ambiguous),
        ("unambiguous now", &diff.unambiguous),
    ] {
        let head = format!("{:>9}  {what}", names.len());
        hang(&mut out, &head, 28, &some_of(names, NAMES));
    }
    renamed(&mut out, &diff.renamed);
    let changed = diff.changed.chunk_by(|a, b| a.1 == b.1);
    for alike in changed.filter(|alike| !alike[0].1.is_empty()) {
        let attach_types = joined(alike.iter().map(|(attach, _)| attach));
        let _ = writeln!(out, "\n{attach_types}:");
        changes(&mut out, &alike[0].1);
    }
    out
}

fn renamed(out: &mut String, renamed: &[Renamed]) {
    line(out, &format!("{:>9}  renamed", renamed.len()));
    for Renamed { from, to } in renamed.iter().take(NAMES) {
        hang(out, "", 13, &format!("{from} -> {}", to.join(" ")));
    }
    if renamed.len() > NAMES {
        let more = renamed.len() - NAMES;
        line(out, &format!("{:13}and {more} more", ""));
    }
}

/// The most frequent changes first, those that read the same as one.
fn changes(out: &mut String, changes: &[AnswerChange]) {
    let mut texts = BTreeMap::<String, Vec<String>>::new();
    for change in changes {
        let names = texts.entry(what_changed(change)).or_default();
        names.extend_from_slice(&change.functions);
    }
    let mut texts: Vec<_> = texts.into_iter().collect();
    texts.sort_by_key(|(_, names)| Reverse(names.len()));
    for (what, names) in texts {
        hang(out, &format!("{:>9}", names.len()), 11, &what);
        hang(out, "", 13, &some_of(&names, NAMES));
    }
}

fn what_changed(AnswerChange { from, to, .. }: &AnswerChange) -> String {
    let was = || from.reason().map(|reason| format!(" (was: {reason})"));
    let is = to.reason().map(|reason| format!(": {reason}"));
    let why = is.or_else(was).unwrap_or_default();
    format!("{} -> {}{why}", from.label(), to.label())
}
