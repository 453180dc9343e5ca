// SPDX-License-Identifier: GPL-2.0-only
//! What a hit costs, as a table: a row per attach type and number of probes, a column per
//! variant.

use nmissed_wire::{AttachType, COST, Record};

use crate::model::compare::Comparison;
use crate::model::results::Results;
use crate::model::sample::is_cost;
use crate::render::cells::{Cell, Cells, Group, Row, Table, Tone};
use crate::render::report::samples::unjudged;
use crate::render::style::Style;
use crate::render::text::chapters;

/// What the probes of a place cost in each run.
struct Cost {
    /// The attach type, with the flavor of a kprobe.
    name: String,
    /// How many probes are in the place.
    probes: u64,
    /// More instructions than without a probe; in the order of runs.
    instructions: Vec<Option<u64>>,
}

impl Results {
    /// One chapter per kernel: findings, and the instructions of a hit.
    #[must_use]
    pub fn costs_to_text(&self, style: Style) -> String {
        chapters(self, |comparison| {
            unjudged(&comparison, cost_table(&comparison), style).join("\n")
        })
    }
}

/// The table, without rows if nothing was counted, and what it says.
pub(crate) fn cost_table(comparison: &Comparison<'_>) -> (Table, Vec<Cell>) {
    let names = comparison.runs.iter().map(|run| run.variant.clone());
    let table = Table {
        title: String::new(),
        names: "attach type".to_owned(),
        groups: vec![Group {
            title: String::new(),
            heads: names.collect(),
            has_marks: false,
        }],
        pinned: 0,
        rows: costs(comparison).iter().map(row).collect(),
    };
    let reference = &comparison.runs[0].variant;
    let notes = vec![
        Cell::new(
            "Instructions of a trigger with these probes beyond one without: the least of 20 \
             triggers, twice in succession. Guest instructions that QEMU's -icount counts on \
             one CPU, kernel and user space; they are not time.",
        ),
        Cell::new(format!(
            "In columns other than {reference}: how many more (+) or fewer (-) than there; . is \
             the same number, - not counted."
        )),
    ];
    (table, notes)
}

fn row(cost: &Cost) -> Row {
    let reference = cost.instructions[0];
    let cells = cost.instructions.iter().enumerate();
    let cells = cells.map(|(place, seen)| match (place, seen, reference) {
        (_, None, _) => Cell::new("-"),
        (1.., Some(seen), Some(reference)) => difference(*seen, reference),
        (_, Some(seen), _) => Cell::new(seen.to_string()),
    });
    Row {
        section: match cost.probes {
            1 => "1 probe".to_owned(),
            many => format!("{many} probes in one place"),
        },
        name: cost.name.clone(),
        groups: vec![Cells {
            cells: cells.collect(),
            mark: None,
        }],
    }
}

fn difference(seen: u64, reference: u64) -> Cell {
    match seen.wrapping_sub(reference).cast_signed() {
        0 => Cell::new("."),
        more @ 1.. => Cell::toned(format!("+{more}"), Tone::Attention),
        fewer => Cell::toned(fewer.to_string(), Tone::Good),
    }
}

/// The costs of all runs, in the order of attach types, those of one probe first.
fn costs(comparison: &Comparison<'_>) -> Vec<Cost> {
    let mut costs: Vec<(_, Cost)> = Vec::new();
    for (place, run) in comparison.runs.iter().enumerate() {
        for record in run.records.iter().filter(|it| is_cost(it)) {
            let key = (probes(record), record.attach_type, record.flavor);
            let at = costs.iter().position(|(known, _)| *known == key);
            let at = at.unwrap_or_else(|| {
                costs.push((key, none(record, comparison.runs.len())));
                costs.len() - 1
            });
            costs[at].1.instructions[place] = record.instructions;
        }
    }
    costs.sort_by_key(|(key, _)| *key);
    costs.into_iter().map(|(_, cost)| cost).collect()
}

fn none(record: &Record, runs: usize) -> Cost {
    let attach_type = record.attach_type;
    Cost {
        name: match record.flavor.filter(|_| attach_type == AttachType::Kprobe) {
            Some(flavor) => format!("{attach_type} {flavor}"),
            None => attach_type.to_string(),
        },
        probes: probes(record),
        instructions: vec![None; runs],
    }
}

fn probes(record: &Record) -> u64 {
    let count = record.scenario.split_once(COST);
    count
        .and_then(|(_, count)| count.parse().ok())
        .unwrap_or_default()
}
