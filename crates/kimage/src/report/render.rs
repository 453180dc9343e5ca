// SPDX-License-Identifier: GPL-2.0-only
//! Reports as text for a terminal of 80 columns.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write;

use crate::report::document::{Count, Counts, Document, Given, Report, Summary};
use crate::report::render_tree;
use crate::{About, Answer, Attach, Change, Diff, Evidence, Renamed, Site};

/// Columns of a terminal.
const WIDTH: usize = 80;
/// What the longest way to attach takes, and two more.
const ATTACH: usize = 17;
/// What the longest name of an error takes, and two more.
const LABEL: usize = 15;

/// All that was asked for.
#[must_use]
pub fn document(document: &Document) -> String {
    let mut parts = vec![about(&document.file, &document.about)];
    let all = document.all;
    parts.extend(document.summary.as_ref().map(|it| summary(it, all)));
    parts.extend(document.functions.iter().map(report));
    parts.extend(document.diff.as_ref().map(diff));
    let audit = document.makefiles.as_ref();
    parts.extend(audit.map(|it| render_tree::audit(it, all)));
    parts.join("\n")
}

/// What an image is, and what it lacks.
fn about(file: &str, about: &About) -> String {
    let mut out = String::new();
    let release = about.release.as_deref().unwrap_or("of unknown release");
    let layers = about.layers.iter().map(|layer| format!("{layer}, "));
    let module = about.module.iter().map(|name| format!("module {name}, "));
    let what = format!(
        "Linux {release}: {}{} symbols from {}",
        layers.chain(module).collect::<String>(),
        about.symbols,
        about.symbol_source
    );
    hang(&mut out, "", 0, file);
    hang(&mut out, "", 0, &what);
    for missing in &about.missing {
        hang(&mut out, "", 2, &format!("! {missing}"));
    }
    out
}

/// The answers for every function: a table, and the reasons.
fn summary(summary: &Summary, all: bool) -> String {
    let mut out = String::new();
    hang(&mut out, "", 0, &totals(summary));
    out.push('\n');
    table(&mut out, summary);
    for (ways, counts) in same_counts(&summary.entries) {
        reasons(&mut out, &ways.join(", "), counts);
    }
    if let Some(sites) = &summary.sites {
        reasons(&mut out, EVERY_SITE, sites);
    }
    phantoms(&mut out, &summary.phantoms);
    if let Some(directories) = &summary.directories {
        render_tree::directories(&mut out, directories, all);
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
        match counted.map(|it| it.count).sum() {
            0 => "-".to_owned(),
            sum => sum.to_string(),
        }
    })
}

/// Ways to attach next to each other that differ in nothing are told once.
fn same_counts(entries: &[(Attach, Counts)]) -> Vec<(Vec<String>, &Counts)> {
    entries
        .chunk_by(|a, b| a.1 == b.1)
        .map(|run| {
            let ways = run.iter().map(|(attach, _)| attach.to_string());
            (ways.collect(), &run[0].1)
        })
        .collect()
}

fn reasons(out: &mut String, head: &str, counts: &Counts) {
    let told = counts.0.iter().filter_map(|Count { count, answer }| {
        let reason = answer.reason()?;
        Some((format!("{count:>9}  {}", answer.label()), reason))
    });
    let told: Vec<_> = told.collect();
    if !told.is_empty() {
        let _ = writeln!(out, "\n{head}:");
    }
    for (head, reason) in told {
        hang(out, &head, 11 + LABEL, &reason);
    }
}

fn phantoms(out: &mut String, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let text = "kprobe.multi, fentry and fexit attach to these and never fire, since the \
                call site is all that is left of a function that was linked out:";
    out.push('\n');
    hang(out, "", 0, text);
    hang(out, "", 2, &names.join(" "));
}

/// The answers for a function, or for one place in it.
fn report(report: &Report) -> String {
    let mut out = String::new();
    hang(&mut out, "", 0, &place(report));
    for note in notes(report) {
        hang(&mut out, "", 2, &note);
    }
    answers(&mut out, &report.answers);
    if let Some(sites) = &report.sites {
        out.push('\n');
        sites_of(&mut out, report, sites);
    }
    out
}

fn place(report: &Report) -> String {
    let Report {
        name,
        address,
        size,
        region,
        offset,
        ..
    } = report;
    match offset {
        0 => format!("{name}  {address:#x}, {size} bytes in {region}"),
        offset => format!(
            "{name}+{offset:#x}  {:#x} in {region}",
            address.saturating_add(*offset)
        ),
    }
}

