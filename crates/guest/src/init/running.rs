// SPDX-License-Identifier: GPL-2.0-only
//! The process of a running test.

use std::io::PipeWriter;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nmissed_wire::{PlannedTest, TESTS_DIR};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process_group, pidfd_open, wait};

/// Time for killed processes to end.
const DYING: Duration = Duration::from_secs(2);

/// A test program, in a process group of its own.
pub(crate) struct Running {
    child: Child,
    group: Pid,
    /// A pidfd: readable when the program has ended.
    ended: OwnedFd,
    started: Instant,
}

impl Running {
    /// Starts a program with one test.
    pub(crate) fn start(
        test: &PlannedTest,
        environment: &[(String, String)],
        output: &PipeWriter,
    ) -> Result<Self> {
        let program = Path::new(TESTS_DIR).join(&test.binary);
        let end = || output.try_clone().context("cannot duplicate a pipe");
        let child = Command::new(&program)
            .args(["--exact", &test.test, "--nocapture", "--test-threads=1"])
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(end()?)
            .stderr(end()?)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let group = Pid::from_child(&child);
        let ended = pidfd_open(group, PidfdFlags::empty()).context("cannot watch a test")?;
        Ok(Self {
            child,
            group,
            ended,
            started: Instant::now(),
        })
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits until the program has ended (returns true), one of `inputs` is readable, or
    /// `left` is over.
    pub(crate) fn wait(&self, inputs: &[BorrowedFd], left: Duration) -> Result<bool> {
        let all = std::iter::once(self.ended.as_fd()).chain(inputs.iter().copied());
        let fds = all.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        let mut fds: Vec<_> = fds.collect();
        let left = Timespec::try_from(left).context("the deadline is too long")?;
        match poll(&mut fds, Some(&left)) {
            Ok(_) => Ok(!fds[0].revents().is_empty()),
            Err(Errno::INTR) => Ok(false),
            Err(errno) => Err(errno).context("cannot wait for a test"),
        }
    }

    /// Kills the program and all that it started, and returns its exit status.
    ///
    /// A program that is stuck in the kernel does not end: the host's deadline is for that.
    pub(crate) fn finish(mut self) -> Result<ExitStatus> {
        // Fails if the group has no process left.
        let _ = kill_process_group(self.group, Signal::KILL);
        let status = self.child.wait().context("cannot wait for a test");
        // Of group 1 is every process but PID 1 (kill(2), pid -1).
        let _ = kill_process_group(Pid::INIT, Signal::KILL);
        reap();
        status
    }
}

/// Waits for the processes that PID 1 has inherited from tests, but not for ever: one may be
/// stuck in the kernel.
fn reap() {
    let killed = Instant::now();
    while killed.elapsed() < DYING {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => (),
            Ok(None) => sleep(Duration::from_millis(1)),
            Err(_) => return,
        }
    }
}
