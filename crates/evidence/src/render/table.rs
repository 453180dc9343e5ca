// SPDX-License-Identifier: GPL-2.0-only
//! The counters of one kernel: a row per scenario, or per attach type, a group of
//! columns per variant.
//!
//! ```text
//! 1000 triggers each   ---- baseline -----  ----- active ------
//! scenario             runs link prog lost  runs link prog lost
//! kprobe.multi/
//!   nested-other-prog     0    0 1000    0  1000    0    0    0 +
//! ```
//!
//! Where the triggers differ between rows they have a column of their own.
//! Where not all variants fit beside the reference, further blocks follow,
//! each with the reference: a block can be quoted alone. Where not even one fits,
//! each run has a block of its own.

use std::fmt::Write as _;

use crate::model::sums::by_attach_type;
use crate::render::style::{Ink, Style, wrap};
use nmissed_wire::Record;

use crate::{Change, Comparison, Row, compare};

/// Between groups of columns.
const GAP: &str = "  ";
/// How far a row's name is indented under its attach type.
const INDENT: usize = 2;
/// Names are given this much room before a variant is given its columns.
const ENOUGH_FOR_A_NAME: usize = 18;
/// Where not even one variant fits beside so much, they get at least this.
const LEAST_FOR_A_NAME: usize = 12;
/// A space and the sign of the change.
const MARK_WIDTH: usize = 2;
const TRIGGERS: &str = "triggers";
const COUNTERS: [&str; 4] = ["runs", "link", "prog", "lost"];

/// After a number of lost hits that no expectation explains.
const UNEXPLAINED: char = '?';

/// The table of a comparison that has rows: one per scenario.
pub(crate) fn table(comparison: &Comparison<'_>, style: Style) -> String {
    let layout = Layout::of(comparison, View::Scenarios, style);
    layout.blocks() + &layout.legend()
}

/// The same by attach type: one row each, with the sums of its scenarios' rows.
pub(crate) fn matrix(comparison: &Comparison<'_>, style: Style) -> String {
    let sums = by_attach_type(comparison);
    let view = View::AttachTypes(comparison);
    let of_kernel = compare(&sums);
    let blocks = of_kernel
        .iter()
        .map(|it| Layout::of(it, view, style).blocks());
    blocks.collect()
}

/// What the rows are.
#[derive(Clone, Copy)]
enum View<'a> {
    Scenarios,
    /// The sums of this comparison's rows.
    AttachTypes(&'a Comparison<'a>),
}

/// Where the number of triggers stands.
enum Triggers {
    /// Above the table: every row has the same.
    Title(u64),
    /// In a column of this width.
    Column(usize),
}

struct Layout<'a> {
    comparison: &'a Comparison<'a>,
    view: View<'a>,
    style: Style,
    name: usize,
    triggers: Triggers,
    counters: [usize; 4],
    variants_per_block: usize,
}

impl<'a> Layout<'a> {
    fn of(comparison: &'a Comparison<'a>, view: View<'a>, style: Style) -> Self {
        let mut layout = Self {
            comparison,
            view,
            style,
            name: 0,
            triggers: Triggers::of(&comparison.rows),
            counters: COUNTERS.map(str::len),
            variants_per_block: 0,
        };
        let records = comparison.rows.iter().flat_map(|row| &row.records);
        for record in records.flatten() {
            for (width, cell) in layout.counters.iter_mut().zip(layout.view.cells(record)) {
                *width = cell.len().max(*width);
            }
        }
        layout.share_out_the_rest();
        layout
    }

    /// Gives variants their columns while the names have enough, or one variant
    /// while they have the least, then the names what is left.
    fn share_out_the_rest(&mut self) {
        let names = self.comparison.rows.iter().map(|row| self.label(row));
        let names = names.chain([self.view.names().to_owned(), self.triggers.title()]);
        let longest = names.map(|name| name.chars().count()).max().unwrap_or(0);
        let fixed = self.triggers.cell("").len() + GAP.len() + self.group();
        let per_variant = GAP.len() + self.group() + MARK_WIDTH;
        let free = self.style.width.saturating_sub(fixed);
        let variants = self.comparison.runs.len() - 1;
        let room_for = |name: usize| free.saturating_sub(longest.min(name)) / per_variant;
        let at_least = room_for(LEAST_FOR_A_NAME).min(1);
        let fit = room_for(ENOUGH_FOR_A_NAME).max(at_least);
        self.variants_per_block = fit.min(variants);
        let taken = match self.variants_per_block {
            // Blocks of one run each, with the sign behind it.
            0 if variants > 0 => MARK_WIDTH,
            fit => per_variant * fit,
        };
        self.name = longest.min(free.saturating_sub(taken).max(LEAST_FOR_A_NAME));
    }

