// SPDX-License-Identifier: GPL-2.0-only
//! The faults and their outcomes.

use nmissed_wire::Outcome;

/// A fault that the guest's program `faulty` makes as a test.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The name of the test.
    pub(crate) name: &'static str,
    /// The name of the test's outcome, and a part of its text.
    pub(crate) outcome: (&'static str, &'static str),
}

const fn fault(name: &'static str, outcome: &'static str, why: &'static str) -> Fault {
    let outcome = (outcome, why);
    Fault { name, outcome }
}

/// What the machine survives: the next test must find nothing of it.
pub(crate) const SURVIVED: &[Fault] = &[
    fault("exits", "fail", "this test fails"),
    fault("aborts", "fail", "SIGABRT"),
    fault("leaves-a-process", "pass", ""),
    fault("leaves-files", "pass", ""),
    fault("removes-the-channel", "pass", ""),
    fault("unmounts-proc", "fail", "the test removed /proc/self/stat"),
    fault("half-record", "fail", "a line that is no record"),
    fault("wrong-sum", "fail", "lost is 9, but the counts leave 0"),
    fault("escape-sequence", "fail", "is no scenario of tp"),
    fault("floods-records", "fail", "more than 10000 records"),
    fault("floods-garbage", "fail", "a line that is no record"),
    fault("floods-output", "pass", ""),
    fault("forges-an-end", "fail", "in the place of PID 1"),
    fault("forges-a-panic", "pass", ""),
    fault("takes-all-memory", "fail", "SIGKILL"),
];

/// What ends the machine, which then has the outcome of the test.
pub(crate) const DEADLY: &[Fault] = &[
    fault("loops", "hang", " in a program"),
    fault("sleeps", "hang", "; CPU 0 "),
    fault(
        "panics-the-kernel",
        "crash",
        "Kernel panic - not syncing: Out of memory",
    ),
    fault("kills-pid-1", "infra", "PID 1 "),
    fault("powers-off", "hang", "reboot: "),
    fault("restarts", "lost-vm", "reboot: machine restart"),
];

impl Fault {
    /// Returns what is wrong with an outcome.
    pub(crate) fn differs(&self, outcome: &Outcome) -> Option<String> {
        let (name, part) = self.outcome;
        let why = outcome.why().unwrap_or_default();
        let is_expected = outcome.name() == name && why.contains(part);
        (!is_expected).then(|| match part {
            "" => format!("expected {name}, but it is {}: {why}", outcome.name()),
            _ => format!(
                "expected {name} with {part:?}, but it is {}: {why}",
                outcome.name()
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    #[test_case(Outcome::Hang("x: no end".to_owned()) => true; "as expected")]
    #[test_case(Outcome::Crash("x: no end".to_owned()) => false; "another outcome")]
    #[test_case(Outcome::Hang("x".to_owned()) => false; "another reason")]
    fn an_outcome_has_its_name_and_reason(outcome: Outcome) -> bool {
        fault("loops", "hang", "no end").differs(&outcome).is_none()
    }
}
