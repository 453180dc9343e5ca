// SPDX-License-Identifier: GPL-2.0-only
//! What the tests of missed counts share.
//!
//! | folder | what it does |
//! | --- | --- |
//! | `scenario` | runs a test: preconditions, triggers, records, verdict |
//! | `probe` | attaches programs and reads all counters of their hits |
//! | `kernel` | reads what the running kernel has |
//! | `expect` | says what each scenario counts on which kernel, and why |
//!
//! A test ([`run_test`]) loads a skeleton, attaches [`Probe`]s and has [`Test::measure`]
//! fire a known number of hits and observe each [`Scenario`].
//!
//! Invariants: every expected value stands in `expect`; a record is written before it is
//! judged; one test at a time, on one CPU, because only then the kernel's counters are
//! exact (`nmissed++` is not atomic).

use std::ptr;

pub mod kernel;
pub mod skel;

mod expect;
mod probe;
mod scenario;

pub use kernel::{Module, address_of, file_offset, needs};
pub use nmissed_wire::{AttachType, Flavor};
pub use probe::{
    KprobeEvent, Probe, SetBy, Target, TraceEvent, for_tracing_multi, takes_two_programs,
};
pub use scenario::{
    NestedCalls, Scenario, SleepFlags, SleepingProgram, TRIGGERS, Test, Trigger, Truth,
    attach_outer, call, create_tasks, each, fire, instructions, migrate, other_outer_programs,
    outer_needs, outer_program, run_test, scenario, shared,
};

/// Reads a counter of a BPF program.
#[must_use]
pub fn read_counter(counter: &u64) -> u64 {
    // SAFETY: a reference is valid to read. Volatile, because the kernel
    // writes to the page behind it.
    unsafe { ptr::from_ref(counter).read_volatile() }
}
