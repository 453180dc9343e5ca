// SPDX-License-Identifier: GPL-2.0-only
//! What a test writes: records, and why it is skipped.

use anyhow::Result;
use nmissed_wire::Record;
use nmissed_wire::output::write_line;
use serde_json::json;

/// Writes an observation.
pub(crate) fn write(record: &Record) -> Result<()> {
    Ok(write_line(record)?)
}

/// Says why the test, which then ends well, tested nothing.
pub(crate) fn write_skip(why: &str) -> Result<()> {
    Ok(write_line(&json!({ "skip": why }))?)
}
