// SPDX-License-Identifier: GPL-2.0-only
//! Errors of the host.

use std::path::PathBuf;
use std::time::Duration;

/// Result of the functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of the host, not of a kernel.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program is not installed.
    #[error("{program} is not installed (`cargo xtask doctor` says which package has it)")]
    NoProgram {
        /// The program's name.
        program: String,
    },
    /// The program ended with an error.
    #[error("{command}\nended with {status}{}", tail_of(.tail))]
    Failed {
        /// Its command line.
        command: String,
        /// `exit status: 2`, `signal: 9 (SIGKILL)`...
        status: String,
        /// Last lines that it printed.
        tail: Vec<String>,
    },
    /// The program exceeded its deadline and was killed.
    #[error("{command}\nwas stopped: it did not end within {} s", .after.as_secs())]
    TimedOut {
        /// Its command line.
        command: String,
        /// The deadline.
        after: Duration,
    },
    /// SIGINT, SIGTERM or SIGHUP.
    #[error("interrupted")]
    Interrupted,
    /// An operation on a file or folder failed.
    #[error("cannot {action} {}: {cause}", .path.display())]
    Io {
        /// `read`, `write`, `create`...
        action: &'static str,
        /// Path of it.
        path: PathBuf,
        /// Error of the system; no source, which a chain of causes would print again.
        cause: std::io::Error,
    },
    /// Neither XDG_CACHE_HOME nor HOME is set.
    #[error("no cache folder: set XDG_CACHE_HOME or HOME")]
    NoCache,
}

impl Error {
    /// Returns a function for `map_err` on a file operation.
    pub fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |cause| Self::Io {
            action,
            path,
            cause,
        }
    }
}

fn tail_of(tail: &[String]) -> String {
    tail.iter().map(|line| format!("\n  | {line}")).collect()
}
