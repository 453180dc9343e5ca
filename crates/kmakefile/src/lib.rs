// SPDX-License-Identifier: GPL-2.0-only
//! Reads the Makefiles of a kernel source tree, and finds the objects that are
//! compiled without `$(CC_FLAGS_FTRACE)`, the flag that makes the compiler
//! emit an ftrace call site at the start of each function.
//!
//! | module | content |
//! | --- | --- |
//! | `tri` | yes, no or unknown |
//! | `kconfig` | values of `CONFIG_` symbols |
//! | `path` | paths without `.` and `..` |
//! | `lines` | logical lines of a Makefile, assignments, conditions |
//! | `flag` | whether the flag is in the value of a variable |
//! | `makefile` | what the lines of one Makefile do with the flag |
//! | `reader` | one Makefile, read in the order of its lines |
//! | `tree` | all Makefiles of a source tree |
//!
//! The crate knows nothing of kernel images, runs no make and opens no file.
#![forbid(unsafe_code)]

mod flag;
mod kconfig;
mod lines;
mod makefile;
mod path;
mod reader;
mod tree;
mod tri;

pub use kconfig::Kconfig;
pub use makefile::{Action, FlagLine, Scope, SourceLine, Unread};
pub use path::normalized;
pub use tree::Makefiles;
pub use tri::Tri;
