// SPDX-License-Identifier: GPL-2.0-only
//! Every function of a kernel image or a module, and how a probe on it would
//! work.
//!
//! Bytes go in ([`Mapped`] are those of a file), facts come out: [`unwrap`] takes
//! the containers off, [`Image::parse`] reads what is inside.
//! [`Image::parse_module`] reads a module together with the kernel that loads it.
//!
//! ```no_run
//! use nmissed_kimage::{Answer, Attach, Flavor, Image, unwrap};
//!
//! let file = nmissed_kimage::Mapped::open("/boot/vmlinuz".as_ref())?;
//! let vmlinux = unwrap(&file)?;
//! let image = Image::parse(&vmlinux.elf)?;
//! for function in image.functions_named("vfs_read") {
//!     // A BPF kprobe at the entry...
//!     let entry = image.verdict(&function, Attach::Kprobe);
//!     // ...and one that will be optimized, further on.
//!     let optimized = image.sites(&function).into_iter().find(|site| site.answer == Answer::Yes(Flavor::Optimized));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | what it knows |
//! | --- | --- |
//! | `map` | the file in memory |
//! | `container`, `decompress`, `lzop` | files around the ELF file |
//! | `elf` | sections, memory by address, `.symtab` |
//! | `module`, `reloc` | a module in memory: laid out, and linked |
//! | `kallsyms`, `symbols` | the kernel's own symbols, by address and by name |
//! | `tables`, `marks` | what the kernel forbids, traces, patches |
//! | `features` | what it was configured with |
//! | `btf` | prototypes |
//! | `units`, `directories` | which source file a function comes from |
//! | `makefile`, `makereader`, `makelines`, `flag`, `kconfig`, `audit` | which objects are compiled without call sites |
//! | `insn` | instructions, as the kernel's decoder sees them |
//! | `functions`, `sites`, `verdict`, `reason` | facts, and what follows from them |
//! | `pick` | a site of a wanted flavor |
//! | `lookup`, `about`, `count`, `report`, `diff` | what is asked for, and what is told |
//! | `render`, `render_tree`, `json` | how it is told: in 80 columns, or to programs |
//!
//! What it does not know: modules, probes and livepatches that are loaded,
//! lockdown, sysctls, and what mitigations have patched. Where that matters the
//! answer is [`Answer::Depends`].
//!
//! A module is laid out from 0xffffffffc0000000 on, text first, as the kernel
//! lays it out; its relocations are applied, as far as the kernel applies such.
//! The answers are for a module that runs, and has freed its init sections. A
//! kprobe by name is one on `MODULE:SYMBOL`, fentry one by the module's BTF, and
//! kprobe.multi one by the bare name, for which the kernel looks among its own
//! symbols first. By itself a module tells what is refused whatever loads it; what
//! the kernel's options and types decide is left open without that kernel.
//!
//! Invariants: no I/O but the map, and no processes; x86_64 only. No input makes
//! it panic, and none makes it hold more memory than a small multiple of the
//! image. What a kernel has is told by structure, symbols and sections, never by
//! version. `unsafe` stands in `map` alone.
#![deny(unsafe_code)]

mod about;
mod audit;
mod btf;
mod bytes;
mod container;
mod count;
#[cfg(test)]
mod damage;
mod decompress;
mod diff;
mod directories;
#[cfg(any(test, fuzzing))]
mod dwarf;
mod elf;
mod error;
mod features;
#[cfg(any(test, fuzzing))]
mod fixture;
mod flag;
mod functions;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod golden_module;
#[cfg(test)]
mod hostile;
mod image;
mod insn;
mod json;
mod kallsyms;
mod kconfig;
mod lookup;
mod lzop;
mod makefile;
mod makelines;
mod makereader;
mod map;
mod marks;
mod module;
mod pick;
mod reason;
mod reloc;
mod render;
mod render_tree;
mod report;
mod sites;
mod symbols;
mod tables;
#[cfg(any(test, fuzzing))]
mod toy;
#[cfg(any(test, fuzzing))]
mod toy_module;
mod tri;
mod units;
mod verdict;

pub use about::{About, Missing};
pub use audit::{Audit, Found, ObjectAudit, Totals};
pub use btf::Unsupported;
pub use container::{Layer, Unwrapped, unwrap};
pub use decompress::Compression;
pub use diff::{Change, Diff, Renamed};
pub use directories::Directory;
pub use error::{Error, Result};
pub use features::Features;
pub use functions::{CallCode, CallSite, Function, Region};
pub use image::Image;
pub use kconfig::Config;
pub use lookup::{LookupError, Query};
pub use makefile::{Action, FlagLine, Makefiles, Place, Scope, Unread};
pub use map::Mapped;
pub use reason::{Blacklist, Condition, Errno, FprobeLookup, Mechanism, NotOptimized, Refusal};
pub use render::document as render;
pub use report::{Count, Counts, Detail, Document, Given, Report, Summary};
pub use sites::{Answer, Flavor, Site};
pub use symbols::{SymbolSource, Symbols};
pub use tri::Tri;
pub use verdict::{Attach, Evidence, Verdict};
