// SPDX-License-Identifier: GPL-2.0-only
//! The lines that a test writes: records, the sources that it reads, and the reason for a
//! skip.

use std::{env, fs};

use anyhow::{Context, Result};
use nmissed_wire::output::write_line;
use nmissed_wire::{READING_MARK, Record, source_key};
use serde_json::json;

/// The sources that killed this kernel in an earlier boot, separated by commas.
const AVOID: &str = "NMISSED_AVOID";

const KERNEL_LOG: &str = "/dev/kmsg";

pub(super) fn write(record: &Record) -> Result<()> {
    Ok(write_line(record)?)
}

/// Writes why the test, which then succeeds, tested nothing.
pub(super) fn write_skip(why: &str) -> Result<()> {
    Ok(write_line(&json!({ "skip": why }))?)
}

/// Writes to the kernel log that the kernel may die of this source next; an empty one says
/// that it has not. A line to PID 1 might come too late: it has to be forwarded first.
pub(super) fn write_reading(source: &str) -> Result<()> {
    let line = format!("{READING_MARK}{source}");
    fs::write(KERNEL_LOG, line).with_context(|| format!("cannot write to {KERNEL_LOG}"))
}

/// Whether this kernel survives reading a source, as far as is known.
pub(super) fn may_read(source: &str) -> bool {
    let avoid = env::var(AVOID).unwrap_or_default();
    !is_in(&avoid, source)
}

fn is_in(avoid: &str, source: &str) -> bool {
    let key = source_key(source);
    avoid.split(',').any(|avoided| avoided == key)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::is_in;

    #[test_case("" => false; "nothing is avoided")]
    #[test_case("fdinfo-of-tp-links,fdinfo-of-kprobe.multi-links" => true; "one of two")]
    #[test_case("fdinfo-of-kprobe.multi-programs" => false; "another source")]
    fn sources_are_avoided_by_key(avoid: &str) -> bool {
        is_in(avoid, "fdinfo of kprobe.multi links")
    }
}
