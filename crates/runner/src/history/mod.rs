// SPDX-License-Identifier: GPL-2.0-only
//! The same scenarios on many releases: `vm history`.

mod cache;
pub(crate) mod session;
pub(crate) mod table;
