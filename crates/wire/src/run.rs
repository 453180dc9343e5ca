// SPDX-License-Identifier: GPL-2.0-only
//! What one boot showed.

use serde::{Deserialize, Serialize};

use crate::{Outcome, Record};

/// One test of one boot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// `<binary>::<test>`, as the guest ran it.
    pub name: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Wall-clock seconds inside the guest.
    pub seconds: f64,
}

/// Everything one boot of one variant of one kernel showed; by default nothing, and
/// the machine was not run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The kernel's id in `vmconfig/kernels.toml`.
    pub kernel: String,
    /// The variant: `baseline`, `active`, ...
    pub variant: String,
    /// What `uname -r` said in the guest; what the build said if it never got
    /// that far.
    pub release: String,
    /// `kvm` or `tcg`.
    pub accel: String,
    /// Seconds from QEMU's start to PID 1's first message, of the first boot; absent if
    /// there was none.
    pub boot_s: Option<f64>,
    /// Seconds from QEMU's start to its exit, of all boots.
    pub total_s: f64,
    /// How the machine ended: `Pass` after an orderly power-off of each boot, else how the
    /// first one ended that did not.
    pub machine: Outcome,
    /// With what it was made; empty in runs of older versions.
    #[serde(default, skip_serializing_if = "MadeWith::is_empty")]
    pub made_with: MadeWith,
    /// The tests, in the order they ran.
    pub tests: Vec<TestResult>,
    /// The records of all tests, in the order they were written.
    pub records: Vec<Record>,
    /// The first lines of all reports that the kernel made against itself,
    /// from its first moments on (see [`report`](crate::report)).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<String>,
    /// Sources of counters (`fdinfo of kprobe.multi links`) that ended the machine as a test
    /// read them; further boots did not read them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deadly_sources: Vec<String>,
    /// Where all tests were run several times: what they showed after the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repetitions: Vec<Repetition>,
}

/// Versions of what a run was made with, as the programs print them; absent where a version
/// is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeWith {
    /// The first line of `qemu-system-x86_64 --version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qemu: Option<String>,
    /// The commit of the test programs, by `git describe`, with `-dirty` after changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<String>,
    /// The kernel's source: `linux-source-6.12_6.12.117-1`; of a kernel that was built here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// `gcc: gcc (Debian 12.2.0-14) 12.2.0` and the like; of a kernel that was built here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub toolchain: Vec<String>,
}

impl MadeWith {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// All tests of a run once more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repetition {
    /// Which boot of the machine it was in; those of the run itself were in 1.
    pub boot: usize,
    /// As [`Run::tests`].
    pub tests: Vec<TestResult>,
    /// As [`Run::records`].
    pub records: Vec<Record>,
}

impl Run {
    /// Whether every test was good each time, and the machine powered off in order.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.machine.is_good()
            && !self.tests.is_empty()
            && self.all_tests().all(|test| test.outcome.is_good())
    }

    /// Takes a run of one boot apart in which a plan of so many tests was run several
    /// times in a row; `records` are those of each time.
    #[must_use]
    pub fn repeated(mut self, tests: usize, records: Vec<Vec<Record>>) -> Self {
        let mut all = std::mem::take(&mut self.tests);
        for records in records {
            let rest = all.split_off(tests.min(all.len()));
            let tests = std::mem::replace(&mut all, rest);
            self.repetitions.push(Repetition {
                boot: 1,
                tests,
                records,
            });
        }
        if !self.repetitions.is_empty() {
            let first = self.repetitions.remove(0);
            (self.tests, self.records) = (first.tests, first.records);
        }
        self
    }

    /// The rest of the tests, in another boot after one that ended early: in this one
    /// `begun` tests began.
    #[must_use]
    pub fn continued(mut self, begun: usize, rest: Self) -> Self {
        self.tests.truncate(begun);
        self.tests.extend(rest.tests);
        self.records.extend(rest.records);
        self.reports.extend(rest.reports);
        self.deadly_sources.extend(rest.deadly_sources);
        self.total_s += rest.total_s;
        self
    }

    /// The same tests once more, after another boot.
    #[must_use]
    pub fn and_boot(mut self, other: Self) -> Self {
        if self.machine.is_good() {
            self.machine = other.machine;
        }
        self.total_s += other.total_s;
        self.reports.extend(other.reports);
        self.repetitions.push(Repetition {
            boot: self.boots() + 1,
            tests: other.tests,
            records: other.records,
        });
        self
    }

    /// The tests of all repetitions.
    pub fn all_tests(&self) -> impl Iterator<Item = &TestResult> + Clone {
        let repeated = self.repetitions.iter().flat_map(|it| &it.tests);
        self.tests.iter().chain(repeated)
    }

    /// How often the machine was booted.
    #[must_use]
    pub fn boots(&self) -> usize {
        self.repetitions.last().map_or(1, |last| last.boot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AttachType, Tally};

    fn run(outcomes: &[Outcome]) -> Run {
        let test = |outcome: &Outcome| TestResult {
            name: "missed::a".to_owned(),
            outcome: outcome.clone(),
            seconds: 0.5,
        };
        Run {
            total_s: 3.0,
            machine: Outcome::Pass,
            tests: outcomes.iter().map(test).collect(),
            ..Run::default()
        }
    }

    #[test]
    fn a_run_is_good_when_something_ran_and_all_of_it_was_good() {
        let skip = Outcome::Skip("CONFIG_FPROBE".to_owned());
        let fail = Outcome::Fail("1 != 2".to_owned());
        let crash = Run {
            machine: Outcome::Crash("BUG".to_owned()),
            ..run(&[Outcome::Pass])
        };
        assert!(run(&[Outcome::Pass, skip]).is_good());
        assert!(!run(&[Outcome::Pass, fail.clone()]).is_good());
        assert!(!run(&[]).is_good());
        assert!(!crash.is_good());
        assert!(!run(&[Outcome::Pass]).and_boot(run(&[fail])).is_good());
    }

    #[test]
    fn tests_after_a_crash_come_from_another_boot() {
        let crash = Outcome::Crash("BUG".to_owned());
        let first = Run {
            machine: crash.clone(),
            ..run(&[Outcome::Pass, crash.clone(), Outcome::default()])
        };
        let all = first.continued(2, run(&[Outcome::Pass]));
        let outcomes: Vec<_> = all.tests.into_iter().map(|test| test.outcome).collect();
        assert_eq!(outcomes, [Outcome::Pass, crash.clone(), Outcome::Pass]);
        assert_eq!(all.machine, crash);
        assert!((all.total_s - 6.0).abs() < 1e-9);
    }

    #[test]
    fn a_repeated_run_is_split_and_takes_another_boot() {
        let record = Record::new("tp/nested", AttachType::Tp, None, Tally::default());
        let time = || vec![record.clone(), record.clone()];
        let six = run(&[const { Outcome::Pass }; 6]).repeated(2, vec![time(), time(), time()]);
        let two = run(&[const { Outcome::Pass }; 2]).repeated(2, vec![time()]);
        let run = six.and_boot(two);
        assert_eq!((run.tests.len(), run.records.len()), (2, 2));
        assert_eq!((run.repetitions.len(), run.boots()), (3, 2));
        assert_eq!(run.all_tests().count(), 8);
        assert!((run.total_s - 6.0).abs() < 1e-9);
    }
}
