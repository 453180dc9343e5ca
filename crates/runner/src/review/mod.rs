// SPDX-License-Identifier: GPL-2.0-only
//! What the patches of a series change, one by one.

pub(crate) mod check;
pub(crate) mod cover;
pub(crate) mod edit;
pub(crate) mod evidence;
pub(crate) mod mutate;
