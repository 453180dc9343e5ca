// SPDX-License-Identifier: GPL-2.0-only
//! The variants of one kernel side by side.
//!
//! The first run of a kernel is the reference; a record of another run is
//! compared with the reference's record of the same scenario, flavor and
//! number of triggers.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use nmissed_wire::{AttachType, Flavor, PAIR_IN, Record, Run, Tally};

use crate::model::change::{Change, Fate, moves};
use crate::model::results::Results;
use crate::model::sample::is_unjudged;

/// All runs of one kernel, and their records row by row.
#[derive(Clone, Debug)]
pub(crate) struct Comparison<'a> {
    /// The runs, in the order they ran; the first is the reference. Never
    /// empty.
    pub(crate) runs: Vec<&'a Run>,
    /// The rows by attach type, those of one scenario and flavor together.
    pub(crate) rows: Vec<Row<'a>>,
    /// Likewise, those in which one program is hit while another runs: one for
    /// every two attach types, too many to be read as rows.
    pub(crate) pairs: Vec<Row<'a>>,
}

/// What every run observed of one scenario at one number of triggers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row<'a> {
    pub(crate) attach_type: AttachType,
    pub(crate) scenario: &'a str,
    pub(crate) flavor: Option<Flavor>,
    pub(crate) triggers: u64,
    /// Other numbers of triggers at which every count is this row's, exactly
    /// in proportion; they have no row of their own.
    pub(crate) also: Vec<u64>,
    /// The record of each run of [`Comparison::runs`], if it has one.
    pub(crate) records: Vec<Option<&'a Record>>,
}

/// The rows of one scenario and flavor, by number of triggers.
#[derive(Clone, Copy)]
pub(crate) struct Scenario<'a, 'r> {
    rows: &'r [Row<'a>],
}

/// Compares the variants of every kernel, kernels in the order they ran.
pub(crate) fn compare(results: &Results) -> Vec<Comparison<'_>> {
    grouped(&results.runs, |run| run.kernel.as_str())
        .into_iter()
        .map(|runs| {
            let is_pair = |row: &Row<'_>| row.pair().is_some();
            let (pairs, rows) = rows(&runs).into_iter().partition(is_pair);
            Comparison { runs, rows, pairs }
        })
        .collect()
}

impl<'a> Comparison<'a> {
    /// The scenarios that are no pairs, by attach type.
    pub(crate) fn scenarios(&self) -> impl Iterator<Item = Scenario<'a, '_>> {
        scenarios(&self.rows)
    }

    /// All scenarios, pairs last.
    pub(crate) fn all_scenarios(&self) -> impl Iterator<Item = Scenario<'a, '_>> {
        self.scenarios().chain(scenarios(&self.pairs))
    }
}

impl Results {
    /// Names of the scenarios of a kernel in which a run differs from the first, sorted:
    /// in a count, or in that only one of the two has a record.
    #[must_use]
    pub fn changed_scenarios(&self, kernel: &str) -> BTreeSet<&str> {
        let mut all = compare(self).into_iter();
        let Some(comparison) = all.find(|it| it.runs[0].kernel == kernel) else {
            return BTreeSet::new();
        };
        let differs = |it: &Scenario<'_, '_>| {
            (1..comparison.runs.len())
                .any(|run| !it.is_unchanged(run) && (it.has_record(0) || it.has_record(run)))
        };
        let changed = comparison.all_scenarios().filter(differs);
        changed.map(Scenario::name).collect()
    }
}

/// One for each scenario and flavor.
pub(crate) fn scenarios<'a, 'r>(
    rows: &'r [Row<'a>],
) -> impl Iterator<Item = Scenario<'a, 'r>> + Clone {
    rows.chunk_by(|one, next| one.key() == next.key())
        .map(|rows| Scenario { rows })
}

