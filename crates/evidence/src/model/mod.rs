// SPDX-License-Identifier: GPL-2.0-only
//! What runs showed, compared and counted: no text for people.

pub(crate) mod change;
pub(crate) mod compare;
pub(crate) mod dropped;
pub(crate) mod repeat;
mod reports;
pub(crate) mod results;
pub(crate) mod steps;
pub(crate) mod sums;
pub(crate) mod verdict;
