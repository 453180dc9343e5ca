// SPDX-License-Identifier: GPL-2.0-only
//! One test: its preconditions, its triggers, its records and its verdict.

mod concurrent;
mod outer;
mod records;
mod sleep;
mod test;
mod trigger;

pub use concurrent::Crowd;
pub use outer::Outer;
pub use sleep::{Hit, Sleep, Words};
pub use test::{Scene, counted, shared};
pub use trigger::{TIMES, call, fire, migrate};
