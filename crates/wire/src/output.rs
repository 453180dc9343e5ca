// SPDX-License-Identifier: GPL-2.0-only
//! How a test, or the prober, hands a line to PID 1.

use std::env;
use std::fs::OpenOptions;
use std::io::{self, Write};

use serde::Serialize;

/// The environment variable with the path of the FIFO that PID 1 reads.
pub const RECORDS: &str = "NMISSED_RECORDS";

/// Writes a value as one line of JSON, in one write; to standard output where no
/// FIFO is named.
///
/// # Errors
/// If the FIFO cannot be opened or written; the error names its path.
pub fn write_line(value: &impl Serialize) -> io::Result<()> {
    let line = serde_json::to_string(value)? + "\n";
    let Some(path) = env::var_os(RECORDS) else {
        return io::stdout().write_all(line.as_bytes());
    };
    let written = OpenOptions::new()
        .append(true)
        .open(&path)
        .and_then(|mut fifo| fifo.write_all(line.as_bytes()));
    written.map_err(|error| {
        let text = format!("cannot write to {}: {error}", path.display());
        io::Error::new(error.kind(), text)
    })
}
