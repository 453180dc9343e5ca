// SPDX-License-Identifier: GPL-2.0-only
//! Reads the lines of a file while QEMU writes it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use nmissed_host::{Error, Result};

/// Bytes of the longest line; a longer one is split.
const LONGEST: usize = 1 << 20;

pub(crate) struct Tail {
    path: PathBuf,
    file: File,
    partial: Vec<u8>,
}

impl Tail {
    /// Creates an empty file, and opens it.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        File::create(path).map_err(Error::io("create", path))?;
        let file = File::open(path).map_err(Error::io("open", path))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            partial: Vec::new(),
        })
    }

    /// Returns the whole lines written since the last call.
    pub(crate) fn lines(&mut self) -> Result<Vec<String>> {
        let read = self.file.read_to_end(&mut self.partial);
        read.map_err(Error::io("read", &self.path))?;
        let whole = self.partial.iter().rposition(|&byte| byte == b'\n');
        let end = whole.map_or(0, |end| end + 1);
        let is_long = self.partial.len() - end > LONGEST;
        let end = if is_long { self.partial.len() } else { end };
        let rest = self.partial.split_off(end);
        let lines = std::mem::replace(&mut self.partial, rest);
        Ok(String::from_utf8_lossy(&lines)
            .lines()
            .map(str::to_owned)
            .collect())
    }

    /// Returns the last line, if it has no newline.
    pub(crate) fn rest(self) -> Option<String> {
        let rest = String::from_utf8_lossy(&self.partial).into_owned();
        (!rest.is_empty()).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn lines_are_whole_while_the_file_grows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut tail = Tail::create(&path).unwrap();
        let mut writer = File::options().append(true).open(&path).unwrap();
        writer.write_all(b"a\r\nb").unwrap();
        assert_eq!(tail.lines().unwrap(), ["a"]);
        writer.write_all(b"c\n\nd").unwrap();
        assert_eq!(tail.lines().unwrap(), ["bc", ""]);
        assert!(tail.lines().unwrap().is_empty());
        assert_eq!(tail.rest().as_deref(), Some("d"));
    }

    #[test]
    fn a_line_without_an_end_is_split() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut tail = Tail::create(&path).unwrap();
        std::fs::write(&path, vec![b'x'; LONGEST]).unwrap();
        assert!(tail.lines().unwrap().is_empty());
        let mut writer = File::options().append(true).open(&path).unwrap();
        writer.write_all(b"xx").unwrap();
        assert_eq!(tail.lines().unwrap(), ["x".repeat(LONGEST + 2)]);
        assert_eq!(tail.rest(), None);
    }
}
