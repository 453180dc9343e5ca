// SPDX-License-Identifier: GPL-2.0-only
//! Probes that no program is attached to: kprobe events of tracefs.

use anyhow::Result;

use super::TraceEvent;

/// A kprobe event that is enabled, until it is dropped.
#[derive(Debug)]
pub struct KprobeEvent {
    event: TraceEvent,
}

impl KprobeEvent {
    /// Probes the entry of `function` and records the word on top of the stack,
    /// which takes one call of `copy_from_kernel_nofault` per hit
    /// (`probe_mem_read`).
    ///
    /// # Errors
    /// If tracefs is not there, or refuses.
    pub fn reading_the_stack(name: &'static str, function: &'static str) -> Result<Self> {
        let event = TraceEvent::kprobe_with(name, function, "word=+0($stack):u64")?;
        event.enable(true)?;
        Ok(Self { event })
    }
}

impl Drop for KprobeEvent {
    fn drop(&mut self) {
        // Nobody is there to hear of a failure, and the guest ends anyway.
        let _ = self.event.enable(false);
    }
}
