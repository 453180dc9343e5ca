// SPDX-License-Identifier: GPL-2.0-only
//! Faults that are made in the guest, and the outcome that each must get.

pub(crate) mod session;
mod table;
