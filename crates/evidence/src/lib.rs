// SPDX-License-Identifier: GPL-2.0-only
//! What was observed, and what it means.
//!
//! [`Record`] is one observation of one scenario; [`Message`] is how the guest
//! says it to the host; [`Run`] is everything one boot showed, and
//! [`Results`] what a whole command showed, as `results.json` has it.
//!
//! [`compare()`] puts the variants of a kernel side by side, and
//! [`Results::to_text`] shows them to people. [`Results::pairs_to_text`] shows
//! those in which one program is hit while another runs as a grid.
//!
//! [`Run::differences`] are those between repetitions of the same tests, and
//! [`Results::slowest_to_text`] says where the time goes.
//!
//! [`Steps`] are the runs before a series of patches and after each, and
//! [`notice()`] says whether tests miss a hunk of one.
//!
//! [`PlannedTest`] is what the host has the guest run, [`Batch`] what it asks about
//! probes, and [`Answer`] what it hears. [`PlannedProbe`] is where tests put
//! theirs, and [`report`] says which lines of the kernel log tell of trouble.
//!
//! Invariants: no I/O, no processes, no clocks: values in, values and text
//! out. Both sides of the VM use this crate, so it depends on nothing else of
//! this workspace.

#![forbid(unsafe_code)]

mod ask;
mod change;
mod compare;
mod dropped;
mod guest;
mod klog;
mod pairs;
mod record;
mod repeat;
mod reports;
mod run;
mod slowest;
mod steps;
mod style;
mod sums;
mod table;
mod text;
mod verdict;
mod wire;

pub use ask::{Answer, Batch, List, QUESTIONS, Seen, Spot, Way};
pub use change::{Change, Fate, Move};
pub use compare::{Comparison, Row, compare};
pub use dropped::{DroppedHunk, Noticed, dropped_hunks, notice};
pub use guest::{
    PARAMETER_PREFIX, PLAN, PROBE_PLAN, PROBED, PlannedProbe, PlannedTest, RECORDS_PORT,
    RECORDS_TTY, TESTS_DIR, TROUBLE_MARK,
};
pub use klog::{Severity, report};
pub use record::{PAIR_IN, Record, Tally};
pub use repeat::{Difference, Repetition};
pub use run::{Outcome, Results, Run, TestResult};
pub use steps::Steps;
pub use style::Style;
pub use wire::{Message, WIRE_VERSION, WireError, parse_line};
