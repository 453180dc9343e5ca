// SPDX-License-Identifier: GPL-2.0-only
//! What an answer can be: yes and how the probe is armed, no and why, or what it
//! depends on.

pub(crate) mod arming;
pub(crate) mod attach_type;
pub(crate) mod condition;
pub(crate) mod errno;
pub(crate) mod refusal;
pub(crate) mod value;
