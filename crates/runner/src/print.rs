// SPDX-License-Identifier: GPL-2.0-only
//! Standard output.

use std::io::{ErrorKind, Write, stdout};

use anyhow::{Context, Result};

/// Prints one result and a line end. A reader that has gone, as `head` has, is no failure.
///
/// # Errors
/// If standard output cannot be written, as on a full disk.
pub fn print(text: &str) -> Result<()> {
    match writeln!(stdout(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}
