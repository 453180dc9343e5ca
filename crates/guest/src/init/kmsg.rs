// SPDX-License-Identifier: GPL-2.0-only
//! The kernel log: PID 1 writes to it what runs, and reads the kernel's reports.
//!
//! `/dev/kmsg` writes and reads one record per call (Documentation/ABI/testing/dev-kmsg).

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context, Result};
use nmissed_wire::report;
use rustix::fs::OFlags;

const PATH: &str = "/dev/kmsg";
/// Bytes of the longest record with its fields: `CONSOLE_EXT_LOG_MAX` until 6.2,
/// `PRINTK_MESSAGE_MAX` (2048) since.
const RECORD: usize = 8192;
/// Bytes of a line. The kernel refuses more than about 1000: `LOG_LINE_MAX` until 6.2,
/// `PRINTKRB_RECORD_MAX` (1024) since.
const WRITE_LIMIT: usize = 900;

pub(crate) struct Kmsg {
    file: File,
}

impl Kmsg {
    /// Opens the log at its end: records before that are not about a test.
    pub(crate) fn open() -> Result<Self> {
        let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(nonblocking)
            .open(PATH)
            .with_context(|| format!("cannot open {PATH}"))?;
        file.seek(SeekFrom::End(0))
            .context("cannot go to the end of the kernel log")?;
        Ok(Self { file })
    }

    /// Writes a line, and ignores errors.
    pub(crate) fn write(&mut self, line: &str) {
        let _ = self.file.write_all(cut(line).as_bytes());
    }

    /// Returns the first line of each report since the last call.
    pub(crate) fn reports(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        while let Some(record) = self.next() {
            let text = kernel_text(&record).filter(|text| report(text).is_some());
            found.extend(text.map(str::to_owned));
        }
        found
    }

    fn next(&mut self) -> Option<String> {
        let mut record = [0; RECORD];
        loop {
            match self.file.read(&mut record) {
                Ok(count) => {
                    return Some(String::from_utf8_lossy(&record[..count]).into_owned());
                }
                // Records were overwritten before this read: go on with the oldest one.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                Err(_) => return None,
            }
        }
    }
}

impl AsFd for Kmsg {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Writes a line without a [`Kmsg`], or to stderr if there is no `/dev/kmsg` yet.
pub(crate) fn write_once(line: &str) {
    let written = OpenOptions::new()
        .write(true)
        .open(PATH)
        .and_then(|mut file| file.write_all(cut(line).as_bytes()));
    if written.is_err() {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

/// Cuts a line to what one record takes.
fn cut(line: &str) -> &str {
    let end = (0..=WRITE_LIMIT)
        .rev()
        .find(|&end| line.is_char_boundary(end));
    &line[..end.unwrap_or(0)]
}

/// Returns the first line of a record (`priority,sequence,microseconds,flags;text`) that
/// the kernel wrote; `None` for one of a program, which has a facility above the lowest
/// three bits of the priority.
fn kernel_text(record: &str) -> Option<&str> {
    let (head, text) = record.split_once(';')?;
    let priority: u32 = head.split(',').next()?.parse().ok()?;
    (priority >> 3 == 0).then(|| text.lines().next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    #[test_case("4,339,5140900,-;WARNING: CPU: 0\n SUBSYSTEM=x\n", Some("WARNING: CPU: 0"); "kernel")]
    #[test_case("6,339,5140900,-,caller=T1;a;b\n", Some("a;b"); "more fields and a semicolon")]
    #[test_case("12,340,5140900,-;WARNING: not by the kernel\n", None; "program")]
    #[test_case("garbage", None; "no record")]
    fn records_of_programs_are_ignored(record: &str, expected: Option<&str>) {
        assert_eq!(kernel_text(record), expected);
    }

    #[test]
    fn a_line_is_cut_between_characters() {
        let line = "é".repeat(WRITE_LIMIT);
        assert_eq!(cut(&line).len(), WRITE_LIMIT);
        assert_eq!(cut(&format!("x{line}")).len(), WRITE_LIMIT - 1);
    }
}
