// SPDX-License-Identifier: GPL-2.0-only
//! Hits that meet a running program by chance, as a table: a row per run, setting and
//! attach type.

use nmissed_wire::Run;

use crate::model::compare::Comparison;
use crate::model::results::Results;
use crate::model::sample::{Sample, samples};
use crate::render::cells::{Cell, Cells, Group, Row, Table, Tone};
use crate::render::findings::{findings, skipped};
use crate::render::layout::set;
use crate::render::style::Style;
use crate::render::text::chapters;

/// What is counted, and how sure it is.
const NOTES: [&str; 4] = [
    "A program on wake_up_new_task writes an event, which raises an interrupt; in a softirq \
     after it, RCU frees a task and hits a program on __put_task_struct. RCU in softirqs and \
     interrupts without threads are the kernel's defaults.",
    "natural: the first program does only that; widened: it goes on for 20000 turns of \
     bpf_loop.",
    "hits: sums of all repetitions, counted by a fentry program on the same function, which \
     itself missed none. hits = runs + link + prog + lost; - is no such counter.",
    "not run: percent of all hits, and the limits of 95 % confidence: of repetitions that are \
     drawn again (bootstrap), or Wilson's where it is 0.",
];

impl Results {
    /// One chapter per kernel: findings, what became of the hits, and the stack of one that
    /// ran no program.
    #[must_use]
    pub fn samples_to_text(&self, style: Style) -> String {
        chapters(self, |comparison| {
            let mut parts = unjudged(&comparison, sample_table(&comparison), style);
            let stack = comparison.runs.iter().find_map(|run| stack(run));
            parts.extend(
                stack.map(|(title, frames)| format!("{title}\n  {}\n", frames.join("\n  "))),
            );
            parts.join("\n")
        })
    }
}

/// A chapter about what nothing is expected of: findings only if a run failed.
pub(crate) fn unjudged(
    comparison: &Comparison<'_>,
    (table, notes): (Table, Vec<Cell>),
    style: Style,
) -> Vec<String> {
    let title = format!("Kernel {}", comparison.runs[0].kernel);
    let mut parts = vec![style.paint(Tone::Strong, &title) + "\n"];
    if !comparison.runs.iter().all(|run| run.is_good()) {
        parts.push(findings(comparison, style));
    }
    parts.push(skipped(comparison, style));
    parts.push(style.notes(&notes));
    parts.extend(set(&[&table], style));
    parts.retain(|part| !part.is_empty());
    parts
}

/// The table, without rows if nothing was sampled, and what it says.
pub(crate) fn sample_table(comparison: &Comparison<'_>) -> (Table, Vec<Cell>) {
    let mut rows: Vec<Row> = Vec::new();
    for run in &comparison.runs {
        rows.extend(samples(run).iter().map(|sample| row(run, sample)));
    }
    rows.sort_by(|one, other| one.section.cmp(&other.section));
    let group = |title: &str, heads: &[&str]| Group {
        title: title.to_owned(),
        heads: heads.iter().map(|it| (*it).to_owned()).collect(),
        has_marks: false,
    };
    let table = Table {
        title: String::new(),
        names: "variant".to_owned(),
        groups: vec![
            group("", &["hits"]),
            group("", &["runs", "link", "prog", "lost"]),
            group("not run", &["%", "from", "to"]),
        ],
        pinned: 0,
        rows,
    };
    (table, NOTES.into_iter().map(Cell::new).collect())
}

fn row(run: &Run, sample: &Sample<'_>) -> Row {
    let total = sample.total();
    let (attach_type, setting) = sample.names();
    let optional = |count: Option<u64>| count.map_or(Cell::new("-"), Cell::count);
    let lost = total.lost();
    let lost = match lost {
        0 => Cell::new("."),
        _ => Cell::toned(lost.to_string(), Tone::Bad),
    };
    let rate = sample.rate();
    let percent = |part: f64| Cell::new(format!("{:.2}", 100.0 * part));
    let cells = |cells| Cells { cells, mark: None };
    Row {
        section: format!("{attach_type}, {setting}, {} times", sample.records.len()),
        name: run.variant.clone(),
        groups: vec![
            Cell::new(total.triggers.to_string()).into(),
            cells(vec![
                Cell::count(total.runs),
                optional(total.link_missed),
                optional(total.prog_missed),
                lost,
            ]),
            cells(vec![
                percent(rate.seen),
                percent(rate.from),
                percent(rate.to),
            ]),
        ],
    }
}

/// The call chain of the first hit of a run that ran no program.
pub(crate) fn stack(run: &Run) -> Option<(String, Vec<String>)> {
    let samples = samples(run);
    let sample = samples.iter().find(|it| it.stack().is_some())?;
    let title = format!(
        "Stack of a hit that ran no program, {}, {}:",
        run.variant,
        sample.names().0
    );
    Some((title, sample.stack()?.to_vec()))
}
