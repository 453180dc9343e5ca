// SPDX-License-Identifier: GPL-2.0-only
//! The answers for all functions of an image.

use std::fmt::Write;

use nmissed_wire::text::dash;

use crate::answer::value::Answer;
use crate::render::directories;
use crate::render::layout::{ATTACH, LABEL, hang, joined, line};
use crate::report::document::{Count, Counts, Summary};

/// The answers for every function: a table, and the reasons.
pub(super) fn summary(summary: &Summary, all: bool) -> String {
    let mut out = String::new();
    hang(&mut out, "", 0, &totals(summary));
    out.push('\n');
    table(&mut out, summary);
    // AttachType types next to each other that differ in nothing are written once.
    for alike in summary.entries.chunk_by(|a, b| a.1 == b.1) {
        let attach_types = joined(alike.iter().map(|(attach, _)| attach));
        reasons(&mut out, &attach_types, &alike[0].1);
    }
    if let Some(sites) = &summary.sites {
        reasons(&mut out, EVERY_SITE, sites);
    }
    phantoms(&mut out, &summary.phantoms);
    if let Some(directories) = &summary.directories {
        directories::table(&mut out, directories, all);
    }
    out
}

const EVERY_SITE: &str = "register_kprobe on any instruction";

fn totals(summary: &Summary) -> String {
    let Summary {
        functions,
        preambles,
        call_sites,
        zeroed_call_sites,
        ..
    } = summary;
    let mut text = format!("{functions} functions, {call_sites} ftrace call sites");
    if *zeroed_call_sites > 0 {
        let _ = write!(text, " (and {zeroed_call_sites} zeroed at build time)");
    }
    if *preambles > 0 {
        let _ = write!(text, ", {preambles} padding symbols");
    }
    text
}

/// What the columns of the table count, by the label of the answer.
const COLUMNS: [&str; 5] = ["ftrace", "optimized", "int3", "depends", "refused"];

fn column(answer: Answer) -> &'static str {
    match answer {
        Answer::No(_) => "refused",
        answer => answer.label(),
    }
}

fn table(out: &mut String, summary: &Summary) {
    row(out, "", COLUMNS.map(str::to_owned));
    for (attach, counts) in &summary.entries {
        row(out, &attach.to_string(), cells(counts));
    }
    if let Some(sites) = &summary.sites {
        row(out, "any instruction", cells(sites));
    }
}

fn row(out: &mut String, head: &str, cells: [String; COLUMNS.len()]) {
    let cells = cells.map(|cell| format!("{cell:>11}"));
    line(out, &format!("{head:<ATTACH$}{}", cells.concat()));
}

fn cells(counts: &Counts) -> [String; COLUMNS.len()] {
    COLUMNS.map(|name| {
        let counted = counts.0.iter().filter(|it| column(it.answer) == name);
        dash(counted.map(|it| it.count).sum())
    })
}

fn reasons(out: &mut String, head: &str, counts: &Counts) {
    let rows = counts.0.iter().filter_map(|Count { count, answer }| {
        let reason = answer.reason()?;
        Some((format!("{count:>9}  {}", answer.label()), reason))
    });
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        let _ = writeln!(out, "\n{head}:");
    }
    for (head, reason) in rows {
        hang(out, &head, 11 + LABEL, &reason);
    }
}

fn phantoms(out: &mut String, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let text = "kprobe.multi, fentry and fexit attach to these and are never hit, since the \
                call site belongs to a function that the linker dropped:";
    out.push('\n');
    hang(out, "", 0, text);
    hang(out, "", 2, &names.join(" "));
}
