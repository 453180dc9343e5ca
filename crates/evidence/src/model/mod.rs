// SPDX-License-Identifier: GPL-2.0-only
//! What runs showed, compared and counted.

pub(crate) mod apart;
pub(crate) mod change;
pub(crate) mod compare;
pub(crate) mod dropped;
pub(crate) mod faults;
pub(crate) mod history;
pub(crate) mod repeat;
pub(crate) mod reports;
pub(crate) mod results;
pub(crate) mod sample;
pub(crate) mod setup;
pub(crate) mod steps;
pub(crate) mod summary;
pub(crate) mod trouble;
