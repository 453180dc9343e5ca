// SPDX-License-Identifier: GPL-2.0-only
//! How a test ended, from what was seen of it.

use std::collections::VecDeque;
use std::process::ExitStatus;
use std::time::Duration;

use nmissed_wire::Outcome;

/// How many of a test's last lines an outcome quotes.
const TAIL: usize = 40;

/// How the test's program ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// By itself.
    Exited(ExitStatus),
    /// Killed, because it did not end in this time.
    Overdue(Duration),
}

/// What was seen of a test while it ran.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Its last lines of output.
    output: VecDeque<String>,
    /// Why it says that it cannot run here.
    pub(crate) skip: Option<String>,
    /// What the kernel, or PID 1, has against it.
    pub(crate) complaints: Vec<String>,
}

impl Seen {
    pub(crate) fn output(&mut self, line: &str) {
        if self.output.len() == TAIL {
            self.output.pop_front();
        }
        self.output.push_back(line.to_owned());
    }

    /// A test passes if it ended well and nobody complained.
    pub(crate) fn judge(mut self, end: End) -> Outcome {
        match end {
            End::Overdue(after) => Outcome::Hang(self.tell(&format!("no end within {after:?}"))),
            End::Exited(status) if !status.success() => {
                Outcome::Fail(self.tell(&status.to_string()))
            }
            End::Exited(_) if !self.complaints.is_empty() => {
                Outcome::Fail(self.tell("the checks held, but"))
            }
            End::Exited(_) => self.skip.take().map_or(Outcome::Pass, Outcome::Skip),
        }
    }

    fn tell(self, headline: &str) -> String {
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

    fn seen(skip: Option<&str>, complaint: Option<&str>) -> Seen {
        let mut seen = Seen {
            skip: skip.map(str::to_owned),
            complaints: complaint.into_iter().map(str::to_owned).collect(),
            ..Seen::default()
        };
        seen.output("left: 1");
        seen
    }

    #[test]
    fn a_good_end_is_a_pass_or_a_skip() {
        assert_eq!(seen(None, None).judge(exited(0)), Outcome::Pass);
        let skip = seen(Some("no FPROBE"), None).judge(exited(0));
        assert_eq!(skip, Outcome::Skip("no FPROBE".into()));
    }

    #[test]
    fn a_complaint_fails_a_test_whose_checks_held() {
        let outcome = seen(Some("no FPROBE"), Some("WARNING: x")).judge(exited(0));
        let text = "the checks held, but\nWARNING: x\nleft: 1";
        assert_eq!(outcome, Outcome::Fail(text.into()));
    }

    #[test]
    fn a_failure_quotes_complaints_and_output() {
        let outcome = seen(Some("no FPROBE"), Some("WARNING: x")).judge(exited(101));
        let text = "exit status: 101\nWARNING: x\nleft: 1";
        assert_eq!(outcome, Outcome::Fail(text.into()));
    }

    #[test]
    fn an_overdue_test_hangs() {
        let outcome = seen(None, None).judge(End::Overdue(Duration::from_secs(5)));
        assert_eq!(outcome, Outcome::Hang("no end within 5s\nleft: 1".into()));
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut seen = Seen::default();
        (0..100).for_each(|line| seen.output(&line.to_string()));
        let Outcome::Fail(text) = seen.judge(exited(1)) else {
            panic!("an exit status of 1 is a failure")
        };
        assert!(
            text.starts_with("exit status: 1\n60\n") && text.ends_with("\n99"),
            "{text}"
        );
    }
}
