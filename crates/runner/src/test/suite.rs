// SPDX-License-Identifier: GPL-2.0-only
//! The tests of a run, over all boots and repetitions.

use nmissed_evidence::Run;
use nmissed_wire::{
    AVOID, Message, Outcome, PARAMETER_PREFIX, PlannedTest, Record, TestResult, source_key,
};

use crate::boot::boots::Booted;

/// The tests of a run, and what is left of them.
pub(crate) struct Suite {
    /// Each test as often as it is repeated.
    plan: Vec<PlannedTest>,
    /// How many there are without repetitions.
    tests: usize,
    /// Places in `plan`.
    left: Vec<usize>,
    /// How many have ended in this boot.
    ended: usize,
    /// Those of each repetition.
    records: Vec<Vec<Record>>,
    /// Sources that tests must not read.
    avoid: Vec<String>,
}

impl Suite {
    pub(crate) fn new(tests: &[PlannedTest], times: u32) -> Self {
        let plan = vec![tests; times as usize].concat();
        Self {
            tests: tests.len(),
            left: (0..plan.len()).collect(),
            plan,
            ended: 0,
            records: vec![Vec::new(); times as usize],
            avoid: Vec::new(),
        }
    }

    /// The tests that are left.
    pub(crate) fn left(&self) -> Vec<PlannedTest> {
        let left = self.left.iter();
        left.map(|&place| self.plan[place].clone()).collect()
    }

    /// How many tests have ended in this boot.
    pub(crate) fn ended(&self) -> u64 {
        self.ended as u64
    }

    /// The kernel parameter that has tests leave out sources that killed this kernel.
    pub(crate) fn parameter(&self) -> String {
        match self.avoid.as_slice() {
            [] => String::new(),
            keys => format!("{PARAMETER_PREFIX}{AVOID}={}", keys.join(",")),
        }
    }

    pub(crate) fn take(&mut self, message: &Message) {
        match message {
            Message::Record { record } => {
                let place = self.left.get(self.ended);
                let records = place.and_then(|place| self.records.get_mut(place / self.tests));
                records.into_iter().for_each(|it| it.push(record.clone()));
            }
            Message::End { .. } => self.ended += 1,
            _ => {}
        }
    }

    /// Takes the end of a boot, and returns whether tests are left. The one in which the
    /// machine died is not tried again, nor are its repetitions.
    pub(crate) fn close_boot(&mut self, booted: &Booted) -> bool {
        let begun: Vec<_> = self
            .left
            .drain(..booted.begun.min(self.left.len()))
            .collect();
        if let Some(&died) = begun.get(self.ended) {
            let name = self.plan[died].name();
            self.left.retain(|&place| self.plan[place].name() != name);
        }
        let sources = booted.run.deadly_sources.iter();
        self.avoid.extend(sources.map(|source| source_key(source)));
        self.ended = 0;
        !self.left.is_empty()
    }

    /// Returns the run with a result for each test of the plan, and its repetitions apart.
    pub(crate) fn finish(self, mut run: Run) -> Run {
        let mut seen = std::mem::take(&mut run.tests).into_iter().peekable();
        let result = |test: &PlannedTest| {
            let name = test.name();
            seen.next_if(|seen| seen.name == name)
                .unwrap_or_else(|| TestResult {
                    name,
                    outcome: Outcome::Infra("not run: the machine did not survive it".to_owned()),
                    seconds: 0.0,
                })
        };
        run.tests = self.plan.iter().map(result).collect();
        run.repeated(self.tests, self.records)
    }
}

#[cfg(test)]
mod tests {
    use nmissed_wire::{AttachType, Tally};

    use super::*;

    fn planned(test: &str) -> PlannedTest {
        PlannedTest {
            binary: "x".to_owned(),
            test: test.to_owned(),
            deadline_s: 1.0,
        }
    }

    fn end(outcome: Outcome) -> Message {
        Message::End {
            name: String::new(),
            outcome,
            seconds: 0.0,
        }
    }

    fn record(id: &str) -> Message {
        Message::Record {
            record: Record::new(id, AttachType::Tp, None, Tally::default()),
        }
    }

    fn results(tests: &[(&str, Outcome)]) -> Vec<TestResult> {
        let result = |(name, outcome): &(&str, Outcome)| TestResult {
            name: format!("x::{name}"),
            outcome: outcome.clone(),
            seconds: 0.0,
        };
        tests.iter().map(result).collect()
    }

    #[test]
    fn test_that_kills_the_machine_is_not_repeated_and_its_source_is_avoided() {
        let mut suite = Suite::new(&["a", "b", "c"].map(planned), 2);
        let crash = Outcome::Crash("BUG".to_owned());
        [record("tp/a"), end(Outcome::Pass), record("tp/b")]
            .iter()
            .for_each(|message| suite.take(message));
        let first = Run {
            deadly_sources: vec!["fdinfo of x links".to_owned()],
            ..Run::default()
        };
        assert_eq!(suite.parameter(), "");
        let is_left = suite.close_boot(&Booted {
            run: first,
            begun: 2,
        });
        assert!(is_left);
        assert_eq!(suite.parameter(), "nmissed.avoid=fdinfo-of-x-links");
        let left = suite.left();
        assert_eq!(left, ["c", "a", "c"].map(planned));
        for _ in left {
            suite.take(&record("tp/x"));
            suite.take(&end(Outcome::Pass));
        }
        let rest = Booted {
            run: Run::default(),
            begun: 3,
        };
        assert!(!suite.close_boot(&rest));
        let pass = Outcome::Pass;
        let seen = [
            ("a", pass.clone()),
            ("b", crash.clone()),
            ("c", pass.clone()),
            ("a", pass.clone()),
            ("c", pass.clone()),
        ];
        let run = suite.finish(Run {
            tests: results(&seen),
            ..Run::default()
        });
        assert_eq!(run.tests, results(&seen[..3]));
        assert_eq!(
            (run.records.len(), run.repetitions[0].records.len()),
            (3, 2)
        );
        let again = &run.repetitions[0].tests;
        let names: Vec<_> = again.iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names, ["x::a", "x::b", "x::c"]);
        assert!(matches!(again[1].outcome, Outcome::Infra(_)));
    }
}
