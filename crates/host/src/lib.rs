// SPDX-License-Identifier: GPL-2.0-only
//! What every step on the host needs: running programs, Ctrl-C, locks, the cache folder,
//! files that appear whole, and progress.
//!
//! [`Host`] is the context of a command: its cache and its progress reporter.
//!
//! Invariants: knows nothing of kernels, virtual machines or tests. Every
//! program runs in a process group of its own and is gone when its
//! [`Cmd`] call returns, whether it ended, timed out or was interrupted.

#![forbid(unsafe_code)]

mod cache;
mod cmd;
mod error;
mod files;
mod host;
mod interrupt;
mod lock;
mod progress;

pub use cache::Cache;
pub use cmd::{Cmd, Finished, find_program};
pub use error::{Error, Result};
pub use files::{hash_file, hash_parts, is_full, read_to_string, write_atomic};
pub use host::Host;
pub use interrupt::{check_interrupt, install_interrupt, interrupted};
pub use lock::Lock;
pub use progress::{Progress, Silent, print_error, reporter};
