// SPDX-License-Identifier: GPL-2.0-only
//! A session that boots kernels and runs the tests in them.

mod due;
pub(crate) mod expectation;
pub(crate) mod kind;
pub(crate) mod lanes;
pub(crate) mod merge;
mod probes;
pub(crate) mod session;
mod suite;
pub(crate) mod view;
