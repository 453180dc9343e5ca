// SPDX-License-Identifier: GPL-2.0-only
//! SIGINT and the like set a flag, which is checked between steps and while a program
//! runs.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use crate::{Error, Result};

static FLAG: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(false)));

/// Makes SIGINT, SIGTERM and SIGHUP set a flag, for the rest of the process; but those that
/// the parent has ignored, as `nohup` does, stay ignored.
///
/// # Errors
/// [`Error::Io`] if the handlers cannot be registered.
pub fn install_interrupt() -> Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let is_heard = |signal: &i32| !is_ignored(&status, *signal);
    for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(is_heard) {
        signal_hook::flag::register(signal, Arc::clone(&FLAG))
            .map_err(Error::io("register", "a signal handler"))?;
    }
    Ok(())
}

/// Whether the mask `SigIgn` of a `/proc/PID/status` has a signal.
fn is_ignored(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Whether a signal came.
#[must_use]
pub fn interrupted() -> bool {
    FLAG.load(Ordering::Relaxed)
}

/// Checks the flag, for loops that run no programs.
///
/// # Errors
/// [`Error::Interrupted`] if a signal came.
pub fn check_interrupt() -> Result<()> {
    if interrupted() {
        Err(Error::Interrupted)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    #[test_case("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000001\n", 1 => true; "nohup")]
    #[test_case("SigIgn:\t0000000000000001\n", 2 => false; "another signal")]
    #[test_case("SigIgn:\t0000000000004002\n", 15 => true; "SIGTERM")]
    #[test_case("", 1 => false; "unknown")]
    fn an_ignored_signal_is_in_the_mask(status: &str, signal: i32) -> bool {
        is_ignored(status, signal)
    }
}
