// SPDX-License-Identifier: GPL-2.0-only
//! What was observed, and what it means.
//!
//! [`Record`] is one observation of one scenario; [`Message`] is how the guest
//! says it to the host; [`Run`] is everything one boot showed, and
//! [`Results`] what a whole command showed, as `results.json` has it.
//!
//! Invariants: no I/O but on the readers and writers it is handed, no
//! processes, no clocks. Both sides of the VM use this crate, so it depends on
//! nothing else of this workspace.

mod record;
mod run;
mod wire;

pub use record::{Record, Tally};
pub use run::{Outcome, Results, Run, TestResult};
pub use wire::{Message, WIRE_VERSION, WireError, parse_line};
