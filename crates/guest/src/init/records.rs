// SPDX-License-Identifier: GPL-2.0-only
//! Where tests write their records: a FIFO, one JSON object per line.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context, Result};
use nmissed_wire::{ProberReply, Record};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use serde::Deserialize;

/// Tests find it in [`nmissed_wire::output::RECORDS`].
pub(crate) const PATH: &str = "/run/records";

/// What a test can say about itself.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Said {
    /// It cannot run on this kernel.
    Skip {
        /// The option or symbol that it needs.
        skip: String,
    },
    /// It observed something.
    Record(Record),
    /// The kernel answered it.
    Answer(ProberReply),
}

/// Reads one line; the error says what is wrong with it.
pub(crate) fn parse(line: &str) -> Result<Said, String> {
    let wrong =
        |_| format!("the test wrote a line that is neither a record, an answer nor a skip: {line}");
    serde_json::from_str(line).map_err(wrong)
}

/// Makes the FIFO. Open for writing as well: it does not end when a test
/// does.
pub(crate) fn open() -> Result<File> {
    let mode = Mode::RUSR | Mode::WUSR;
    mknodat(CWD, PATH, FileType::Fifo, mode, 0)
        .with_context(|| format!("cannot make the FIFO {PATH}"))?;
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
    fn a_record_and_a_skip_are_told_apart() {
        let record = Record::new("kprobe/x", AttachType::Kprobe, None, Tally::default());
        let line = serde_json::to_string(&record).unwrap();
        assert_eq!(parse(&line), Ok(Said::Record(record)));
        let skip = "CONFIG_FPROBE is not set".to_owned();
        assert_eq!(
            parse(r#"{"skip": "CONFIG_FPROBE is not set"}"#),
            Ok(Said::Skip { skip })
        );
    }

    #[test]
    fn anything_else_is_quoted() {
        let error = parse(r#"{"scenario": "half"#).unwrap_err();
        assert!(error.contains(r#"{"scenario": "half"#), "{error}");
    }
}
