// SPDX-License-Identifier: GPL-2.0-only
//! Instructions of a hit, where the time stamp counter counts them (QEMU's `-icount`).

use std::arch::asm;
use std::arch::x86_64::_rdtsc;

use anyhow::{Result, bail};

use super::measurement::Scenario;
use super::records;
use super::test::Test;

/// So many triggers, and the cheapest of them is the figure: an interrupt makes others
/// dearer.
const BATCH: u64 = 20;
/// At most so many batches until two in succession have the same figure.
const BATCHES: u64 = 50;
/// Instructions of a turn of [`turns`].
const PER_TURN: u64 = 2;

impl Test {
    /// Skips the test unless the time stamp counter counts instructions.
    ///
    /// # Errors
    /// The skip.
    pub fn require_instruction_counter(&self) -> Result<()> {
        let [few, many] = [1000, 2000].map(|count| {
            let of_each = (0..BATCH).map(|_| {
                let before = ticks();
                turns(count);
                ticks() - before
            });
            of_each.min().unwrap_or_default()
        });
        if many.wrapping_sub(few) == 1000 * PER_TURN {
            return Ok(());
        }
        self.skip_on_this_machine("time stamp counter that counts instructions (vm bench)")
    }

    /// Records how many more instructions `trigger` takes than `bare`, which it took before
    /// the probe was attached, and checks that each hit ran the program.
    ///
    /// # Errors
    /// If `trigger` fails, takes another number of instructions each time, or a record
    /// cannot be written.
    pub fn cost(
        &mut self,
        scenario: &mut Scenario<'_, '_>,
        bare: u64,
        mut trigger: impl FnMut() -> Result<()>,
    ) -> Result<()> {
        trigger()?;
        scenario.start_over()?;
        self.triggers = 0;
        let with_probe = instructions(|| {
            self.triggers += 1;
            trigger()
        })?;
        let mut record = scenario.record(self.triggers)?;
        record.instructions = Some(with_probe.saturating_sub(bare));
        records::write(&record)?;
        if record.tally.runs != record.tally.triggers {
            self.find(format!(
                "{}: not each hit ran the program: {:?}",
                record.scenario, record.tally
            ));
        }
        Ok(())
    }
}

/// Returns how many instructions `trigger` takes, with those that read the counter.
///
/// # Errors
/// If `trigger` fails, or no figure appears twice in succession.
pub fn instructions(mut trigger: impl FnMut() -> Result<()>) -> Result<u64> {
    let mut last = None;
    for _ in 0..BATCHES {
        let mut least = u64::MAX;
        for _ in 0..BATCH {
            let before = ticks();
            trigger()?;
            least = least.min(ticks() - before);
        }
        if last.replace(least) == Some(least) {
            return Ok(least);
        }
    }
    bail!("the trigger takes another number of instructions each time, last {last:?}")
}

fn ticks() -> u64 {
    // SAFETY: each x86_64 processor has the instruction, and the kernel leaves it to programs.
    unsafe { _rdtsc() }
}

/// Executes [`PER_TURN`] instructions `count` times.
fn turns(count: u64) {
    // SAFETY: changes nothing but the register and the flags.
    unsafe {
        asm!("2:", "dec {0}", "jnz 2b", inout(reg) count => _, options(nomem, nostack));
    }
}
