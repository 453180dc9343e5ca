// SPDX-License-Identifier: GPL-2.0-only
//! The matrix of scenarios and releases, and what changed between these, as text and as
//! Markdown.
//!
//! ```text
//! scenario               6.12 6.16  7.2
//! kprobe.multi/
//!   at-third-level       link lost lost
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;

use nmissed_wire::text::plural;
use nmissed_wire::{Outcome, Run};

use crate::model::faults::{known_faults, without_known_faults};
use crate::model::history::{Matrix, Row, Seen, Shares, release};
use crate::model::trouble::ended_with_machine;
use crate::render::cells::{self, Cell, Group, Table, Tone};
use crate::render::layout::set;
use crate::render::style::{Style, wrap};

/// After a cell that differs from the one before, and no range of releases says why.
const UNEXPLAINED: char = '?';
pub(crate) const LEGEND: &str = "Where the hits of a scenario go: run=the program ran, link=missed, counted on the \
     link, prog=missed, counted on the program, lost=in no counter, twice=counted twice. Of several, \
     the shares: 10r1l is 10 runs for 1 counted on the link (r, l, p, x=lost). .=the release does not \
     have the attach type, -=no record: the test was skipped or failed.";

/// The same scenarios on many kernels.
pub struct History<'a> {
    matrix: Matrix<'a>,
}

impl<'a> History<'a> {
    /// Compares runs, each with the one before it of its flavor.
    #[must_use]
    pub fn of(runs: &'a [Run]) -> Self {
        Self {
            matrix: Matrix::of(runs),
        }
    }

    /// Returns how many changes between two releases no range of releases explains.
    #[must_use]
    pub fn unexplained(&self) -> usize {
        self.matrix.unexplained().count()
    }

    /// The matrix, what explains the changes, and what kernels report. Rows without a
    /// change are left out, unless `all` is set.
    #[must_use]
    pub fn to_text(&self, all: bool, style: Style) -> String {
        let table = self.table(all);
        let mut parts = vec![style.notes(&[Cell::new(LEGEND)])];
        if !table.rows.is_empty() {
            parts.extend(set(&[&table], style));
        }
        if !all {
            parts.push(style.notes(&[Cell::new(self.unchanged())]));
        }
        for section in self.sections() {
            let mut text = style.paint(Tone::Strong, &section.title) + "\n";
            for (heading, lines) in &section.items {
                text += &item(heading, 2, style);
                text += &lines
                    .iter()
                    .map(|line| item(line, 4, style))
                    .collect::<String>();
            }
            parts.push(text);
        }
        parts.retain(|part| !part.is_empty());
        parts.join("\n")
    }

    /// The same in Markdown.
    #[must_use]
    pub fn to_markdown(&self, all: bool) -> String {
        let mut text = format!("{LEGEND}\n\n| scenario |");
        let columns = &self.matrix.columns;
        for column in columns {
            let _ = write!(text, " {} |", column.head);
        }
        text += &format!("\n| --- |{}\n", " --- |".repeat(columns.len()));
        for row in self.rows(all) {
            let _ = write!(text, "| {} |", full_name(row));
            for column in 0..columns.len() {
                let _ = write!(text, " {} |", cell(row, column).text);
            }
            text.push('\n');
        }
        if !all {
            let _ = writeln!(text, "\n{}", self.unchanged());
        }
        for section in self.sections() {
            let _ = writeln!(text, "\n## {}\n", section.title);
            for (heading, lines) in section.items {
                let _ = writeln!(text, "- {heading}");
                lines
                    .iter()
                    .for_each(|line| text += &format!("  - {line}\n"));
            }
        }
        text
    }

    fn rows(&self, all: bool) -> impl Iterator<Item = &Row<'a>> {
        let rows = self.matrix.rows.iter();
        rows.filter(move |row| all || !row.is_same())
    }

    pub(crate) fn unchanged(&self) -> String {
        let same = self.matrix.rows.iter().filter(|row| row.is_same()).count();
        let more = plural(same, "more scenario");
        format!("{more} with the same counts on all of these kernels that have them.")
    }

    pub(crate) fn table(&self, all: bool) -> Table {
        let columns = 0..self.matrix.columns.len();
        Table {
            title: String::new(),
            names: "scenario".to_owned(),
            groups: columns
                .clone()
                .map(|at| Group {
                    title: String::new(),
                    heads: vec![self.matrix.columns[at].head.clone()],
                    has_marks: false,
                })
                .collect(),
            pinned: 0,
            rows: self
                .rows(all)
                .map(|row| cells::Row {
                    section: format!("{}/", row.attach_type),
                    name: name(row),
                    groups: columns.clone().map(|at| cell(row, at).into()).collect(),
                })
                .collect(),
        }
    }

    pub(crate) fn sections(&self) -> Vec<Section> {
        let title = "Changes that no range of releases explains".to_owned();
        let unexplained = Section {
            title,
            items: self.changes(|because| because.is_empty()),
        };
        let explained = Section {
            title: "Changes".to_owned(),
            items: self.changes(|because| !because.is_empty()),
        };
        let kernels = Section {
            title: "Kernels".to_owned(),
            items: self
                .matrix
                .columns
                .iter()
                .map(|it| (kernel(&it.head, it.run), troubles(it.run)))
                .collect(),
        };
        let sections = [unexplained, explained, kernels].into_iter();
        sections
            .filter(|section| !section.items.is_empty())
            .collect()
    }

    /// Groups changes by the kernels between which they are and by what explains them;
    /// lists the scenarios of each by how their hits fare before and after.
    fn changes(&self, wanted: impl Fn(&[String]) -> bool) -> Vec<(String, Vec<String>)> {
        let mut groups: BTreeMap<_, Moves> = BTreeMap::new();
        for row in &self.matrix.rows {
            for change in row.changes.iter().filter(|it| wanted(&it.because)) {
                let [before, after] = [change.before, change.column].map(|at| text(&row.cells[at]));
                let key = (change.column, change.before, change.because.as_slice());
                let moves = groups.entry(key).or_default();
                let names = moves.entry(format!("{before} -> {after}")).or_default();
                names.push(full_name(row));
            }
        }
        let heads = |at: usize| self.matrix.columns[at].head.as_str();
        let groups = groups
            .into_iter()
            .map(|((column, before, because), moves)| {
                let mut heading = format!("{} to {}", heads(before), heads(column));
                if !because.is_empty() {
                    let _ = write!(heading, ": {}", because.join("; and "));
                }
                let lines = moves
                    .iter()
                    .map(|(moved, names)| format!("{moved}: {}", names.join(", ")));
                (heading, lines.collect())
            });
        groups.collect()
    }
}