fn notes(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    if report.copies > 1 {
        notes.push(format!("one of {} symbols of this name", report.copies));
    }
    if report.phantom {
        let text = "its only call site is left of a function that was linked out, and never \
                    reached";
        notes.push(text.to_owned());
    }
    if !report.kin.is_empty() {
        notes.push(format!("see also {}", report.kin.join(", ")));
    }
    if let Some(start) = report.inside {
        notes.push(format!("inside the instruction at +{start:#x}"));
    }
    notes
}

fn answers(out: &mut String, answers: &[Given]) {
    let label = labels_width(answers.iter().map(|given| given.answer));
    for alike in answers.chunk_by(|a, b| a.why == b.why) {
        if alike[0].why.is_empty() {
            alike.iter().for_each(|given| answer(out, given, label));
        } else {
            answer_with_why(out, alike);
        }
    }
}

fn labels_width(answers: impl Iterator<Item = Answer>) -> usize {
    let longest = answers.map(|answer| answer.label().len()).max();
    longest.unwrap_or_default() + 2
}

fn answer(out: &mut String, given: &Given, label: usize) {
    let head = format!("  {:<ATTACH$}{}", given.attach, given.answer.label());
    let reason = given.answer.reason().unwrap_or_default();
    hang(out, &head, 2 + ATTACH + label, &reason);
}

/// The same for ways to attach that the kernel treats alike, with what leads
/// to the answer; the last fact is the reason.
fn answer_with_why(out: &mut String, alike: &[Given]) {
    let ways: Vec<_> = alike.iter().map(|given| given.attach.to_string()).collect();
    let Given { answer, why, .. } = &alike[0];
    line(out, &format!("  {}: {}", ways.join(", "), answer.label()));
    let longest = why.iter().map(|it| it.asked_by.len()).max();
    let column = 6 + longest.unwrap_or_default();
    for Evidence { fact, asked_by } in why {
        hang(out, &format!("    {asked_by}"), column, fact);
    }
}

fn sites_of(out: &mut String, report: &Report, sites: &[Site]) {
    let _ = writeln!(out, "  register_kprobe at each instruction:");
    if report.notrace {
        let text = "(BPF and perf are refused at all of them with EINVAL: there is no call \
                    site in the function)";
        hang(out, "", 4, text);
    }
    let label = labels_width(sites.iter().map(|site| site.answer));
    for Site { offset, answer, .. } in sites {
        let head = format!("    {:<8}{}", format!("+{offset:#x}"), answer.label());
        let reason = answer.reason().unwrap_or_default();
        hang(out, &head, 12 + label, &reason);
    }
}

/// How many names are told of many.
const NAMES: usize = 8;

