// SPDX-License-Identifier: GPL-2.0-only
//! How long a guest has had a processor to run on.
//!
//! Deadlines measure this, not the time of day: on a busy host a guest takes longer, which
//! is no hang. Time in which no thread of QEMU waits for a processor counts, also if the
//! guest is idle.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

/// The longest time between two readings that counts. After a longer one this program, and
/// most likely QEMU, was stopped, or waited itself.
const LONGEST_STEP: Duration = Duration::from_millis(500);
/// At least one part in so many of the time of day counts, so that deadlines end.
const LEAST: u32 = 10;

/// The nanoseconds that a thread has waited for a processor, by its id.
type Waited = HashMap<u32, u64>;

/// Time since QEMU's start, without that in which the host did not run it.
#[derive(Debug)]
pub(crate) struct GuestTime {
    passed: Duration,
    last: Instant,
    waited: Waited,
}

impl GuestTime {
    pub(crate) fn start() -> Self {
        Self {
            passed: Duration::ZERO,
            last: Instant::now(),
            waited: Waited::new(),
        }
    }

    pub(crate) fn passed(&self) -> Duration {
        self.passed
    }

    /// Reads the clocks of a process and its threads.
    pub(crate) fn update(&mut self, process: u32) {
        let (now, waited) = (Instant::now(), waited(process));
        let step = now - self.last;
        if !is_stopped(process) {
            self.passed += counted(step, longest_wait(&self.waited, &waited));
        }
        (self.last, self.waited) = (now, waited);
    }
}

/// Returns how much of a step counts in which a thread waited so long for a processor.
fn counted(step: Duration, waited: Duration) -> Duration {
    let ran = step.saturating_sub(waited).min(LONGEST_STEP);
    ran.max(step.min(LONGEST_STEP) / LEAST)
}

/// Returns the time that the thread waited that waited longest between two readings.
fn longest_wait(before: &Waited, now: &Waited) -> Duration {
    let wait = |(thread, now): (&u32, &u64)| now.saturating_sub(*before.get(thread).unwrap_or(now));
    Duration::from_nanos(now.iter().map(wait).max().unwrap_or(0))
}

/// Reads the second field of each `schedstat`
/// (Documentation/scheduler/sched-stats.rst); of no thread where the host has none.
fn waited(process: u32) -> Waited {
    let tasks = fs::read_dir(format!("/proc/{process}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let waited = |task: fs::DirEntry| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        let thread = task.file_name().to_str()?.parse().ok()?;
        Some((thread, text.split_whitespace().nth(1)?.parse().ok()?))
    };
    tasks.filter_map(waited).collect()
}

/// Whether a signal or a debugger has stopped a process.
fn is_stopped(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name before the state may have any character.
    let state = stat.rsplit(") ").next().unwrap_or_default();
    state.starts_with(['T', 't'])
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use rustix::process::{Pid, Signal, kill_process};
    use test_case::test_case;

    use super::*;

    #[test_case(20, 0 => 20; "no thread waited")]
    #[test_case(20, 15 => 5; "one waited")]
    #[test_case(20, 20 => 2; "a tenth counts at least")]
    #[test_case(20, 25 => 2; "it had waited before")]
    #[test_case(60_000, 0 => 500; "this program was stopped")]
    #[test_case(60_000, 60_000 => 50; "and so was QEMU")]
    fn time_without_a_processor_does_not_count(step: u64, waited: u64) -> u128 {
        let [step, waited] = [step, waited].map(Duration::from_millis);
        counted(step, waited).as_millis()
    }

    #[test_case(&[(1, 5), (2, 7)], &[(1, 9), (2, 8)] => 4; "the longest of two")]
    #[test_case(&[(1, 5)], &[(2, 7)] => 0; "a new thread")]
    #[test_case(&[(1, 5)], &[] => 0; "the process has ended")]
    fn the_wait_is_that_of_one_thread(before: &[(u32, u64)], now: &[(u32, u64)]) -> u128 {
        let [before, now] = [before, now].map(|it| it.iter().copied().collect());
        longest_wait(&before, &now).as_nanos()
    }

    #[test]
    fn a_process_is_stopped_by_a_signal() {
        let mut child: Child = Command::new("sleep").arg("60").spawn().unwrap();
        let is_stopped_after = |signal, is: bool| {
            kill_process(Pid::from_child(&child), signal).unwrap();
            while is_stopped(child.id()) != is {
                std::thread::yield_now();
            }
        };
        is_stopped_after(Signal::STOP, true);
        is_stopped_after(Signal::CONT, false);
        assert!(!waited(child.id()).is_empty() || waited(std::process::id()).is_empty());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
