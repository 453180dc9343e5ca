// SPDX-License-Identifier: GPL-2.0-only
//! The same tests time after time, and what is not the same each time.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::model::verdict::plural;
use crate::render::style::{Ink, Style, wrap};
use nmissed_wire::{Record, Run, Tally, TestResult};

/// Something that was not the same each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// A test, or a scenario at a number of triggers.
    pub what: String,
    /// What was seen of it, and in which repetitions, from 1 on; the first time first.
    pub seen: Vec<(String, Vec<usize>)>,
}

/// What was not the same in all repetitions of a run: outcomes of tests, and records.
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

/// What was seen, by what it was seen of.
type Facts = BTreeMap<String, String>;

fn facts(tests: &[TestResult], records: &[Record]) -> Facts {
    let outcomes = tests
        .iter()
        .map(|test| (test.name.clone(), test.outcome.name().to_owned()));
    let counts = records.iter().map(|it| (place(it), fates(&it.tally)));
    let mut facts = Facts::new();
    for (mut what, value) in outcomes.chain(counts) {
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

fn fates(tally: &Tally) -> String {
    let counter = |count: Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
    let (link, prog) = (counter(tally.link_missed), counter(tally.prog_missed));
    let (runs, lost) = (tally.runs, tally.lost());
    format!("runs {runs}, link {link}, prog {prog}, lost {lost}")
}

/// Of a run that was repeated: that all was the same each time, or what was not.
pub(crate) fn repetitions(run: &Run, style: Style) -> String {
    if run.repetitions.is_empty() {
        return String::new();
    }
    let differences = differences(run);
    let (ink, verdict) = match differences.len() {
        0 => (Ink::Bold, "all the same".to_owned()),
        some => (Ink::Red, plural(some as u128, "difference")),
    };
    let headline = format!(
        "{}: {} and {}, {} times in {}: {verdict}",
        run.variant,
        plural(run.tests.len() as u128, "test"),
        plural(run.records.len() as u128, "record"),
        run.repetitions.len() + 1,
        plural(run.boots() as u128, "boot"),
    );
    let mut text = String::new();
    for line in wrap(style.width, &headline) {
        let _ = writeln!(text, "{}", style.paint(ink, &line));
    }
    for Difference { what, seen } in differences {
        let _ = writeln!(text, "  {what}");
        for (value, numbers) in seen {
            let line = format!("{value}: in {}", ranges(&numbers));
            for line in wrap(style.width.saturating_sub(4), &line) {
                let _ = writeln!(text, "    {line}");
            }
        }
    }
    text
}

/// Numbers in ascending order, such as `1-3, 5`.
fn ranges(numbers: &[usize]) -> String {
    let runs = numbers.chunk_by(|one, next| one + 1 == *next);
    let named = runs.map(|run| match run {
        [first, .., last] => format!("{first}-{last}"),
        [one] => one.to_string(),
        [] => String::new(),
    });
    named.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

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
            kernel: "6.12".to_owned(),
            variant: "baseline".to_owned(),
            release: "6.12".to_owned(),
            accel: "tcg".to_owned(),
            boot_s: Some(1.0),
            total_s: 3.0,
            machine: Outcome::Pass,
            tests,
            records: Vec::new(),
            repetitions: Vec::new(),
            reports: Vec::new(),
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
    fn what_is_not_the_same_is_told_with_its_repetitions() {
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

    #[test_case(&[1, 2, 3, 5, 7, 8] => "1-3, 5, 7-8"; "some in a row")]
    #[test_case(&[4] => "4"; "one")]
    #[test_case(&[] => ""; "none")]
    fn numbers_in_a_row_are_a_range(numbers: &[usize]) -> String {
        ranges(numbers)
    }

    #[test]
    fn what_is_missing_once_is_a_difference() {
        let mut run = boot(&[1, 1], Outcome::Pass);
        run.repetitions[0].records.pop();
        let [difference] = differences(&run).try_into().unwrap();
        assert_eq!(difference.seen[1], ("nothing".to_owned(), vec![2]));
    }
}
