// SPDX-License-Identifier: GPL-2.0-only
//! The boots of a run: a kernel, the guest's programs, and the folder for what it showed.

pub(crate) mod boots;
pub(crate) mod guest;
pub(crate) mod output;
pub(crate) mod session;