impl<'a> Scenario<'a, '_> {
    pub(crate) fn attach_type(self) -> AttachType {
        self.rows[0].attach_type
    }

    pub(crate) fn name(self) -> &'a str {
        self.rows[0].scenario
    }

    /// The worst fate of any hit where a run has the fewest triggers; `None` if the run
    /// has no record.
    pub(crate) fn fate(self, run: usize) -> Option<Fate> {
        let least = self.records(run).map(|it| it.tally.triggers).min()?;
        let records = self.records(run);
        let least = records.filter(|it| it.tally.triggers == least);
        least.map(|record| Fate::worst(&record.tally)).min()
    }

    /// Whether the counts of a run are out of proportion to its triggers.
    pub(crate) fn is_mixed(self, run: usize) -> bool {
        let mut records = self.records(run);
        let first = records.next();
        records.any(|it| first.is_some_and(|first| !in_proportion(&first.tally, &it.tally)))
    }

    pub(crate) fn is_unexplained(self, run: usize) -> bool {
        self.rows.iter().any(|row| row.is_unexplained(run))
    }

    pub(crate) fn change(self, run: usize) -> Change {
        Change::of_all(self.rows.iter().map(|row| row.change(run)))
    }

    /// The moves of all rows from the reference to a run.
    pub(crate) fn moves(self, run: usize) -> Vec<(Fate, Fate)> {
        self.rows.iter().flat_map(|row| row.moves(run)).collect()
    }

    /// Whether some hits of a run fared worse than in the reference.
    pub(crate) fn has_worse_hits(self, run: usize) -> bool {
        let moves = self.moves(run);
        moves.iter().any(|(from, to)| from.is_better_than(*to))
    }

    pub(crate) fn has_record(self, run: usize) -> bool {
        self.records(run).next().is_some()
    }

    /// Whether the first two runs have records.
    pub(crate) fn is_in_both(self) -> bool {
        self.has_record(0) && self.has_record(1)
    }

    /// Whether every row of a run has the counts of the reference.
    pub(crate) fn is_unchanged(self, run: usize) -> bool {
        let mut rows = self.rows.iter();
        rows.all(|row| row.change(run) == Change::Unchanged)
    }

    fn records(self, run: usize) -> impl Iterator<Item = &'a Record> {
        let rows = self.rows.iter();
        let records: Vec<_> = rows.filter_map(|row| row.records[run]).collect();
        records.into_iter()
    }
}

impl<'a> Row<'a> {
    /// What happens: the scenario without its attach type.
    pub(crate) fn name(&self) -> &'a str {
        let parts = self.scenario.split_once('/');
        parts.map_or(self.scenario, |(_, name)| name)
    }

    /// The attach type and flavor of the program that is hit, and what runs
    /// meanwhile; `None` for other scenarios.
    pub(crate) fn pair(&self) -> Option<((AttachType, Option<Flavor>), &'a str)> {
        let (_, outer) = self.scenario.split_once(PAIR_IN)?;
        Some(((self.attach_type, self.flavor), outer))
    }

    /// How a run differs from the reference.
    pub(crate) fn change(&self, run: usize) -> Change {
        self.against_reference(run)
            .map_or(Change::Unknown, |(reference, variant)| {
                Change::between(reference, variant)
            })
    }

    /// Whether nothing says why hits of a run are lost or counted twice. A loss that the
    /// reference has as well has its reason, also where patches are not declared.
    pub(crate) fn is_unexplained(&self, run: usize) -> bool {
        let is_unexplained = |run: usize| self.records[run].is_some_and(Record::is_unexplained);
        is_unexplained(run) && (is_unexplained(0) || self.change(run) != Change::Unchanged)
    }

    fn moves(&self, run: usize) -> Vec<(Fate, Fate)> {
        self.against_reference(run)
            .map_or_else(Vec::new, |(reference, variant)| moves(reference, variant))
    }

    fn against_reference(&self, run: usize) -> Option<(&'a Tally, &'a Tally)> {
        let tally = |run: usize| self.records[run].map(|record| &record.tally);
        tally(0).zip(tally(run))
    }

    fn key(&self) -> (AttachType, &'a str, Option<Flavor>) {
        (self.attach_type, self.scenario, self.flavor)
    }

    fn of(record: &'a Record, runs: usize) -> Self {
        Self {
            attach_type: record.attach_type,
            scenario: &record.scenario,
            flavor: record.flavor,
            triggers: record.tally.triggers,
            also: Vec::new(),
            records: vec![None; runs],
        }
    }

    /// Whether all counts of `self` are those of `other` in proportion to the
    /// triggers, in every run.
    fn scales_to(&self, other: &Self) -> bool {
        self.records
            .iter()
            .zip(&other.records)
            .all(|pair| match pair {
                (Some(small), Some(large)) => in_proportion(&small.tally, &large.tally),
                (None, None) => true,
                _ => false,
            })
    }
}

/// One row per scenario, flavor and number of triggers, by attach type; where a run
/// has several such records, the nth of one run stands beside the nth of another.
fn rows<'a>(runs: &[&'a Run]) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    // The rows of each scenario, flavor and number of triggers.
    let mut places: HashMap<_, Vec<usize>> = HashMap::new();
    for (run_place, run) in runs.iter().enumerate() {
        let mut seen: HashMap<_, usize> = HashMap::new();
        for record in run.records.iter().filter(|it| !is_unjudged(it)) {
            let triggers = record.tally.triggers;
            let key = (
                record.attach_type,
                &record.scenario,
                record.flavor,
                triggers,
            );
            let nth = seen.entry(key).or_default();
            let known = places.entry(key).or_default();
            if known.len() == *nth {
                known.push(rows.len());
                rows.push(Row::of(record, runs.len()));
            }
            rows[known[*nth]].records[run_place] = Some(record);
            *nth += 1;
        }
    }
    let scenarios = grouped(rows, Row::key).into_iter();
    let mut rows: Vec<_> = scenarios.flat_map(fold).collect();
    rows.sort_by_key(|row| row.attach_type);
    rows
}

