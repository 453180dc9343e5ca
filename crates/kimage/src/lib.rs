// SPDX-License-Identifier: GPL-2.0-only
//! Answers, for each function and instruction of a kernel image or module, whether a
//! probe can be attached there, and how it is armed.
//!
//! Bytes go in, facts come out: [`open()`] reads a file, with [`unwrap`], which takes the
//! containers off, and [`Image::parse`], which reads the ELF file inside.
//! [`Image::parse_module`] reads a module together with the kernel that loads it.
//!
//! ```no_run
//! use nmissed_kimage::{Answer, Arming};
//! use nmissed_wire::AttachType;
//!
//! nmissed_kimage::open("/boot/vmlinuz".as_ref(), None, |image, _| {
//!     for function in image.functions_named("vfs_read") {
//!         // A BPF kprobe at the entry...
//!         let entry = image.explain(&function, AttachType::Kprobe);
//!         // ...and one that will be optimized, further on.
//!         let optimized = image.sites(&function).into_iter().find(|site| site.answer == Answer::Yes(Arming::Optimized));
//!     }
//!     Ok::<(), nmissed_kimage::OpenError>(())
//! })?;
//! # Ok::<(), nmissed_kimage::OpenError>(())
//! ```
//!
//! | folder | content |
//! | --- | --- |
//! | `container` | the file in memory, and the containers around the ELF file in it |
//! | `elf` | sections, memory by address, symbols; a module laid out and linked |
//! | `facts` | the kernel's tables, options, types, source files, instructions and functions |
//! | `answer` | what an answer can be: yes and how it is armed, no and why, or depends |
//! | `rules` | the kernel's rules, per attach type: from facts to answers |
//! | `report` | answers looked up, counted, compared; as plain values and JSON |
//! | `render` | reports as text of 80 columns |
//! | `testing` | images made by hand, tests of whole images, fuzz targets |
//!
//! It does not know loaded modules, probes and livepatches, lockdown, sysctls, and
//! what mitigations have patched. Where that matters the answer is [`Answer::Depends`].
//!
//! A module is laid out from 0xffffffffc0000000 on, text first, as the kernel
//! lays it out; its relocations are applied, as far as the kernel applies such.
//! The answers are for a module that runs, and has freed its init sections. A
//! kprobe is one by the bare name, as tools give it: the kernel counts its own symbols of
//! that name, too. So is kprobe.multi, for which the kernel looks among its own symbols
//! first; fentry is one by the module's BTF. Without the kernel that loads it, a module's
//! answers are what every kernel refuses, and what depends on that kernel.
//!
//! Invariants: no I/O but the map, and no processes; x86_64 only. No input makes
//! it panic, and none makes it hold more memory than a small multiple of the
//! image. What a kernel has is decided by structure, symbols and sections, never by
//! version. `container::map` alone has `unsafe`.
#![deny(unsafe_code)]

mod answer;
mod bytes;
mod compression;
mod container;
mod elf;
mod error;
mod facts;
mod open;
mod render;
mod report;
mod rules;
#[cfg(any(test, fuzzing))]
mod testing;

pub use answer::arming::{Arming, NotOptimized};
pub use answer::attach_type::ATTACH_TYPES;
pub use answer::condition::Condition;
pub use answer::errno::Errno;
pub use answer::refusal::{Blacklist, Mechanism, Refusal};
pub use answer::value::Answer;
pub use compression::Compression;
pub use container::layers::{Layer, Unwrapped, unwrap};
pub use container::map::Mapped;
pub use elf::boot::{boot_image, boot_release};
pub use elf::symbols::{SymbolSource, Symbols};
pub use error::{Error, Result};
pub use facts::btf::Unsupported;
pub use facts::features::{Features, FprobeLookup};
pub use facts::functions::{CallCode, CallSite, Function, Region};
pub use facts::image::Image;
pub use facts::inlined::Inlined;
pub use open::{OpenError, check_is_file, open};
pub use render::document::render;
pub use render::layout;
pub use report::about::{About, Missing};
pub use report::audit::{Audit, Found, ObjectAudit, Totals};
pub use report::diff::{AnswerChange, Diff, Renamed};
pub use report::directories::Directory;
pub use report::document::{
    AttachAnswer, Count, Counts, Detail, Document, FunctionReport, Summary,
};
pub use report::lookup::{LookupError, Query};

pub use rules::attach::Explanation;
pub use rules::extent::Site;
pub use rules::trail::Evidence;
#[cfg(any(test, fuzzing))]
pub use testing::fuzz;
