// SPDX-License-Identifier: GPL-2.0-only
//! Hitting a probe a known number of times.

use anyhow::{Context, Result, ensure};
use libbpf_rs::{ProgramInput, ProgramMut};

/// Has the kernel call `bpf_fentry_test1` `times` times, by test runs of a
/// fentry program (`bpf_prog_test_run_tracing`).
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