    /// The width of one variant's counters.
    fn group(&self) -> usize {
        self.counters.iter().sum::<usize>() + self.counters.len() - 1
    }

    /// What the row is called under its attach type: the flavor only where it
    /// tells rows apart.
    fn label(&self, row: &Row<'_>) -> String {
        if let View::AttachTypes(_) = self.view {
            return row.scenario.to_owned();
        }
        let name = row.scenario_parts().1;
        let twin = |other: &Row<'_>| other.scenario == row.scenario && other.flavor != row.flavor;
        match row.flavor {
            Some(flavor) if self.comparison.rows.iter().any(twin) => {
                format!("{:INDENT$}{name} [{flavor}]", "")
            }
            _ => format!("{:INDENT$}{name}", ""),
        }
    }

    /// The reference beside as many variants as fit, or each run alone.
    fn blocks(&self) -> String {
        let runs: Vec<usize> = (0..self.comparison.runs.len()).collect();
        let blocks: Vec<String> = match self.variants_per_block {
            0 => runs.iter().map(|run| self.block(&[*run])).collect(),
            fit => {
                let variants = runs[1..].chunks(fit);
                variants
                    .map(|some| self.block(&[&[0], some].concat()))
                    .collect()
            }
        };
        blocks.join("\n")
    }

    fn block(&self, runs: &[usize]) -> String {
        let mut text = self.heading(runs);
        let mut section = "";
        for row in &self.comparison.rows {
            let (attach_type, _) = row.scenario_parts();
            if self.view.has_sections() && attach_type != section {
                section = attach_type;
                let _ = writeln!(text, "{section}/");
            }
            text += &self.row(row, runs);
        }
        text
    }

    fn heading(&self, runs: &[usize]) -> String {
        let group = self.group();
        let mut names = self.start(&self.triggers.title(), "");
        let mut columns = self.start(self.view.names(), TRIGGERS);
        let counters = self.in_columns(COUNTERS.map(str::to_owned));
        for run in runs {
            let variant = cut(&self.comparison.runs[*run].variant, group - 2);
            let mark = if *run == 0 { 0 } else { MARK_WIDTH };
            let _ = write!(
                names,
                "{GAP}{:-^group$}{:mark$}",
                format!(" {variant} "),
                ""
            );
            let _ = write!(columns, "{GAP}{counters}{:mark$}", "");
        }
        let bold = |line: &str| self.style.paint(Ink::Bold, line.trim_end()) + "\n";
        bold(&names) + &bold(&columns)
    }

    /// What stands left of the counters.
    fn start(&self, name: &str, triggers: &str) -> String {
        format!("{name:<0$}{1}", self.name, self.triggers.cell(triggers))
    }

