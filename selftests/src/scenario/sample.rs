// SPDX-License-Identifier: GPL-2.0-only
//! Hits whose number only another program knows, and that hit a running program by chance.

use std::thread;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use nmissed_uapi::recursion_misses;

use super::measurement::Scenario;
use super::records;
use super::test::Test;
use super::trigger::bind_to;
use crate::kernel::{cpus, symbolize};
use crate::{Probe, read_counter};

/// How often hits are counted anew.
const REPEATS: u32 = 10;
/// No hit for so long, which is many grace periods, and there will be none.
const QUIET: Duration = Duration::from_millis(100);
/// At most so often.
const ROUNDS: u32 = 50;

/// The program that counts every hit.
pub struct Truth<'p, 'obj> {
    /// How it is attached.
    pub probe: Probe<'p, 'obj>,
    /// Its count.
    pub hits: &'p u64,
}

impl Test {
    /// Runs `hit` ten times, each time records what became of the hits that `truth`
    /// counts meanwhile, and checks that no hit of `truth` is missed.
    ///
    /// # Errors
    /// If `hit` fails, the kernel does not give its counters, or a record cannot be written.
    pub fn sample(
        &mut self,
        scenario: &mut Scenario<'_, '_>,
        truth: &Truth<'_, '_>,
        mut hit: impl FnMut() -> Result<()>,
        stack: impl Fn() -> Vec<u64>,
    ) -> Result<()> {
        for _ in 0..REPEATS {
            settle(truth.hits)?;
            let before = read_counter(truth.hits);
            scenario.start_over()?;
            hit()?;
            settle(truth.hits)?;
            self.triggers = read_counter(truth.hits) - before;
            let mut record = scenario.record(self.triggers)?;
            if record.tally.runs != record.tally.triggers {
                record.stack = symbolize(&stack())?;
            }
            records::write(&record)?;
            self.check_sum(&record.scenario, record.attach_type, record.tally);
        }
        let missed = recursion_misses(truth.probe.program)?;
        if missed.is_some_and(|missed| missed > 0) {
            self.find(format!(
                "the program that counts every hit missed {missed:?}"
            ));
        }
        Ok(())
    }
}

/// Waits until no more hits come.
fn settle(hits: &u64) -> Result<()> {
    for _ in 0..ROUNDS {
        let before = read_counter(hits);
        thread::sleep(QUIET);
        if read_counter(hits) == before {
            return Ok(());
        }
    }
    bail!("hits come without an end")
}

/// Creates `tasks` threads on each CPU, one after another on each and on all at once.
///
/// # Errors
/// If a thread cannot be bound to its CPU.
pub fn create_tasks(tasks: u32) -> Result<()> {
    let cpus = cpus::online()?;
    let on = |cpu: usize| {
        bind_to(cpu)?;
        for _ in 0..tasks {
            let task = thread::Builder::new().spawn(|| ())?;
            ensure!(task.join().is_ok(), "a thread of nothing failed");
        }
        Ok(())
    };
    thread::scope(|scope| {
        let all: Vec<_> = (0..cpus).map(|cpu| scope.spawn(move || on(cpu))).collect();
        all.into_iter()
            .try_for_each(|one| one.join().expect("no panic"))
    })
}
