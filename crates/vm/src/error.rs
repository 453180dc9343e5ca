// SPDX-License-Identifier: GPL-2.0-only
//! Why there was no boot.

use std::path::PathBuf;

/// What every function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The host could not do its part.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// QEMU is not installed.
    #[error(
        "{program} is not installed: Debian has it in the package qemu-system-x86 \
         (`cargo xtask doctor` says more)"
    )]
    NoQemu {
        /// The program's name.
        program: &'static str,
    },
    /// A configuration that cannot be understood.
    #[error("{}: {problem}", .path.display())]
    BadConfig {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A machine that vm.toml does not have.
    #[error("there is no machine {name:?}: vm.toml has {known}")]
    UnknownMachine {
        /// What was asked for.
        name: String,
        /// Those that there are, separated by commas.
        known: String,
    },
    /// An accelerator that we do not know.
    #[error("there is no accelerator {name:?}: it is kvm or tcg")]
    UnknownAccel {
        /// What was asked for.
        name: String,
    },
    /// A test program that the plan names and the guest lacks.
    #[error("the plan names the test program {name:?}, which is not among those given")]
    UnknownProgram {
        /// The program's name.
        name: String,
    },
    /// Anything of the host: files, programs, interruption.
    #[error(transparent)]
    Host(#[from] nmissed_host::Error),
}
