// SPDX-License-Identifier: GPL-2.0-only
//! Every function of a kernel image, and how a probe on it would work.
//!
//! Bytes go in (the caller maps the file), facts come out: [`unwrap`] takes the
//! containers off, [`Image::parse`] reads what is inside.
//!
//! Invariants: no I/O and no processes; x86_64 only. No input makes it panic,
//! and none makes it hold more memory than a small multiple of the image. What
//! a kernel has is told by structure, symbols and sections, never by version.
#![forbid(unsafe_code)]

mod btf;
mod bytes;
mod container;
mod decompress;
mod elf;
mod error;
mod features;
#[cfg(test)]
mod fixture;
mod functions;
#[cfg(test)]
mod golden;
mod image;
mod insn;
mod kallsyms;
mod lzop;
mod marks;
mod reason;
mod sites;
mod symbols;
mod tables;
mod verdict;

pub use btf::Unsupported;
pub use container::{Layer, Unwrapped, unwrap};
pub use decompress::Compression;
pub use error::{Error, Result};
pub use features::Features;
pub use functions::{CallCode, CallSite, Function, Region};
pub use image::Image;
pub use reason::{Blacklist, Condition, Errno, Mechanism, NotOptimized, Refusal};
pub use sites::{Answer, Flavor, Site};
pub use symbols::{SymbolSource, Symbols};
pub use verdict::{Attach, Evidence, Verdict};