    /// The row's line, after a line for its name if that is too long.
    fn row(&self, row: &Row<'_>, runs: &[usize]) -> String {
        let label = self.label(row);
        let (above, label) = if label.chars().count() > self.name {
            (label + "\n", String::new())
        } else {
            (String::new(), label)
        };
        let mut line = self.start(&label, &row.triggers.to_string());
        line = above + &line;
        for run in runs {
            let cells = match run {
                0 => self.counts(row.records[0]),
                _ => self.variant(row, *run),
            };
            line = line + GAP + &cells;
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    }

    fn variant(&self, row: &Row<'_>, run: usize) -> String {
        let counts = self.counts(row.records[run]);
        match sign(self.view.change(row, run)) {
            Some((sign, _, ink)) => self.style.paint(ink, &format!("{counts} {sign}")),
            None => format!("{counts}{:MARK_WIDTH$}", ""),
        }
    }

    fn counts(&self, record: Option<&Record>) -> String {
        match record {
            Some(record) => self.in_columns(self.view.cells(record)),
            None => self
                .style
                .paint(Ink::Dim, &format!("{:^1$}", "no record", self.group())),
        }
    }

    fn in_columns(&self, cells: [String; 4]) -> String {
        let padded: Vec<String> = cells
            .iter()
            .zip(self.counters)
            .map(|(cell, width)| format!("{cell:>width$}"))
            .collect();
        padded.join(" ")
    }

    /// What the columns add up to, what the signs mean, which rows stand for
    /// more than one observation.
    fn legend(&self) -> String {
        let mut text = "\ntriggers = runs + link missed + prog missed + lost\n".to_owned();
        let changes = [Change::Better, Change::Worse, Change::Different];
        let used = changes.into_iter().filter(|change| self.has(*change));
        let signs: Vec<String> = used
            .filter_map(sign)
            .map(|(sign, meaning, ink)| self.style.paint(ink, &format!("{sign} {meaning}")))
            .collect();
        if !signs.is_empty() {
            let reference = &self.comparison.runs[0].variant;
            let _ = writeln!(text, "against {reference}: {}", signs.join(", "));
        }
        if self.has_unexplained() {
            let meaning = "lost, or counted twice, and no expectation says why";
            let sign = self
                .style
                .paint(Ink::Red, &format!("{UNEXPLAINED} {meaning}"));
            let _ = writeln!(text, "{sign}");
        }
        for line in self.folded() {
            let _ = writeln!(text, "{line}");
        }
        text
    }

    fn has(&self, change: Change) -> bool {
        let runs = 0..self.comparison.runs.len();
        let mut rows = self.comparison.rows.iter();
        rows.any(|row| runs.clone().any(|run| row.change(run) == change))
    }

    fn has_unexplained(&self) -> bool {
        let rows = self.comparison.rows.iter();
        let mut records = rows.flat_map(|row| &row.records).flatten();
        records.any(|record| record.is_unexplained())
    }

    fn folded(&self) -> Vec<String> {
        let rows = self.comparison.rows.iter();
        let mut also: Vec<u64> = rows.flat_map(|row| row.also.iter().copied()).collect();
        also.sort_unstable();
        also.dedup();
        if also.is_empty() {
            return Vec::new();
        }
        let also: Vec<String> = also.iter().map(u64::to_string).collect();
        let line = format!(
            "Not shown because in exact proportion: counts at {} triggers.",
            also.join(", "),
        );
        wrap(self.style.width, &line)
    }
}

impl Triggers {
    fn of(rows: &[Row<'_>]) -> Self {
        let numbers = rows.iter().map(|row| row.triggers);
        match (numbers.clone().min(), numbers.max()) {
            (Some(least), Some(most)) if least < most => {
                Self::Column(most.to_string().len().max(TRIGGERS.len()))
            }
            (_, same) => Self::Title(same.unwrap_or(0)),
        }
    }

    fn title(&self) -> String {
        match self {
            Self::Title(1) => "1 trigger each".to_owned(),
            Self::Title(triggers) => format!("{triggers} triggers each"),
            Self::Column(_) => String::new(),
        }
    }

    /// What the column holds, with the gap before it.
    fn cell(&self, text: &str) -> String {
        match self {
            Self::Title(_) => String::new(),
            Self::Column(width) => format!(" {text:>width$}"),
        }
    }
}

impl View<'_> {
    /// What the names of the rows are.
    fn names(self) -> &'static str {
        match self {
            Self::Scenarios => "scenario",
            Self::AttachTypes(_) => "attach type",
        }
    }

    fn has_sections(self) -> bool {
        matches!(self, Self::Scenarios)
    }

    /// How a run differs from the reference; of sums, how their parts do.
    fn change(self, row: &Row<'_>, run: usize) -> Change {
        match self {
            Self::Scenarios => row.change(run),
            Self::AttachTypes(parts) => {
                let parts = parts.rows.iter();
                let of_row = parts.filter(|part| part.scenario_parts().0 == row.scenario);
                sum_up(of_row.map(|part| part.change(run)))
            }
        }
    }

    fn cells(self, record: &Record) -> [String; 4] {
        let counter = |count: Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
        let is_unexplained = match self {
            Self::Scenarios => record.is_unexplained(),
            // What cancels out in the sum is lost all the same.
            Self::AttachTypes(_) => record.lost_because.is_none(),
        };
        let mut lost = record.tally.lost().to_string();
        lost.extend(is_unexplained.then_some(UNEXPLAINED));
        [
            record.tally.runs.to_string(),
            counter(record.tally.link_missed),
            counter(record.tally.prog_missed),
            lost,
        ]
    }
}

/// Changes of several rows in one word.
fn sum_up(changes: impl Iterator<Item = Change>) -> Change {
    let told = changes.filter(|change| sign(*change).is_some());
    told.reduce(|one, other| if one == other { one } else { Change::Different })
        .unwrap_or(Change::Unchanged)
}

fn sign(change: Change) -> Option<(char, &'static str, Ink)> {
    match change {
        Change::Better => Some(('+', "better", Ink::Green)),
        Change::Worse => Some(('!', "worse", Ink::Red)),
        Change::Different => Some(('~', "different", Ink::Yellow)),
        Change::Unchanged | Change::Unknown => None,
    }
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let head: String = text.chars().take(width.saturating_sub(2)).collect();
    head + ".."
}
