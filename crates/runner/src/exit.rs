// SPDX-License-Identifier: GPL-2.0-only
//! The exit status of a command.

use nmissed_evidence::{Run, differences};
use nmissed_wire::Outcome;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything is as expected.
    Good,
    /// A test failed, or the kernel crashed or hung.
    Failed,
    /// Wrong usage: nothing was done.
    Usage,
    /// The host could not do its part: no verdict.
    Host,
    /// A revision of a bisection that does not build, boot or record what is expected.
    CannotTell,
    /// Ctrl-C.
    Interrupted,
    /// As a command in the guest ended.
    Command(u8),
}

impl Exit {
    /// The exit status.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            // EX_UNAVAILABLE of sysexits.h.
            Self::Host => 69,
            // What `git bisect run` skips.
            Self::CannotTell => 125,
            // 128 + SIGINT, as a shell has it.
            Self::Interrupted => 130,
            Self::Command(status) => status,
        }
    }
}

impl Exit {
    /// Returns the exit status for runs, whose repetitions must be alike. A kernel's
    /// failure outweighs the host's: a test that did not run because the kernel
    /// crashed counts as the host's, but the crash is the result.
    pub fn of(runs: &[Run]) -> Self {
        let tests = runs
            .iter()
            .flat_map(Run::all_tests)
            .map(|test| &test.outcome);
        let mut outcomes = runs.iter().map(|run| &run.machine).chain(tests);
        let is_same = |run: &Run| differences(run).is_empty();
        if outcomes.any(Outcome::is_failure) {
            Self::Failed
        } else if !runs.iter().all(Run::is_good) {
            Self::Host
        } else if runs.iter().all(is_same) {
            Self::Good
        } else {
            Self::Failed
        }
    }
}

/// A request that makes no sense, found before any work.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

#[cfg(test)]
mod tests {
    use super::*;
    use nmissed_evidence::TestResult;
    use test_case::test_case;

    fn run(machine: Outcome, tests: &[Outcome]) -> Run {
        let test = |outcome: &Outcome| TestResult {
            name: "missed::a".into(),
            outcome: outcome.clone(),
            seconds: 0.1,
        };
        Run {
            machine,
            tests: tests.iter().map(test).collect(),
            ..Run::default()
        }
    }

    #[test_case(Outcome::Pass, &[Outcome::Pass, Outcome::Skip("no".into())] => Exit::Good; "good")]
    #[test_case(Outcome::Pass, &[Outcome::Pass, Outcome::Fail("1 != 2".into())] => Exit::Failed; "a failure")]
    #[test_case(Outcome::Crash("BUG".into()), &[Outcome::Crash("BUG".into()), Outcome::Infra("not run".into())]
        => Exit::Failed; "a crash outweighs what did not run")]
    #[test_case(Outcome::Hang("boot".into()), &[] => Exit::Failed; "a hang at boot")]
    #[test_case(Outcome::Infra("no QEMU".into()), &[] => Exit::Host; "the host")]
    #[test_case(Outcome::Pass, &[] => Exit::Host; "nothing ran")]
    fn exit_of_runs(machine: Outcome, tests: &[Outcome]) -> Exit {
        Exit::of(&[run(Outcome::Pass, &[Outcome::Pass]), run(machine, tests)])
    }

    #[test_case(&[Outcome::Pass, Outcome::Pass] => Exit::Good; "alike")]
    #[test_case(&[Outcome::Pass, Outcome::Skip("no".into())] => Exit::Failed; "not alike")]
    #[test_case(&[Outcome::Pass, Outcome::Fail("1 != 2".into())] => Exit::Failed; "a failure later on")]
    #[test_case(&[Outcome::Pass, Outcome::Infra("not run".into())] => Exit::Host; "the host later on")]
    fn exit_of_repetitions(of_a_test: &[Outcome]) -> Exit {
        let records = vec![Vec::new(); of_a_test.len()];
        Exit::of(&[run(Outcome::Pass, of_a_test).repeated(1, records)])
    }
}
