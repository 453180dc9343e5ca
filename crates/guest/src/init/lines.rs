// SPDX-License-Identifier: GPL-2.0-only
//! Reads whole lines from a nonblocking pipe.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};

/// Bytes of the longest line; a longer one is split.
const LONGEST: usize = 64 * 1024;
/// Bytes of a full pipe (pipe(7)). One read takes them all, and the caller can check the
/// deadline between reads of a test that writes without end.
const CAPACITY: usize = 64 * 1024;

pub(crate) struct Lines {
    pipe: File,
    partial: Vec<u8>,
}

impl Lines {
    /// Takes a pipe that is open with `O_NONBLOCK`.
    pub(crate) fn new(pipe: File) -> Self {
        Self {
            pipe,
            partial: Vec::new(),
        }
    }

    /// Returns the whole lines that have arrived.
    pub(crate) fn take(&mut self) -> Vec<String> {
        let mut bytes = vec![0; CAPACITY];
        // An error means that there is nothing to read now.
        let count = self.pipe.read(&mut bytes).unwrap_or(0);
        let bytes = bytes.into_iter().take(count);
        bytes.filter_map(|byte| self.push(byte)).collect()
    }

    /// Returns the lines that have arrived, and the last one if it has no newline.
    pub(crate) fn take_all(&mut self) -> Vec<String> {
        let mut lines = self.take();
        if !self.partial.is_empty() {
            lines.push(self.line());
        }
        lines
    }

    fn push(&mut self, byte: u8) -> Option<String> {
        if byte == b'\n' {
            return Some(self.line());
        }
        let full = (self.partial.len() == LONGEST).then(|| self.line());
        self.partial.push(byte);
        full
    }

    fn line(&mut self) -> String {
        let line = String::from_utf8_lossy(&self.partial).into_owned();
        self.partial.clear();
        line
    }
}

impl AsFd for Lines {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pipe::{PipeFlags, pipe_with};
    use std::io::Write;

    #[test]
    fn lines_are_whole_for_all_sizes_of_writes() {
        let (read, write) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        let (mut lines, mut write) = (Lines::new(File::from(read)), File::from(write));
        write.write_all(b"a\nb").unwrap();
        assert_eq!(lines.take(), ["a"]);
        write.write_all(b"c\n\nd").unwrap();
        assert_eq!(lines.take(), ["bc", ""]);
        assert_eq!(lines.take_all(), ["d"]);
        assert!(lines.take_all().is_empty());
    }
}
