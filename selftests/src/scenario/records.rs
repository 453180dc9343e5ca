// SPDX-License-Identifier: GPL-2.0-only
//! The lines that a test writes: records, and the reason for a skip.

use anyhow::Result;
use nmissed_wire::Record;
use nmissed_wire::output::write_line;
use serde_json::json;

pub(super) fn write(record: &Record) -> Result<()> {
    Ok(write_line(record)?)
}

/// Writes why the test, which then succeeds, tested nothing.
pub(super) fn write_skip(why: &str) -> Result<()> {
    Ok(write_line(&json!({ "skip": why }))?)
}
