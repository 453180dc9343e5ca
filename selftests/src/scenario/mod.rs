// SPDX-License-Identifier: GPL-2.0-only
//! A test: its preconditions, triggers, scenarios and verdict.

mod cost;
mod measurement;
mod nested;
mod outer;
mod records;
mod sample;
mod sleep;
mod test;
mod trigger;

pub use cost::instructions;
pub use measurement::{Scenario, scenario};
pub use nested::NestedCalls;
pub use outer::{attach_outer, other_outer_programs, outer_needs, outer_program};
pub use sample::{Truth, create_tasks};
pub use sleep::{SleepFlags, SleepingProgram, Trigger, shared};
pub use test::{Test, run_test};
pub use trigger::{TRIGGERS, call, each, fire, migrate};
