// SPDX-License-Identifier: GPL-2.0-only
//! The counters of one kernel: a row per scenario, a group of columns per
//! variant.
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
//! each with the reference: a block can be quoted alone.

use std::fmt::Write as _;

use crate::style::{Ink, Style, wrap};
use crate::{Change, Comparison, Record, Row};

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
const NAMES: &str = "scenario";
const TRIGGERS: &str = "triggers";
const COUNTERS: [&str; 4] = ["runs", "link", "prog", "lost"];

/// The table of a comparison that has rows.
pub(crate) fn table(comparison: &Comparison<'_>, style: Style) -> String {
    let layout = Layout::of(comparison, style);
    let variants: Vec<usize> = (1..comparison.runs.len()).collect();
    let blocks: Vec<String> = if variants.is_empty() {
        vec![layout.block(&[])]
    } else {
        variants
            .chunks(layout.variants_per_block)
            .map(|variants| layout.block(variants))
            .collect()
    };
    format!("{}{}", blocks.join("\n"), layout.legend())
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
    style: Style,
    name: usize,
    triggers: Triggers,
    counters: [usize; 4],
    variants_per_block: usize,
}

impl<'a> Layout<'a> {
    fn of(comparison: &'a Comparison<'a>, style: Style) -> Self {
        let mut layout = Self {
            comparison,
            style,
            name: 0,
            triggers: Triggers::of(&comparison.rows),
            counters: COUNTERS.map(str::len),
            variants_per_block: 1,
        };
        let records = comparison.rows.iter().flat_map(|row| &row.records);
        for record in records.flatten() {
            for (width, cell) in layout.counters.iter_mut().zip(cells(record)) {
                *width = cell.len().max(*width);
            }
        }
        layout.share_out_the_rest();
        layout
    }

    /// Gives variants their columns while the names have enough, then the
    /// names what is left.
    fn share_out_the_rest(&mut self) {
        let names = self.comparison.rows.iter().map(|row| self.label(row));
        let names = names.chain([NAMES.to_owned(), self.triggers.title()]);
        let longest = names.map(|name| name.chars().count()).max().unwrap_or(0);
        let fixed = self.triggers.cell("").len() + GAP.len() + self.group();
        let per_variant = GAP.len() + self.group() + MARK_WIDTH;
        let free = self.style.width.saturating_sub(fixed);
        let variants = self.comparison.runs.len() - 1;
        let room_for = free.saturating_sub(longest.min(ENOUGH_FOR_A_NAME)) / per_variant;
        self.variants_per_block = room_for.clamp(1, variants.max(1));
        let taken = per_variant * self.variants_per_block.min(variants);
        self.name = longest.min(free.saturating_sub(taken).max(LEAST_FOR_A_NAME));
    }

    /// The width of one variant's counters.
    fn group(&self) -> usize {
        self.counters.iter().sum::<usize>() + self.counters.len() - 1
    }

    /// What the row is called under its attach type: the flavor only where it
    /// tells rows apart.
    fn label(&self, row: &Row<'_>) -> String {
        let name = row.scenario_parts().1;
        let twin = |other: &Row<'_>| other.scenario == row.scenario && other.flavor != row.flavor;
        match row.flavor {
            Some(flavor) if self.comparison.rows.iter().any(twin) => {
                format!("{:INDENT$}{name} [{flavor}]", "")
            }
            _ => format!("{:INDENT$}{name}", ""),
        }
    }

    fn block(&self, variants: &[usize]) -> String {
        let mut text = self.heading(variants);
        let mut section = "";
        for row in &self.comparison.rows {
            let (attach_type, _) = row.scenario_parts();
            if attach_type != section {
                section = attach_type;
                let _ = writeln!(text, "{section}/");
            }
            text += &self.row(row, variants);
        }
        text
    }

    fn heading(&self, variants: &[usize]) -> String {
        let group = self.group();
        let mut names = self.start(&self.triggers.title(), "");
        let mut columns = self.start(NAMES, TRIGGERS);
        let counters = self.in_columns(COUNTERS.map(str::to_owned));
        for run in [0].iter().chain(variants) {
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
    fn row(&self, row: &Row<'_>, variants: &[usize]) -> String {
        let label = self.label(row);
        let (above, label) = if label.chars().count() > self.name {
            (label + "\n", String::new())
        } else {
            (String::new(), label)
        };
        let mut line = self.start(&label, &row.triggers.to_string());
        line = above + &line + GAP + &self.counts(row.records[0]);
        for run in variants {
            line = line + GAP + &self.variant(row, *run);
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    }

    fn variant(&self, row: &Row<'_>, run: usize) -> String {
        let counts = self.counts(row.records[run]);
        match sign(row.change(run)) {
            Some((sign, _, ink)) => self.style.paint(ink, &format!("{counts} {sign}")),
            None => format!("{counts}{:MARK_WIDTH$}", ""),
        }
    }

    fn counts(&self, record: Option<&Record>) -> String {
        match record {
            Some(record) => self.in_columns(cells(record)),
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

fn cells(record: &Record) -> [String; 4] {
    let counter = |count: Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
    [
        record.tally.runs.to_string(),
        counter(record.tally.link_missed),
        counter(record.tally.prog_missed),
        record.tally.lost().to_string(),
    ]
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
