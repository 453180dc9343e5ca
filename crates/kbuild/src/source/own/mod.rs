// SPDX-License-Identifier: GPL-2.0-only
//! An author's own kernel tree: its states as git trees, checked out in the cache.
//!
//! The tree, its index and its `.git` are only read. What git has to write (the state of a
//! working tree, and all of a folder that is no git tree) goes to the cache.

mod release;
mod repository;
mod revision;
mod tree;

#[cfg(test)]
mod tests;

pub use revision::Revision;
pub use tree::OwnTree;
