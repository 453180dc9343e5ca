// SPDX-License-Identifier: GPL-2.0-only
//! The running kernel: what it has, where its functions are, and who configured it.

pub mod needs;

pub(crate) mod cpus;
pub(crate) mod environment;
mod kallsyms;
mod own_code;

pub use kallsyms::address_of;
pub use own_code::file_offset;
