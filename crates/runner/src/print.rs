// SPDX-License-Identifier: GPL-2.0-only
//! Standard output.

use std::io::{Write, stdout};

use anyhow::{Context, Result};

/// Prints one result and a line end.
pub(crate) fn print(text: &str) -> Result<()> {
    writeln!(stdout(), "{text}").context("cannot write to standard output")
}
