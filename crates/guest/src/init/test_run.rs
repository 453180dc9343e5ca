// SPDX-License-Identifier: GPL-2.0-only
//! The outcome of a test, from its exit status, its output and the kernel log.

use std::collections::VecDeque;
use std::process::ExitStatus;
use std::time::Duration;

use nmissed_wire::Outcome;
use nmissed_wire::text::printable;

/// Lines of output that an outcome quotes.
const TAIL: usize = 40;
/// Characters of a line that an outcome quotes.
const QUOTED: usize = 1000;
/// Complaints that an outcome lists.
const COMPLAINTS: usize = 40;

/// How a test program ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// By itself.
    Exited(ExitStatus),
    /// Killed after this deadline.
    Overdue(Duration),
}

/// What a test has shown.
#[derive(Debug, Default)]
pub(crate) struct TestRun {
    /// The last [`TAIL`] lines.
    output: VecDeque<String>,
    /// The option or symbol for lack of which it was skipped.
    pub(crate) skip: Option<String>,
    /// Reports of the kernel, and invalid lines of the test; the first [`COMPLAINTS`].
    complaints: Vec<String>,
    /// How many lines of output there were.
    lines: usize,
    records: usize,
}

impl TestRun {
    /// Takes a line of output, and returns how many there were.
    pub(crate) fn add_output(&mut self, line: &str) -> usize {
        if self.output.len() == TAIL {
            self.output.pop_front();
        }
        let short: String = line.chars().take(QUOTED).collect();
        self.output.push_back(printable(&short));
        self.lines += 1;
        self.lines
    }

    pub(crate) fn complain(&mut self, why: String) {
        if self.complaints.len() < COMPLAINTS {
            self.complaints.push(why);
        }
    }

    /// Counts a record, and complains about the first after `most`; returns whether it is
    /// one of those.
    pub(crate) fn is_one_too_many(&mut self, most: usize) -> bool {
        self.records += 1;
        if self.records == most + 1 {
            self.complain(format!("the test wrote more than {most} records"));
        }
        self.records > most
    }

    /// Returns the outcome: pass for an exit status of 0 without complaints.
    pub(crate) fn outcome(mut self, end: End) -> Outcome {
        match end {
            End::Overdue(after) => Outcome::Hang(self.quote(&format!("no end within {after:?}"))),
            End::Exited(status) if !status.success() => {
                Outcome::Fail(self.quote(&status.to_string()))
            }
            End::Exited(_) if !self.complaints.is_empty() => {
                Outcome::Fail(self.quote("exit status 0, but:"))
            }
            End::Exited(_) => self.skip.take().map_or(Outcome::Pass, Outcome::Skip),
        }
    }

    fn quote(self, headline: &str) -> String {
        let lines = self.complaints.into_iter().chain(self.output);
        lines.fold(headline.to_owned(), |text, line| format!("{text}\n{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    fn exited(code: i32) -> End {
        End::Exited(ExitStatus::from_raw(code << 8))
    }

    fn run(skip: Option<&str>, complaint: Option<&str>) -> TestRun {
        let mut run = TestRun {
            skip: skip.map(str::to_owned),
            complaints: complaint.into_iter().map(str::to_owned).collect(),
            ..TestRun::default()
        };
        run.add_output("left: 1");
        run
    }

    #[test]
    fn exit_status_0_is_a_pass_or_a_skip() {
        assert_eq!(run(None, None).outcome(exited(0)), Outcome::Pass);
        let skip = run(Some("no FPROBE"), None).outcome(exited(0));
        assert_eq!(skip, Outcome::Skip("no FPROBE".into()));
    }

    #[test]
    fn a_report_of_the_kernel_fails_a_test_with_exit_status_0() {
        let outcome = run(Some("no FPROBE"), Some("WARNING: x")).outcome(exited(0));
        let text = "exit status 0, but:\nWARNING: x\nleft: 1";
        assert_eq!(outcome, Outcome::Fail(text.into()));
    }

    #[test]
    fn a_failure_quotes_complaints_and_output() {
        let outcome = run(Some("no FPROBE"), Some("WARNING: x")).outcome(exited(101));
        let text = "exit status: 101\nWARNING: x\nleft: 1";
        assert_eq!(outcome, Outcome::Fail(text.into()));
    }

    #[test]
    fn an_overdue_test_is_a_hang() {
        let outcome = run(None, None).outcome(End::Overdue(Duration::from_secs(5)));
        assert_eq!(outcome, Outcome::Hang("no end within 5s\nleft: 1".into()));
    }

    #[test]
    fn what_a_test_floods_is_bounded() {
        let mut run = TestRun::default();
        let refused = (0..9).filter(|_| run.is_one_too_many(3)).count();
        assert_eq!(refused, 6);
        (0..9999).for_each(|it| run.complain(it.to_string()));
        assert_eq!(run.add_output(&"\u{1b}".repeat(9999)), 1);
        let Outcome::Fail(text) = run.outcome(exited(0)) else {
            panic!("there are complaints")
        };
        assert_eq!(text.lines().count(), 1 + COMPLAINTS + 1);
        assert!(text.contains("\nthe test wrote more than 3 records\n"));
        assert!(!text.contains('\u{1b}') && text.len() < 9999);
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut run = TestRun::default();
        for line in 0..100 {
            run.add_output(&line.to_string());
        }
        let Outcome::Fail(text) = run.outcome(exited(1)) else {
            panic!("an exit status of 1 is a failure")
        };
        assert!(
            text.starts_with("exit status: 1\n60\n") && text.ends_with("\n99"),
            "{text}"
        );
    }
}
