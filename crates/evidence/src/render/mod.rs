// SPDX-License-Identifier: GPL-2.0-only
//! What the model holds, as text for people.

mod pairs;
mod slowest;
pub(crate) mod style;
mod table;
mod text;
