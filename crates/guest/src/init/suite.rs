// SPDX-License-Identifier: GPL-2.0-only
//! Runs tests one after the other and forwards what they say.

use std::io::PipeWriter;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use anyhow::{Context, Result};
use nmissed_wire::{Message, Outcome, PlannedTest, output};

use crate::channel::Channel;
use crate::judge::{End, Seen};
use crate::kmsg::Kmsg;
use crate::lines::Lines;
use crate::records::{self, Said};
use crate::running::Running;

/// What all tests of a boot share. The writing ends of both pipes stay open
/// here, so that neither ends with a test.
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
        let (output, output_end) = std::io::pipe().context("cannot make a pipe")?;
        let output = OwnedFd::from(output);
        rustix::io::ioctl_fionbio(&output, true).context("cannot unblock a pipe")?;
        Ok(Self {
            channel,
            kmsg,
            environment,
            records: Lines::new(records::open()?),
            output: Lines::new(output.into()),
            output_end,
        })
    }

    /// Runs one test from its start message to its end message.
    pub(crate) fn run(&mut self, test: &PlannedTest) -> Result<()> {
        let name = test.name();
        self.kmsg.say(&format!("nmissed: {name} starts"));
        self.channel.send(&Message::Start { name: name.clone() })?;
        let (outcome, seconds) = self.observe(test)?;
        self.kmsg.say(&format!(
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
        let deadline = Duration::try_from_secs_f64(test.deadline_s)
            .with_context(|| format!("{} has no possible deadline", test.name()))?;
        let mut seen = Seen::default();
        let running = Running::start(test, &self.environment, &self.output_end)?;
        let overdue = self.follow(&running, deadline, &mut seen)?;
        let seconds = running.elapsed().as_secs_f64();
        let status = running.finish()?;
        self.forward(Lines::take_all, &mut seen)?;
        let end = if overdue {
            End::Overdue(deadline)
        } else {
            End::Exited(status)
        };
        Ok((seen.judge(end), seconds))
    }

    /// Forwards until the program has ended, or is overdue (then true).
    fn follow(&mut self, running: &Running, deadline: Duration, seen: &mut Seen) -> Result<bool> {
        while let Some(left) = deadline.checked_sub(running.elapsed()) {
            let others = [self.records.as_fd(), self.output.as_fd(), self.kmsg.as_fd()];
            if running.wait_for_news(&others, left)? {
                return Ok(false);
            }
            self.forward(Lines::take, seen)?;
        }
        Ok(true)
    }

    /// Hands on what `take` finds in the pipes, and what the kernel said.
    fn forward(&mut self, take: fn(&mut Lines) -> Vec<String>, seen: &mut Seen) -> Result<()> {
        for line in take(&mut self.records) {
            match records::parse(&line) {
                Ok(Said::Record(record)) => self.channel.send(&Message::Record { record })?,
                Ok(Said::Answer(answer)) => self.channel.send(&Message::Answer { answer })?,
                Ok(Said::Skip { skip }) => seen.skip = Some(skip),
                Err(wrong) => seen.complaints.push(wrong),
            }
        }
        for line in take(&mut self.output) {
            self.kmsg.say(&format!("  | {line}"));
            seen.output(&line);
        }
        seen.complaints.extend(self.kmsg.complaints());
        Ok(())
    }
}
