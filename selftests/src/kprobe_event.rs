// SPDX-License-Identifier: GPL-2.0-only
//! Probes that no program is attached to: kprobe events of tracefs.

use std::fs::{self, OpenOptions};
use std::io::Write;

use anyhow::{Context, Result};

const TRACEFS: &str = "/sys/kernel/tracing";
/// The group of our events.
const GROUP: &str = "nmissed";

/// A kprobe event that is enabled, until it is dropped.
#[derive(Debug)]
pub struct KprobeEvent {
    name: &'static str,
}

impl KprobeEvent {
    /// Probes the entry of `function` and records the word on top of the stack,
    /// which takes one call of `copy_from_kernel_nofault` per hit
    /// (`probe_mem_read`).
    ///
    /// # Errors
    /// If tracefs is not there, or refuses.
    pub fn reading_the_stack(name: &'static str, function: &str) -> Result<Self> {
        append(&format!("p:{GROUP}/{name} {function} word=+0($stack):u64"))?;
        // From here on, dropping removes it.
        let event = Self { name };
        event.enable(true)?;
        Ok(event)
    }

    fn enable(&self, on: bool) -> Result<()> {
        let switch = format!("{TRACEFS}/events/{GROUP}/{}/enable", self.name);
        fs::write(&switch, if on { "1" } else { "0" })
            .with_context(|| format!("writing to {switch}"))
    }
}

impl Drop for KprobeEvent {
    fn drop(&mut self) {
        // Nobody is there to hear of a failure, and the guest ends anyway.
        let _ = self.enable(false);
        let _ = append(&format!("-:{GROUP}/{}", self.name));
    }
}

/// Gives tracefs one command about kprobe events.
fn append(command: &str) -> Result<()> {
    let list = format!("{TRACEFS}/kprobe_events");
    OpenOptions::new()
        .append(true)
        .open(&list)
        .and_then(|mut file| file.write_all(format!("{command}\n").as_bytes()))
        .with_context(|| format!("writing {command:?} to {list}"))
}
