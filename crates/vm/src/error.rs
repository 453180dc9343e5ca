// SPDX-License-Identifier: GPL-2.0-only
//! Why there was no boot, or no end of one.

use std::path::PathBuf;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What failed on the host; never evidence about a kernel.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// QEMU is not installed.
    #[error(
        "{program} is not installed: Debian has it in the package qemu-system-x86 \
         (see `cargo xtask doctor`)"
    )]
    NoQemu {
        /// The program's name.
        program: &'static str,
    },
    /// A vm.toml that does not parse.
    #[error("{}: {problem}", .path.display())]
    InvalidMachines {
        /// The file.
        path: PathBuf,
        /// The parser's message, with line and column.
        problem: String,
    },
    /// A machine that vm.toml does not have.
    #[error("there is no machine {name:?}: vm.toml has {known}")]
    UnknownMachine {
        /// The requested name.
        name: String,
        /// The names in vm.toml, separated by commas.
        known: String,
    },
    /// An accelerator other than kvm and tcg.
    #[error("there is no accelerator {name:?}: use kvm or tcg")]
    UnknownAccel {
        /// The requested name.
        name: String,
    },
    /// A test program that is in the plan and not in the guest.
    #[error("the plan has a test of {name:?}, which is no program of the guest")]
    UnknownProgram {
        /// The program's name.
        name: String,
    },
    /// A file, a program, or an interruption of the host.
    #[error(transparent)]
    Host(#[from] nmissed_host::Error),
}
