// SPDX-License-Identifier: GPL-2.0-only
//! Review of a series: checks, mutants and the cover letter.

mod attempt;
mod check;
mod checkpatch;
mod cover;
mod mutant;
mod objects;
mod options;
mod uncovered;
mod warnings;

pub use attempt::{Attempt, Attempts};
pub use check::{CheckRequest, CheckResult, check};
pub use cover::Cover;
pub use mutant::{Mutant, Pointless};
pub use uncovered::Uncovered;
