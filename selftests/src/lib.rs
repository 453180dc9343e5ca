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

pub mod needs;
pub mod skel;

mod asleep;
mod cpus;
mod crowd;
mod environment;
mod expect;
mod flavor;
mod kallsyms;
mod kprobe_event;
mod outer;
mod own_code;
mod probe;
mod records;
mod scene;
mod sites;
mod trace_event;
mod trigger;

pub use asleep::{Hit, Sleep, Words};
pub use crowd::Crowd;
pub use kallsyms::address_of;
pub use kprobe_event::KprobeEvent;
pub use nmissed_wire::{AttachType, Flavor};
pub use outer::Outer;
pub use own_code::file_offset;
pub use probe::{Probe, SetBy, for_tracing_multi, takes_two_programs};
pub use scene::{Scene, counted, shared};
pub use trace_event::TraceEvent;
pub use trigger::{TIMES, call, fire, migrate};
