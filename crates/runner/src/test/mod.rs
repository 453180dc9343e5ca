// SPDX-License-Identifier: GPL-2.0-only
//! A session that boots kernels and runs the tests in them.

mod probes;
pub(crate) mod session;
pub(crate) mod view;
