// SPDX-License-Identifier: GPL-2.0-only
//! The model as tables ([`cells`]), and those as text.

pub(crate) mod cells;
mod counts;
pub(crate) mod dropped;
mod findings;
pub(crate) mod history;
mod layout;
mod pairs;
mod repeat;
pub(crate) mod report;
mod slowest;
mod steps;
pub(crate) mod style;
mod summary;
mod text;
mod verdict;
