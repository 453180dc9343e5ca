// SPDX-License-Identifier: GPL-2.0-only
//! What an image says of itself: its tables, types, options, instructions and
//! functions.

pub(crate) mod btf;
pub(crate) mod features;
pub(crate) mod functions;
pub(crate) mod image;
pub(crate) mod inlined;
pub(crate) mod insn;
pub(crate) mod kconfig;
pub(crate) mod marks;
pub(crate) mod tables;
pub(crate) mod units;
