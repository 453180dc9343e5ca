// SPDX-License-Identifier: GPL-2.0-only
//! What follows from the facts: whether a probe can be attached, how it would
//! be armed, and which kernel function decides.

pub(crate) mod pick;
pub(crate) mod reason;
pub(crate) mod sites;
pub(crate) mod verdict;
