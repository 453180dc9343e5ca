// SPDX-License-Identifier: GPL-2.0-only
//! Hitting a probe a known number of times.

use anyhow::{Context, Result, ensure};
use libbpf_rs::{ProgramInput, ProgramMut};
use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};

/// After how many triggers counters are read.
pub const TRIGGERS: [u64; 3] = [1, 2, 1000];

/// Has the kernel call `bpf_fentry_test1` `times` times, by test runs of a
/// fentry program (`bpf_prog_test_run_tracing`); or a raw tracepoint's program
/// itself.
///
/// # Errors
/// If the kernel refuses a run.
pub fn fire(trigger: &ProgramMut<'_>, times: u64) -> Result<()> {
    for _ in 0..times {
        let output = trigger
            .test_run(ProgramInput::default())
            .context("BPF_PROG_TEST_RUN of the trigger")?;
        ensure!(output.return_value == 0, "the trigger's test run failed");
    }
    Ok(())
}

/// Returns a function that does something as many times as its argument says.
pub fn each(mut once: impl FnMut() -> Result<()>) -> impl FnMut(u64) -> Result<()> {
    move |times| (0..times).try_for_each(|_| once())
}

/// Makes the system call sched_setaffinity(2) `times` times, which binds the thread to
/// the CPU that it is on. No other code of the guest makes it.
///
/// # Errors
/// If the kernel refuses.
pub fn call(times: u64) -> Result<()> {
    let here = sched_getcpu();
    (0..times).try_for_each(|_| bind_to(here))
}

/// Moves the thread to another CPU.
///
/// # Errors
/// If there is none.
pub fn migrate() -> Result<()> {
    bind_to(usize::from(sched_getcpu() == 0))
}

/// Restricts the thread to one CPU.
pub(crate) fn bind_to(cpu: usize) -> Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(cpu);
    sched_setaffinity(None, &cpus).with_context(|| format!("binding the thread to CPU {cpu}"))
}
