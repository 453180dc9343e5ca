// SPDX-License-Identifier: GPL-2.0-only
//! Answers in the order of a question: looked up, counted, compared with another
//! image, as plain values and as JSON.

pub(crate) mod about;
pub(crate) mod audit;
pub(crate) mod count;
pub(crate) mod diff;
pub(crate) mod directories;
pub(crate) mod document;
pub(crate) mod json;
pub(crate) mod lookup;
