// SPDX-License-Identifier: GPL-2.0-only
//! Perf events that are no tracepoints.

use std::os::fd::{IntoRawFd, OwnedFd};

use anyhow::{Context, Result};
use libbpf_rs::ProgramMut;
use nmissed_uapi::{CountedEvent, access_breakpoint, open_counter, write_breakpoint};
use nmissed_wire::AttachType;

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
        Self::perf_event(program, event)
    }

    /// As [`Probe::write_breakpoint`], also with every read.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn access_breakpoint(program: &'p ProgramMut<'obj>, address: u64) -> Result<Self> {
        let event = access_breakpoint(address)
            .with_context(|| format!("making a breakpoint at {address:#x}"))?;
        Self::perf_event(program, event)
    }

    /// Attaches to a perf event that overflows with each `counted` event of this thread.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn counter(program: &'p ProgramMut<'obj>, counted: CountedEvent) -> Result<Self> {
        let event = open_counter(counted, 1)
            .with_context(|| format!("opening a perf event for {counted:?}"))?;
        Self::perf_event(program, event)
    }

    /// Attaches to a perf event.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn perf_event(program: &'p ProgramMut<'obj>, event: OwnedFd) -> Result<Self> {
        // The link closes it.
        let link = program
            .attach_perf_event(event.into_raw_fd())
            .context("attaching to the perf event")?;
        Ok(Self::new(AttachType::PerfEvent, program, link))
    }
}
