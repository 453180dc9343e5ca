// SPDX-License-Identifier: GPL-2.0-only
//! SIGINT and the like set a flag, which is checked between steps and while a program
//! runs.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result};

static FLAG: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(false)));

/// Makes SIGINT, SIGTERM and SIGHUP set a flag, for the rest of the process.
///
/// # Errors
/// [`Error::Io`] if the handlers cannot be registered.
pub fn install_interrupt() -> Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&FLAG))
            .map_err(Error::io("register", "a signal handler"))?;
    }
    Ok(())
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
