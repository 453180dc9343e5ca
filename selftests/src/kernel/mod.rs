// SPDX-License-Identifier: GPL-2.0-only
//! The running kernel: what it has, where its functions are, and who configured it.

pub mod needs;

pub(crate) mod btf;
pub(crate) mod cpus;
mod kallsyms;
mod module;
mod own_code;
pub(crate) mod under_test;

pub use kallsyms::address_of;
pub(crate) use kallsyms::symbolize;
pub use module::Module;
pub use own_code::file_offset;
