// SPDX-License-Identifier: GPL-2.0-only
//! Kprobe events of tracefs without a program.

use anyhow::Result;

use super::TraceEvent;

/// An enabled kprobe event, removed on drop.
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
    /// If tracefs is not mounted, or refuses.
    pub fn reading_the_stack(name: &'static str, function: &'static str) -> Result<Self> {
        let event = TraceEvent::kprobe_with(name, function, "word=+0($stack):u64")?;
        event.enable(true)?;
        Ok(Self { event })
    }
}

impl Drop for KprobeEvent {
    fn drop(&mut self) {
        // A failure has no consequence: the guest ends soon.
        let _ = self.event.enable(false);
    }
}
