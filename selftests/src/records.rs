// SPDX-License-Identifier: GPL-2.0-only
//! The way out of a test: one JSON object per line.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;

use anyhow::{Context, Result};
use nmissed_evidence::Record;
use serde_json::json;

/// Names the file or FIFO that takes the lines.
const RECORDS: &str = "NMISSED_RECORDS";

/// Writes an observation.
pub(crate) fn write(record: &Record) -> Result<()> {
    write_line(&serde_json::to_string(record)?)
}

/// Says why the test, which then ends well, tested nothing.
pub(crate) fn write_skip(why: &str) -> Result<()> {
    write_line(&json!({ "skip": why }).to_string())
}

/// Writes one line at once, to stderr where nobody drains a file.
fn write_line(line: &str) -> Result<()> {
    let Some(path) = env::var_os(RECORDS) else {
        eprintln!("{line}");
        return Ok(());
    };
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
        .with_context(|| format!("writing to {}", path.display()))
}