/// Leaves only the row with the most triggers if the other rows are in proportion.
fn fold(mut rows: Vec<Row<'_>>) -> Vec<Row<'_>> {
    rows.sort_by_key(|row| row.triggers);
    match rows.split_last() {
        Some((largest, others)) if others.iter().all(|row| row.scales_to(largest)) => {
            let mut also: Vec<u64> = others.iter().map(|row| row.triggers).collect();
            also.dedup();
            also.retain(|triggers| *triggers != largest.triggers);
            vec![Row {
                also,
                ..largest.clone()
            }]
        }
        _ => rows,
    }
}

fn in_proportion(small: &Tally, large: &Tally) -> bool {
    let scale = |count: u64, triggers: u64| u128::from(count) * u128::from(triggers.max(1));
    let alike = |a: u64, b: u64| scale(a, large.triggers) == scale(b, small.triggers);
    let alike_or_absent = |a: Option<u64>, b: Option<u64>| match (a, b) {
        (Some(a), Some(b)) => alike(a, b),
        (None, None) => true,
        _ => false,
    };
    alike(small.runs, large.runs)
        && alike_or_absent(small.link_missed, large.link_missed)
        && alike_or_absent(small.prog_missed, large.prog_missed)
}

/// Items with the same key together, keys in the order they first came.
fn grouped<T, K: Eq + Hash>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> K,
) -> Vec<Vec<T>> {
    let mut groups: Vec<Vec<T>> = Vec::new();
    let mut places: HashMap<K, usize> = HashMap::new();
    for item in items {
        let place = *places.entry(key(&item)).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(item);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(scenario: &str, triggers: u64, runs: u64, prog_missed: u64) -> Record {
        let tally = Tally {
            triggers,
            runs,
            link_missed: None,
            prog_missed: Some(prog_missed),
        };
        let (name, _) = scenario.split_once('/').unwrap();
        Record::new(scenario, name.parse().unwrap(), None, tally)
    }

    fn run(kernel: &str, records: Vec<Record>) -> Run {
        Run {
            kernel: kernel.to_owned(),
            records,
            ..Run::default()
        }
    }

    /// Of a row: the scenario, the triggers, those folded into it, and how
    /// often the program ran in each run.
    type Shape = (String, u64, Vec<u64>, Vec<Option<u64>>);

    fn rows_of(runs: Vec<Vec<Record>>) -> Vec<Shape> {
        let runs = runs.into_iter().map(|records| run("6.12", records));
        let results = Results {
            runs: runs.collect(),
        };
        let rows = compare(&results).remove(0).rows;
        rows.into_iter()
            .map(|row| {
                let runs = row.records.iter().map(|it| it.map(|it| it.tally.runs));
                (
                    row.scenario.to_owned(),
                    row.triggers,
                    row.also.clone(),
                    runs.collect(),
                )
            })
            .collect()
    }

    #[test]
    fn a_loss_that_the_reference_explains_is_explained() {
        let lost = |runs| record("kprobe/a", 10, runs, 0);
        let explained = |runs| lost(runs).because("it is skipped");
        let is_unexplained = |reference: Record, variant: Record| {
            let results = Results {
                runs: [reference, variant]
                    .map(|it| run("6.12", vec![it]))
                    .to_vec(),
            };
            compare(&results)[0].rows[0].is_unexplained(1)
        };
        assert!(!is_unexplained(explained(4), lost(4)));
        assert!(is_unexplained(explained(4), lost(5)));
        assert!(is_unexplained(lost(4), lost(4)));
    }

    #[test]
    fn kernels_are_never_compared_with_each_other() {
        let results = Results {
            runs: ["6.12", "7.3", "6.12"]
                .map(|kernel| run(kernel, vec![record("tp/a", 1, 1, 0)]))
                .to_vec(),
        };
        let comparisons = compare(&results);
        let shape: Vec<_> = comparisons
            .iter()
            .map(|it| (it.runs[0].kernel.as_str(), it.runs.len(), it.rows.len()))
            .collect();
        assert_eq!(shape, [("6.12", 2, 1), ("7.3", 1, 1)]);
    }

    #[test]
    fn a_missing_record_is_unknown_and_not_zero() {
        let runs = [vec![record("tp/a", 1, 1, 0)], vec![record("tp/b", 1, 1, 0)]];
        let results = Results {
            runs: runs.map(|records| run("6.12", records)).to_vec(),
        };
        let rows = compare(&results).remove(0).rows;
        assert_eq!(rows.len(), 2);
        for row in rows {
            assert_eq!(row.change(1), Change::Unknown);
        }
    }

    #[test]
    fn other_triggers_are_another_row() {
        let rows = rows_of(vec![
            vec![record("tp/a", 1, 1, 0)],
            vec![record("tp/a", 2, 2, 0)],
        ]);
        let row = |triggers, runs: [_; 2]| ("tp/a".to_owned(), triggers, vec![], runs.to_vec());
        assert_eq!(rows, [row(1, [Some(1), None]), row(2, [None, Some(2)])]);
    }

    #[test]
    fn the_nth_of_several_alike_stands_beside_the_nth() {
        let several = |runs: &[u64]| -> Vec<Record> {
            let records = runs.iter().map(|runs| record("tp/a", 9, *runs, 0));
            records.collect()
        };
        let rows = rows_of(vec![several(&[1, 2]), several(&[3, 4, 5])]);
        let row = |runs: [_; 2]| ("tp/a".to_owned(), 9, vec![], runs.to_vec());
        assert_eq!(
            rows,
            [
                row([Some(1), Some(3)]),
                row([Some(2), Some(4)]),
                row([None, Some(5)])
            ],
        );
    }

    #[test]
    fn many_scenarios_take_no_time_for_each_other() {
        let all = || (0..20_000).map(|it| record(&format!("tp/{it}"), 1, 1, 0));
        assert_eq!(
            rows_of(vec![all().collect(), all().collect()]).len(),
            20_000
        );
    }

    #[test]
    fn rows_in_proportion_fold_into_the_largest_and_stand_by_attach_type() {
        let all = || {
            vec![
                record("tp/a", 10, 0, 10),
                record("kprobe/a", 1, 1, 0),
                record("tp/a", 1000, 0, 1000),
                record("tp/a", 1000, 0, 1000),
                record("tp/b", 10, 10, 0),
                record("tp/b", 100, 64, 0),
            ]
        };
        let row = |id: &str, triggers, also: &[u64], runs| {
            (id.to_owned(), triggers, also.to_vec(), vec![Some(runs); 2])
        };
        assert_eq!(
            rows_of(vec![all(), all()]),
            [
                row("kprobe/a", 1, &[], 1),
                row("tp/a", 1000, &[10], 0),
                row("tp/b", 10, &[], 10),
                row("tp/b", 100, &[], 64),
            ],
        );
    }

    #[test]
    fn a_row_that_one_run_lacks_does_not_fold() {
        let short = vec![record("tp/a", 1, 1, 0)];
        let full = vec![record("tp/a", 1, 1, 0), record("tp/a", 10, 10, 0)];
        assert_eq!(rows_of(vec![full, short]).len(), 2);
    }

    #[test]
    fn the_fewest_triggers_decide_and_others_may_be_out_of_proportion() {
        let records = vec![
            record("tp/a", 100, 64, 0),
            record("tp/a", 1, 1, 0),
            record("tp/b", 100, 0, 0),
            record("tp/b", 1, 0, 0),
        ];
        let results = Results {
            runs: vec![run("6.12", records)],
        };
        let comparison = compare(&results).remove(0);
        let seen = comparison
            .scenarios()
            .map(|it| (it.fate(0), it.is_mixed(0)));
        let seen: Vec<_> = seen.collect();
        assert_eq!(seen, [(Some(Fate::Ran), true), (Some(Fate::Lost), false)]);
    }
    #[test]
    fn changed_scenarios_are_those_of_any_run() {
        let run = |variant: &str, records| Run {
            variant: variant.to_owned(),
            ..run("7.2.12", records)
        };
        let a = || record("tp/a", 2, 2, 0);
        let results = Results {
            runs: vec![
                run(
                    "baseline",
                    vec![a(), record("tp/b", 2, 2, 0), record("tp/c", 2, 2, 0)],
                ),
                run(
                    "head",
                    vec![a(), record("tp/b", 2, 0, 2), record("tp/d", 2, 2, 0)],
                ),
            ],
        };
        let changed = results.changed_scenarios("7.2.12");
        assert_eq!(
            changed.into_iter().collect::<Vec<_>>(),
            ["tp/b", "tp/c", "tp/d"]
        );
        assert!(results.changed_scenarios("6.12").is_empty());
    }
}
