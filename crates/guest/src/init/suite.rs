// SPDX-License-Identifier: GPL-2.0-only
//! Runs tests one after the other and forwards their records.

use std::io::PipeWriter;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use anyhow::{Context, Result};
use nmissed_wire::{Message, Outcome, PlannedTest, output};

use crate::channel::Channel;
use crate::kmsg::Kmsg;
use crate::leftovers;
use crate::lines::Lines;
use crate::records::{self, Line};
use crate::running::Running;
use crate::test_run::{End, TestRun};

/// How many times a test's deadline has passed when PID 1 kills it. Before that the host
/// ends the machine: it alone knows how long the guest had a processor.
const BACKSTOP: f64 = 10.0;

/// Records of one test: many times what the largest one writes.
const MOST_RECORDS: usize = 10_000;
/// Lines of one test's output on the console.
const MOST_OUTPUT: usize = 2000;

/// What the tests of a boot share. Records and output of each test come on pipes of its own,
/// whose writing ends stay open here, so that they have no end of file.
pub(crate) struct Suite {
    channel: &'static Channel,
    kmsg: Kmsg,
    environment: Vec<(String, String)>,
    records: Lines,
    output: Lines,
    output_end: PipeWriter,
}

impl Suite {
    pub(crate) fn new(
        channel: &'static Channel,
        kmsg: Kmsg,
        mut environment: Vec<(String, String)>,
    ) -> Result<Self> {
        environment.push((output::RECORDS.to_owned(), records::PATH.to_owned()));
        let (output, output_end) = output_pipe()?;
        Ok(Self {
            channel,
            kmsg,
            environment,
            records: Lines::new(records::open()?),
            output,
            output_end,
        })
    }

    /// Runs a test, and sends its start, its records and its end.
    pub(crate) fn run(&mut self, test: &PlannedTest) -> Result<()> {
        let name = test.name();
        self.kmsg.write(&format!("nmissed: {name} starts"));
        self.channel.send(&Message::Start { name: name.clone() })?;
        let (outcome, seconds) = self.observe(test)?;
        self.kmsg.write(&format!(
            "nmissed: {name}: {} after {seconds:.3} s",
            outcome.name()
        ));
        self.channel.send(&Message::End {
            name,
            outcome,
            seconds,
        })
    }

    fn observe(&mut self, test: &PlannedTest) -> Result<(Outcome, f64)> {
        let deadline = Duration::try_from_secs_f64(test.deadline_s * BACKSTOP)
            .with_context(|| format!("{} has an invalid deadline", test.name()))?;
        let mut run = TestRun::default();
        self.records = Lines::new(records::open()?);
        (self.output, self.output_end) = output_pipe()?;
        let running = Running::start(test, &self.environment, &self.output_end)?;
        let overdue = self.follow(&running, deadline, &mut run)?;
        let seconds = running.elapsed().as_secs_f64();
        let status = running.finish()?;
        self.forward(Lines::take_all, &mut run)?;
        leftovers::remove(&mut run);
        let end = if overdue {
            End::Overdue(deadline)
        } else {
            End::Exited(status)
        };
        Ok((run.outcome(end), seconds))
    }

    /// Forwards lines until the program has ended; returns true if it is overdue.
    fn follow(&mut self, running: &Running, deadline: Duration, run: &mut TestRun) -> Result<bool> {
        while let Some(left) = deadline.checked_sub(running.elapsed()) {
            let inputs = [self.records.as_fd(), self.output.as_fd(), self.kmsg.as_fd()];
            if running.wait(&inputs, left)? {
                return Ok(false);
            }
            self.forward(Lines::take, run)?;
        }
        Ok(true)
    }

    /// Forwards the lines that `take` returns, and collects the reports of the kernel.
    fn forward(&mut self, take: fn(&mut Lines) -> Vec<String>, run: &mut TestRun) -> Result<()> {
        for line in take(&mut self.records) {
            match records::parse(&line) {
                Ok(Line::Record(_)) if run.is_one_too_many(MOST_RECORDS) => {}
                Ok(Line::Record(record)) => self.channel.send(&Message::Record { record })?,
                Ok(Line::Reply(answer)) => self.channel.send(&Message::Answer { answer })?,
                Ok(Line::Skip { skip }) => run.skip = Some(skip),
                Err(complaint) => run.complain(complaint),
            }
        }
        for line in take(&mut self.output) {
            match run.add_output(&line) {
                lines if lines <= MOST_OUTPUT => self.kmsg.write(&format!("  | {line}")),
                lines if lines == MOST_OUTPUT + 1 => self.kmsg.write("  | (and so on)"),
                _ => (),
            }
        }
        for report in self.kmsg.reports() {
            run.complain(report);
        }
        Ok(())
    }
}

/// Creates the pipe for standard output and standard error.
fn output_pipe() -> Result<(Lines, PipeWriter)> {
    let (output, end) = std::io::pipe().context("cannot create a pipe")?;
    let output = OwnedFd::from(output);
    rustix::io::ioctl_fionbio(&output, true).context("cannot make a pipe nonblocking")?;
    Ok((Lines::new(output.into()), end))
}
