// SPDX-License-Identifier: GPL-2.0-only
//! The file on disk, and the containers around the ELF file in it.

pub(crate) mod decompress;
pub(crate) mod layers;
pub(crate) mod map;