/// Scenarios by `link -> lost`.
type Moves = BTreeMap<String, Vec<String>>;

/// Lines under a title.
pub(crate) struct Section {
    pub(crate) title: String,
    /// Each with lines below it.
    pub(crate) items: Vec<(String, Vec<String>)>,
}

fn name(row: &Row<'_>) -> String {
    let (_, what) = row.scenario.split_once('/').unwrap_or(("", row.scenario));
    match row.flavor {
        Some(flavor) => format!("{what} ({flavor})"),
        None => what.to_owned(),
    }
}

fn full_name(row: &Row<'_>) -> String {
    format!("{}/{}", row.attach_type, name(row))
}

fn cell(row: &Row<'_>, column: usize) -> Cell {
    let mut cell = Cell::new(text(&row.cells[column]));
    if let Some(change) = row.change(column) {
        cell.tone = Some(Tone::Attention);
        if change.because.is_empty() {
            cell.text.push(UNEXPLAINED);
            cell.tone = Some(Tone::Bad);
        }
    }
    cell
}

fn text(seen: &Seen<'_>) -> String {
    match (seen, seen.shares()) {
        (_, Some(shares)) => shares_text(shares),
        (Seen::NoAttachType, _) => ".".to_owned(),
        _ => "-".to_owned(),
    }
}

fn shares_text(shares: Shares) -> String {
    let Shares {
        runs,
        link,
        prog,
        lost,
    } = shares;
    if lost < 0 {
        return "twice".to_owned();
    }
    let parts = [
        (runs, "run", 'r'),
        (link, "link", 'l'),
        (prog, "prog", 'p'),
        (lost.unsigned_abs(), "lost", 'x'),
    ];
    let mut some = parts.iter().filter(|(count, ..)| *count > 0);
    match (some.next(), some.next()) {
        (Some((_, word, _)), None) => (*word).to_owned(),
        (None, _) => "none".to_owned(),
        _ => parts
            .iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, _, letter)| format!("{count}{letter}"))
            .collect(),
    }
}

/// `6.18: 6.18.15+deb13-cloud-amd64, 75 of 82 tests passed, 7 skipped`.
fn kernel(head: &str, run: &Run) -> String {
    let of = |name: &str| {
        run.tests
            .iter()
            .filter(|test| test.outcome.name() == name)
            .count()
    };
    let mut text = format!(
        "{head}: {}, {} of {} tests passed",
        release(run),
        of("pass"),
        run.tests.len()
    );
    for (outcome, word) in [("skip", "skipped"), ("infra", "did not run")] {
        if of(outcome) > 0 {
            let _ = write!(text, ", {} {word}", of(outcome));
        }
    }
    text
}

/// Known faults of the kernel, tests that were not good, how the machine ended, and what the
/// kernel reports.
fn troubles(run: &Run) -> Vec<String> {
    let line = |what: &str, outcome: &Outcome| {
        let why = outcome.why().unwrap_or_default();
        // What the test printed follows its exit status, and a line of the harness.
        let is_harness =
            |line: &&str| line.starts_with("exit status") || line.starts_with("running ");
        let mut lines = why.lines().filter(|line| !line.trim().is_empty());
        let first = lines.clone().next().unwrap_or_default();
        let why = lines.find(|line| !is_harness(line)).unwrap_or(first);
        let visible = |c: char| if c.is_control() { ' ' } else { c };
        format!(
            "{} {what}: {}",
            outcome.name(),
            why.chars().map(visible).collect::<String>().trim()
        )
    };
    let known = known_faults(run)
        .into_iter()
        .map(|(fault, tests)| format!("known fault, met in {}: {}", tests.join(", "), fault.text));
    let run = &without_known_faults(run);
    let is_named = run
        .tests
        .iter()
        .any(|test| ended_with_machine(run, &test.outcome));
    let machine = Some(&run.machine)
        .filter(|it| !it.is_good() && !is_named)
        .map(|it| line("of the machine", it));
    let tests = run.tests.iter().filter(|test| test.outcome.is_failure());
    let tests = tests.map(|test| line(&format!("in {}", test.name), &test.outcome));
    let reports = run.reports.iter().map(|report| format!("report: {report}"));
    let unknown = machine.into_iter().chain(tests).chain(reports);
    known.chain(unknown).collect()
}

/// A wrapped line, its further lines indented.
fn item(text: &str, indent: usize, style: Style) -> String {
    let lines = wrap(style.width.saturating_sub(indent + 2), text);
    let lines = lines.iter().enumerate().map(|(at, line)| {
        let indent = if at == 0 { indent } else { indent + 2 };
        format!("{:indent$}{line}\n", "")
    });
    lines.collect()
}
