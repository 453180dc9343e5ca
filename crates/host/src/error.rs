// SPDX-License-Identifier: GPL-2.0-only
//! What can go wrong on the host.

use std::path::PathBuf;
use std::time::Duration;

/// What every function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The host could not do its part.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program that is not installed.
    #[error("{program} is not installed (`cargo xtask doctor` says which package has it)")]
    NoProgram {
        /// The program's name.
        program: String,
    },
    /// A program that ended with an error.
    #[error("{command}\nended with {status}{}", tail_of(.tail))]
    Failed {
        /// The whole command line.
        command: String,
        /// `exit status: 2`, `signal: 9 (SIGKILL)`...
        status: String,
        /// The last lines it printed.
        tail: Vec<String>,
    },
    /// A program that outlived its deadline and was killed.
    #[error("{command}\nwas stopped: it did not end within {} s", .after.as_secs())]
    TimedOut {
        /// The whole command line.
        command: String,
        /// The deadline.
        after: Duration,
    },
    /// Ctrl-C, or a request to terminate.
    #[error("interrupted")]
    Interrupted,
    /// A file or folder that could not be read, written or made.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// `read`, `write`, `create`...
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no place to keep anything.
    #[error("no cache folder: set XDG_CACHE_HOME or HOME")]
    NoCache,
}

impl Error {
    /// For `map_err` on a file operation.
    pub fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

fn tail_of(tail: &[String]) -> String {
    tail.iter().map(|line| format!("\n  | {line}")).collect()
}
