// SPDX-License-Identifier: GPL-2.0-only
//! The books of all scenarios of an attach type together.

use nmissed_wire::{AttachType, Record, Tally};

use crate::{Comparison, Results, Run};

/// The runs of a comparison, with a record per attach type that is the sum of its
/// rows. It has a reason, without words, as long as no row is unexplained.
pub(crate) fn by_attach_type(comparison: &Comparison<'_>) -> Results {
    let runs = comparison.runs.iter().enumerate();
    let runs = runs.map(|(place, run)| Run {
        records: sums(comparison, place),
        ..(*run).clone()
    });
    Results {
        runs: runs.collect(),
    }
}

fn sums(comparison: &Comparison<'_>, run: usize) -> Vec<Record> {
    let mut sums: Vec<(&str, AttachType, Tally, bool)> = Vec::new();
    for row in &comparison.rows {
        let Some(record) = row.records[run] else {
            continue;
        };
        let (attach_type, _) = row.scenario_parts();
        let is_explained = !record.is_unexplained();
        match sums.iter_mut().find(|(name, ..)| *name == attach_type) {
            Some((_, _, sum, all_are)) => {
                *sum = add(sum, &record.tally);
                *all_are &= is_explained;
            }
            None => sums.push((attach_type, record.attach_type, record.tally, is_explained)),
        }
    }
    let records = sums
        .into_iter()
        .map(|(name, attach_type, sum, all_are)| Record {
            lost_because: all_are.then(String::new),
            ..Record::new(name, attach_type, None, sum)
        });
    records.collect()
}

/// Wrapping, as [`Tally::lost`] is: no file of numbers can panic a reader.
fn add(one: &Tally, other: &Tally) -> Tally {
    let both = |one: Option<u64>, other: Option<u64>| match (one, other) {
        (Some(one), Some(other)) => Some(one.wrapping_add(other)),
        (one, other) => one.or(other),
    };
    Tally {
        triggers: one.triggers.wrapping_add(other.triggers),
        runs: one.runs.wrapping_add(other.runs),
        link_missed: both(one.link_missed, other.link_missed),
        prog_missed: both(one.prog_missed, other.prog_missed),
    }
}
