// SPDX-License-Identifier: GPL-2.0-only
//! Answers in the order of a question: looked up, counted, compared with another
//! image, and written as text or JSON.

pub(crate) mod about;
pub(crate) mod audit;
pub(crate) mod count;
pub(crate) mod diff;
pub(crate) mod directories;
pub(crate) mod document;
pub(crate) mod json;
pub(crate) mod lookup;
pub(crate) mod render;
pub(crate) mod render_tree;
