// SPDX-License-Identifier: GPL-2.0-only
//! What the host must have for each step.

mod install;
mod list;

pub use install::{ensure, remedy};
pub use list::{NEEDS, Need, Step};
