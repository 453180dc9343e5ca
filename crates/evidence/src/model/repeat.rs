// SPDX-License-Identifier: GPL-2.0-only
//! What differs between repetitions of the same tests.

use std::collections::BTreeMap;

use nmissed_wire::{Record, Run, Tally, TestResult};

/// A test or record that differs between repetitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// A test, or a scenario at a number of triggers.
    pub what: String,
    /// Each outcome or tally, and the numbers of the repetitions (from 1) that have it;
    /// that of the first repetition comes first.
    pub seen: Vec<(String, Vec<usize>)>,
}

/// Returns the outcomes and records that differ between the repetitions of a run.
#[must_use]
pub fn differences(run: &Run) -> Vec<Difference> {
    let first = facts(&run.tests, &run.records);
    let repeated = run.repetitions.iter();
    let repeated = repeated.map(|it| facts(&it.tests, &it.records));
    let all: Vec<Facts> = std::iter::once(first).chain(repeated).collect();
    let mut names: Vec<&String> = all.iter().flat_map(BTreeMap::keys).collect();
    names.sort_unstable();
    names.dedup();
    let seen = names.into_iter().map(|name| Difference::of(name, &all));
    seen.filter(|it| it.seen.len() > 1).collect()
}

impl Difference {
    fn of(what: &str, all: &[Facts]) -> Self {
        let mut seen: Vec<(String, Vec<usize>)> = Vec::new();
        for (number, facts) in (1..).zip(all) {
            let value = facts.get(what).map_or("nothing", String::as_str);
            match seen.iter_mut().find(|(known, _)| known == value) {
                Some((_, numbers)) => numbers.push(number),
                None => seen.push((value.to_owned(), vec![number])),
            }
        }
        Self {
            what: what.to_owned(),
            seen,
        }
    }
}

/// Outcomes and tallies, by test and scenario.
type Facts = BTreeMap<String, String>;

fn facts(tests: &[TestResult], records: &[Record]) -> Facts {
    let outcomes = tests
        .iter()
        .map(|test| (test.name.clone(), test.outcome.name().to_owned()));
    let tallies = records.iter().map(|it| (place(it), counts(&it.tally)));
    let mut facts = Facts::new();
    for (mut what, value) in outcomes.chain(tallies) {
        // The nth of several alike is compared with the nth.
        while facts.contains_key(&what) {
            what += ", again";
        }
        facts.insert(what, value);
    }
    facts
}

fn place(record: &Record) -> String {
    let flavor = record.flavor.iter().map(|flavor| format!(" [{flavor}]"));
    let flavor: String = flavor.collect();
    let triggers = record.tally.triggers;
    format!("{}{flavor} at {triggers} triggers", record.scenario)
}

fn counts(tally: &Tally) -> String {
    let counter = |count: Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
    let (link, prog) = (counter(tally.link_missed), counter(tally.prog_missed));
    let (runs, lost) = (tally.runs, tally.lost());
    format!("runs {runs}, link {link}, prog {prog}, lost {lost}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use nmissed_wire::{AttachType, Outcome};

    fn test(name: &str, outcome: Outcome) -> TestResult {
        TestResult {
            name: name.to_owned(),
            outcome,
            seconds: 0.5,
        }
    }

    fn record(runs: u64) -> Record {
        let tally = Tally {
            triggers: 2,
            runs,
            ..Tally::default()
        };
        Record::new("tp/in-itself", AttachType::Tp, None, tally)
    }

    /// Two tests and two records a time, as one boot shows them.
    fn boot(runs: &[u64], last: Outcome) -> Run {
        let both = |_| ["a", "b"].map(|name| test(name, Outcome::Pass));
        let mut tests: Vec<_> = runs.iter().flat_map(both).collect();
        tests.pop();
        tests.push(test("b", last));
        let run = Run {
            machine: Outcome::Pass,
            tests,
            ..Run::default()
        };
        let records = runs.iter().map(|runs| vec![record(2), record(*runs)]);
        run.repeated(2, records.collect())
    }

    #[test]
    fn equal_repetitions_have_no_differences() {
        let run = boot(&[1, 1, 1], Outcome::Pass).and_boot(boot(&[1], Outcome::Pass));
        assert_eq!(differences(&run), []);
    }

    #[test]
    fn a_difference_names_its_repetitions() {
        let fail = Outcome::Fail("1 != 2".to_owned());
        let run = boot(&[1, 0, 1], fail).and_boot(boot(&[1], Outcome::Pass));
        let seen = |first: &str, in_first: &[usize], other: &str, in_other: &[usize]| {
            vec![
                (first.to_owned(), in_first.to_vec()),
                (other.to_owned(), in_other.to_vec()),
            ]
        };
        let counts = |runs, lost| format!("runs {runs}, link -, prog -, lost {lost}");
        let expected = [
            Difference {
                what: "b".to_owned(),
                seen: seen("pass", &[1, 2, 4], "fail", &[3]),
            },
            Difference {
                what: "tp/in-itself at 2 triggers, again".to_owned(),
                seen: seen(&counts(1, 1), &[1, 3, 4], &counts(0, 2), &[2]),
            },
        ];
        assert_eq!(differences(&run), expected);
        assert!(!run.is_good());
    }

    #[test]
    fn a_missing_record_is_a_difference() {
        let mut run = boot(&[1, 1], Outcome::Pass);
        run.repetitions[0].records.pop();
        let [difference] = differences(&run).try_into().unwrap();
        assert_eq!(difference.seen[1], ("nothing".to_owned(), vec![2]));
    }
}
