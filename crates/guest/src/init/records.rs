// SPDX-License-Identifier: GPL-2.0-only
//! The FIFO for the lines of tests: one JSON object each.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context, Result};
use nmissed_wire::text::printable;
use nmissed_wire::{ProberReply, Record};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, unlink};
use rustix::io::Errno;
use serde::Deserialize;

/// Tests find it in [`nmissed_wire::output::RECORDS`].
pub(crate) const PATH: &str = "/run/records";

/// A line of a test.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Line {
    /// It cannot run on this kernel.
    Skip {
        /// The option or symbol that the kernel lacks.
        skip: String,
    },
    Record(Record),
    /// A line of the prober.
    Reply(ProberReply),
}

/// Characters of a line that an error quotes.
const QUOTED: usize = 200;

/// Parses a line; the error quotes it.
pub(crate) fn parse(line: &str) -> Result<Line, String> {
    let complaint = |why: &str| {
        let quote: String = line.chars().take(QUOTED).collect();
        format!("the test wrote {why}: {}", printable(&quote))
    };
    let parsed = serde_json::from_str(line).ok();
    let parsed =
        parsed.ok_or_else(|| complaint("a line that is no record, no prober reply and no skip"))?;
    if let Line::Record(record) = &parsed {
        let checked = record.check();
        checked.map_err(|why| complaint(&format!("a record that is refused ({why})")))?;
    }
    Ok(parsed)
}

/// Creates the FIFO anew, and opens it for writing as well, so that it has no end of file
/// while a test has not opened it. What holds the one of an earlier test writes to nothing.
pub(crate) fn open() -> Result<File> {
    match unlink(PATH) {
        Ok(()) | Err(Errno::NOENT) => (),
        Err(errno) => return Err(errno).with_context(|| format!("cannot remove {PATH}")),
    }
    let mode = Mode::RUSR | Mode::WUSR;
    mknodat(CWD, PATH, FileType::Fifo, mode, 0)
        .with_context(|| format!("cannot create the FIFO {PATH}"))?;
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(PATH)
        .with_context(|| format!("cannot open {PATH}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nmissed_wire::{AttachType, Tally};

    #[test]
    fn a_line_is_a_record_or_a_skip() {
        let record = Record::new("kprobe/x", AttachType::Kprobe, None, Tally::default());
        let line = serde_json::to_string(&record).unwrap();
        assert_eq!(parse(&line), Ok(Line::Record(record)));
        let skip = "CONFIG_FPROBE is not set".to_owned();
        assert_eq!(
            parse(r#"{"skip": "CONFIG_FPROBE is not set"}"#),
            Ok(Line::Skip { skip })
        );
    }

    #[test]
    fn an_invalid_line_is_quoted() {
        let error = parse(r#"{"scenario": "half"#).unwrap_err();
        assert!(error.contains(r#"{"scenario": "half"#), "{error}");
        assert!(parse(&"x".repeat(9999)).unwrap_err().len() < 300);
    }

    #[test]
    fn a_record_that_does_not_add_up_is_refused() {
        let mut record = Record::new("kprobe/x", AttachType::Kprobe, None, Tally::default());
        record.lost = 9;
        let error = parse(&serde_json::to_string(&record).unwrap()).unwrap_err();
        assert!(error.contains("a record that is refused"), "{error}");
    }
}
