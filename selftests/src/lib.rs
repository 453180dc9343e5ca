// SPDX-License-Identifier: GPL-2.0-only
//! What the tests of missed counts share.
//!
//! A test loads a skeleton, attaches [`Probe`]s, fires a known number of hits
//! ([`fire`]) and has a [`Scene`] read every counter, write the
//! [`Record`](nmissed_wire::Record) and compare it with `expect`.
//!
//! Invariants: every value that a test expects stands in `expect`; a record
//! is written before it is judged; one test at a time, on one CPU, because
//! the kernel's own counters are exact only so (`nmissed++` is not atomic).

pub mod kernel;
pub mod skel;

mod expect;
mod probe;
mod scenario;

pub use kernel::{address_of, file_offset, needs};
pub use nmissed_wire::{AttachType, Flavor};
pub use probe::{KprobeEvent, Probe, SetBy, TraceEvent, for_tracing_multi, takes_two_programs};
pub use scenario::{
    Crowd, Hit, Outer, Scene, Sleep, TIMES, Words, call, counted, fire, migrate, shared,
};
