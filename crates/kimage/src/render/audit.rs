// SPDX-License-Identifier: GPL-2.0-only
//! What Makefiles say about call sites, and whether the image agrees.

use std::fmt::Write;

use nmissed_kmakefile::{Action, FlagLine, Tri, Unread};
use nmissed_wire::text::{dash, some_of};

use crate::render::layout::{NAMES, hang, joined, line, more, rows};
use crate::report::audit::{Audit, Found, ObjectAudit, Totals};

/// What Makefiles say about call sites, and whether the image agrees.
pub(super) fn audit(audit: &Audit, all: bool) -> String {
    let mut out = String::new();
    let head = format!(
        "CC_FLAGS_FTRACE in {} Makefiles of {}; configuration: {}",
        audit.files, audit.tree, audit.config
    );
    hang(&mut out, "", 0, &head);
    out.push('\n');
    lines(&mut out, audit);
    match &audit.totals {
        Some(it) => totals(&mut out, it),
        None => out.push_str("\nNot compared with the image: it has no DWARF.\n"),
    }
    let leaks = audit.objects_of(Found::Leak);
    objects(
        &mut out,
        "call sites, although the flag is removed:",
        leaks,
        all,
    );
    let lost = audit.objects_of(Found::Lost);
    objects(
        &mut out,
        "no call site, although nothing removes the flag:",
        lost,
        all,
    );
    let misread = audit.objects.iter().filter(|it| it.is_misread());
    let head = "not compiled as the Makefiles say (misread, or of another kernel):";
    objects(&mut out, head, misread, all);
    removed(&mut out, audit, all);
    unread(&mut out, &audit.unread, all);
    out
}

fn lines(out: &mut String, audit: &Audit) {
    line(
        out,
        "lines                     found  in effect        off  not known",
    );
    for (what, action) in [
        ("remove the flag", Action::Remove),
        ("add it back", Action::Add),
        ("store it in a variable", Action::Keep),
    ] {
        let count = |applies| audit.of(action).filter(|it| it.applies == applies).count();
        let cells = [
            audit.of(action).count(),
            count(Tri::Yes),
            count(Tri::No),
            count(Tri::Unknown),
        ];
        let [found, on, off, unknown] = cells.map(dash);
        line(
            out,
            &format!("{what:<24}{found:>7}{on:>11}{off:>11}{unknown:>11}"),
        );
    }
}

fn totals(out: &mut String, totals: &Totals) {
    let rows = [
        (totals.traced, "have call sites, as the Makefiles say"),
        (totals.not_traced, "have none, as the Makefiles say"),
        (
            totals.leaks,
            "have call sites, although the flag is removed",
        ),
        (totals.lost, "have none, although nothing removes the flag"),
        (
            totals.exempt,
            "have none, since each function is noinstr, entry code or .cold",
        ),
        (
            totals.not_known,
            "depend on unknown symbols of the configuration",
        ),
        (totals.not_c, "are not from C"),
        (totals.empty, "have no function"),
    ];
    let objects: usize = rows.iter().map(|(count, _)| count).sum();
    let _ = writeln!(out, "\n{objects} objects in the image:");
    for (count, what) in rows.into_iter().filter(|(count, _)| *count > 0) {
        line(out, &format!("{count:>9}  {what}"));
    }
}

fn objects<'a>(
    out: &mut String,
    head: &str,
    objects: impl Iterator<Item = &'a ObjectAudit>,
    all: bool,
) {
    let objects: Vec<_> = objects.collect();
    if objects.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{head}");
    let (shown, left) = rows(&objects, all);
    for object in shown {
        hang(out, "", 2, &object.object());
        hang(out, "", 6, &facts(object));
    }
    more(out, left, "objects");
}

/// What was found in an object, and which lines cause it.
fn facts(object: &ObjectAudit) -> String {
    let ObjectAudit {
        functions,
        with_call_site,
        exempt,
        unexpected,
        removed_by,
        ..
    } = object;
    let mut text = format!("{with_call_site} of {functions} functions have one");
    if *exempt > 0 {
        let _ = write!(text, ", {exempt} cannot");
    }
    if !unexpected.is_empty() {
        let _ = write!(text, ": {}", some_of(unexpected, NAMES));
    }
    text.push_str(match object.compiled_with {
        Some(true) => "; compiled with -pg",
        Some(false) => "; compiled without -pg",
        None => "",
    });
    if !removed_by.is_empty() {
        let _ = write!(text, "; removed by {}", joined(removed_by));
    }
    text
}

fn removed(out: &mut String, audit: &Audit, all: bool) {
    let removals = audit.of(Action::Remove);
    let mut lines: Vec<(usize, String)> =
        removals.filter_map(|it| removal(audit, it, all)).collect();
    lines.sort_by_key(|(functions, _)| usize::MAX - functions);
    if lines.is_empty() {
        return;
    }
    out.push_str("\nlines that remove the flag, by number of functions:\n");
    let (shown, left) = rows(&lines, all);
    for (_, text) in shown {
        hang(out, "", 2, text);
    }
    let left = left
        + if all {
            0
        } else {
            audit.of(Action::Remove).count() - lines.len()
        };
    more(out, left, "lines");
}

/// A line that removes the flag; without `all`, only one that removes it from an
/// object of this image.
fn removal(audit: &Audit, removal: &FlagLine, all: bool) -> Option<(usize, String)> {
    let objects: Vec<_> = audit.objects_by(removal).collect();
    let functions = objects.iter().map(|it| it.functions).sum();
    let effect = match removal.applies {
        Tri::No => "off".to_owned(),
        Tri::Unknown => format!("depends on {}", joined(&removal.needs)),
        Tri::Yes if audit.totals.is_none() => "in effect".to_owned(),
        Tri::Yes if objects.is_empty() => "not in the image".to_owned(),
        Tri::Yes if objects.len() == 1 => format!("{functions} functions"),
        Tri::Yes => format!("{functions} functions in {} objects", objects.len()),
    };
    let shown = all || !objects.is_empty() || audit.totals.is_none();
    let text = format!("{}: {effect} ({})", removal.about(), removal.place);
    shown.then_some((functions, text))
}

fn unread(out: &mut String, unread: &[Unread], all: bool) {
    if unread.is_empty() {
        return;
    }
    out.push_str("\nnot understood:\n");
    let (shown, left) = rows(unread, all);
    for Unread { place, text, why } in shown {
        hang(out, "", 2, &format!("{place}  {why}:"));
        hang(out, "", 6, text);
    }
    more(out, left, "lines");
}
