// SPDX-License-Identifier: GPL-2.0-only
//! Ctrl-C is a request, answered between steps and while a program runs.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result};

static FLAG: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(false)));

/// Turns SIGINT, SIGTERM and SIGHUP into a flag for the rest of the process.
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

/// Whether someone asked us to stop.
#[must_use]
pub fn interrupted() -> bool {
    FLAG.load(Ordering::Relaxed)
}

/// For loops that do not run programs.
///
/// # Errors
/// [`Error::Interrupted`] if someone asked us to stop.
pub fn check_interrupt() -> Result<()> {
    if interrupted() {
        Err(Error::Interrupted)
    } else {
        Ok(())
    }
}
