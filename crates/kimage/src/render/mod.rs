// SPDX-License-Identifier: GPL-2.0-only
//! Reports as text for a terminal of 80 columns.

mod about;
mod audit;
mod diff;
mod directories;
pub(crate) mod document;
mod function;
pub mod layout;
mod summary;
#[cfg(test)]
mod tests;
