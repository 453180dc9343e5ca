// SPDX-License-Identifier: GPL-2.0-only
//! Fuzzes one parser: `nmissed_kimage::fuzz` says how.
#![no_main]

nmissed_kimage_fuzz::fuzz!("makefile");
