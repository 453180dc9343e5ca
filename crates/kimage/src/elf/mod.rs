// SPDX-License-Identifier: GPL-2.0-only
//! The ELF file: its sections, its symbols, and a module laid out as the kernel
//! loads it.

pub(crate) mod boot;
pub(crate) mod file;
pub(crate) mod kallsyms;
pub(crate) mod module;
pub(crate) mod release;
pub(crate) mod reloc;
pub(crate) mod symbols;