/// What is different in another image.
fn diff(diff: &Diff) -> String {
    let mut out = about(&diff.file, &diff.about);
    let _ = writeln!(out, "\nfunctions:");
    for (what, names) in [
        ("gained", &diff.gained),
        ("lost", &diff.lost),
        ("now ambiguous", &diff.ambiguous),
        ("unambiguous now", &diff.unambiguous),
    ] {
        let head = format!("{:>9}  {what}", names.len());
        hang(&mut out, &head, 28, &some_of(names));
    }
    renamed(&mut out, &diff.renamed);
    let changed = diff.changed.chunk_by(|a, b| a.1 == b.1);
    for alike in changed.filter(|alike| !alike[0].1.is_empty()) {
        let ways: Vec<_> = alike.iter().map(|(attach, _)| attach.to_string()).collect();
        let _ = writeln!(out, "\n{}:", ways.join(", "));
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
fn changes(out: &mut String, changes: &[Change]) {
    let mut told = BTreeMap::<String, Vec<String>>::new();
    for change in changes {
        let names = told.entry(what_changed(change)).or_default();
        names.extend_from_slice(&change.functions);
    }
    let mut told: Vec<_> = told.into_iter().collect();
    told.sort_by_key(|(_, names)| Reverse(names.len()));
    for (what, names) in told {
        hang(out, &format!("{:>9}", names.len()), 11, &what);
        hang(out, "", 13, &some_of(&names));
    }
}

fn what_changed(Change { from, to, .. }: &Change) -> String {
    let was = || from.reason().map(|reason| format!(" (was: {reason})"));
    let is = to.reason().map(|reason| format!(": {reason}"));
    let why = is.or_else(was).unwrap_or_default();
    format!("{} -> {}{why}", from.label(), to.label())
}

pub(crate) fn some_of(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMES);
    let some = names[..names.len() - more].join(", ");
    match more {
        0 => some,
        more => format!("{some} and {more} more"),
    }
}

/// Writes `head`, and `text` beside it from a column on, in as many lines as
/// it takes.
pub(crate) fn hang(out: &mut String, head: &str, column: usize, text: &str) {
    let mut current = format!("{head:<column$}");
    let mut empty = true;
    for word in text.split(' ') {
        let space = usize::from(!empty);
        if !empty && current.chars().count() + space + word.chars().count() > WIDTH {
            line(out, &current);
            current = " ".repeat(column);
            empty = true;
        }
        if !empty {
            current.push(' ');
        }
        current.push_str(word);
        empty = false;
    }
    line(out, &current);
}

pub(crate) fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;
    use crate::testing::toy::Kernel;
    use crate::{Compression, Detail, Image, Layer};

    const ENTRY: Detail = Detail {
        why: false,
        sites: false,
    };
    const WHY: Detail = Detail {
        why: true,
        sites: false,
    };
    const SITES: Detail = Detail {
        why: false,
        sites: true,
    };

    fn told(file: &[u8], queries: &[&str], detail: Detail) -> Document {
        let image = Image::parse(file).unwrap();
        let functions = image.functions();
        let reports = queries.iter().flat_map(|query| {
            image
                .report(&functions, &query.parse().unwrap(), detail)
                .unwrap()
        });
        Document {
            file: "boot/vmlinuz".to_owned(),
            about: image.about(&[Layer::BzImage(Some(Compression::Zstd))]),
            functions: reports.collect(),
            summary: queries
                .is_empty()
                .then(|| image.summary(&functions, detail.sites)),
            diff: None,
            makefiles: None,
            all: false,
        }
    }

    #[test_case("summary", &[], ENTRY; "summary")]
    #[test_case("summary_sites", &[], SITES; "summary of all sites")]
    #[test_case("functions", &["traced", "twice", "phantom", "starts_with_call", "listed.part.0"], ENTRY; "functions")]
    #[test_case("offsets", &["traced+9", "traced+0x6", "traced+0x7", "plain+1"], ENTRY; "offsets")]
    #[test_case("why", &["behind_endbr", "listed", "returns", "takes_struct"], WHY; "why")]
    #[test_case("why_offset", &["traced+9"], WHY; "why at an offset")]
    #[test_case("sites", &["traced", "jumps_back"], SITES; "sites")]
    fn in_80_columns(name: &str, queries: &[&str], detail: Detail) {
        let text = document(&told(&Kernel::whole().elf(), queries, detail));
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        insta::assert_snapshot!(name, text);
    }

    #[test_case(false, "directories"; "the first")]
    #[test_case(true, "directories_all"; "all")]
    fn directories_in_80_columns(all: bool, name: &str) {
        let mut told = told(&Kernel::with_files().elf(), &[], ENTRY);
        told.all = all;
        let summary = told.summary.as_ref().unwrap();
        let functions = summary.directories.as_ref().unwrap().iter();
        let sum: usize = functions.map(|it| it.functions).sum();
        assert_eq!(sum, summary.functions);
        let text = document(&told);
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        let table = text.split("by directory:").nth(1).unwrap();
        insta::assert_snapshot!(name, table);
    }

    #[test]
    fn a_diff_in_80_columns() {
        let (old, new) = (Kernel::whole().elf(), Kernel::later().elf());
        let (old, new) = (Image::parse(&old).unwrap(), Image::parse(&new).unwrap());
        let about = new.about(&[Layer::Compressed(Compression::Xz)]);
        let found = old.diff(&new, "other".to_owned(), about, &[]);
        let text = diff(&found);
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        insta::assert_snapshot!("diff", text);
        insta::assert_snapshot!("json_diff", serde_json::to_string_pretty(&found).unwrap());
    }

    #[test]
    fn many_names_are_told_by_the_first() {
        let names = |count| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(some_of(&names(8)), "0, 1, 2, 3, 4, 5, 6, 7");
        assert_eq!(some_of(&names(9)), "0, 1, 2, 3, 4, 5, 6, 7 and 1 more");
    }

    #[test]
    fn what_is_missing_is_said_first() {
        let whole = told(&Kernel::whole().elf(), &[], ENTRY);
        assert_eq!(whole.about.missing, [crate::Missing::Kallsyms]);
        let stripped = told(&Kernel::whole().stripped(), &[], ENTRY);
        insta::assert_snapshot!("missing", about("boot/vmlinuz", &stripped.about));
    }

    #[test]
    fn the_json_form() {
        let detail = Detail {
            why: true,
            sites: true,
        };
        let function = told(&Kernel::whole().elf(), &["jumps_back+5"], detail);
        insta::assert_snapshot!("json", serde_json::to_string_pretty(&function).unwrap());
        let summary = told(&Kernel::whole().elf(), &[], ENTRY);
        insta::assert_snapshot!(
            "json_summary",
            serde_json::to_string_pretty(&summary).unwrap()
        );
    }
}
