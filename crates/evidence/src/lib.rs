// SPDX-License-Identifier: GPL-2.0-only
//! What was observed, and what it means.
//!
//! [`Run`] is everything one boot showed, and [`Results`] what a whole command showed,
//! as `results.json` has it.
//!
//! [`compare()`] puts the variants of a kernel side by side, and
//! [`Results::to_text`] shows them to people. [`Results::pairs_to_text`] shows
//! those in which one program is hit while another runs as a grid.
//!
//! [`differences`] are those between repetitions of the same tests, and
//! [`Results::slowest_to_text`] says where the time goes.
//!
//! [`Steps`] are the runs before a series of patches and after each, and
//! [`notice()`] says whether tests miss a hunk of one.
//!
//! Invariants: no I/O, no processes, no clocks: values in, values and text
//! out. Depends on the vocabulary of `nmissed_wire`, and on no other crate of this
//! workspace.

#![forbid(unsafe_code)]

mod model;
mod render;

pub use model::change::{Change, Fate, Move};
pub use model::compare::{Comparison, Row, compare};
pub use model::dropped::{DroppedHunk, Noticed, dropped_hunks, notice};
pub use model::repeat::{Difference, differences};
pub use model::results::Results;
pub use model::steps::Steps;
pub use nmissed_wire::{Repetition, Run, TestResult};
pub use render::style::Style;
