// SPDX-License-Identifier: GPL-2.0-only
//! Perf events that are no tracepoints.

use std::os::fd::IntoRawFd;

use anyhow::{Context, Result};
use libbpf_rs::ProgramMut;
use nmissed_uapi::write_breakpoint;

use super::Probe;

impl<'p, 'obj> Probe<'p, 'obj> {
    /// Attaches to a perf event that overflows with every write of this thread
    /// to the eight bytes at `address`.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn write_breakpoint(program: &'p ProgramMut<'obj>, address: u64) -> Result<Self> {
        let event = write_breakpoint(address)
            .with_context(|| format!("making a breakpoint at {address:#x}"))?;
        // The link closes it.
        let link = program
            .attach_perf_event(event.into_raw_fd())
            .with_context(|| format!("attaching to the breakpoint at {address:#x}"))?;
        Ok(Self::new("perf_event", program, link))
    }
}
