// SPDX-License-Identifier: GPL-2.0-only
//! Whole lines out of a pipe that never blocks.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};

/// More is no line but a flood; it is handed over in pieces.
const LONGEST: usize = 64 * 1024;
/// What a pipe holds (pipe(7)): one read takes all there is, and a flood does
/// not keep the reader from looking at the clock.
const CAPACITY: usize = 64 * 1024;

pub(crate) struct Lines {
    pipe: File,
    partial: Vec<u8>,
}

impl Lines {
    /// Reads from a pipe that is open with `O_NONBLOCK`.
    pub(crate) fn new(pipe: File) -> Self {
        Self {
            pipe,
            partial: Vec::new(),
        }
    }

    /// Every whole line that has come.
    pub(crate) fn take(&mut self) -> Vec<String> {
        let mut bytes = vec![0; CAPACITY];
        // An error is "nothing there now".
        let count = self.pipe.read(&mut bytes).unwrap_or(0);
        let bytes = bytes.into_iter().take(count);
        bytes.filter_map(|byte| self.push(byte)).collect()
    }

    /// Everything that has come, also what no newline ended.
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
    fn lines_come_whole_however_they_were_written() {
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
