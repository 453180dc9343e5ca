// SPDX-License-Identifier: GPL-2.0-only
//! A file as bytes in memory; pages are read when they are used.
#![expect(
    unsafe_code,
    reason = "the bytes of a mapped file are only as constant as the file"
)]

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;

use memmap2::{Mmap, UncheckedAdvice};

/// A file, mapped for reading.
///
/// If another process truncates the file, SIGBUS ends this one. Images are replaced as
/// a whole: packagers and `make` rename or unlink first.
#[derive(Debug)]
pub struct Mapped(Mmap);

impl Mapped {
    /// Maps a whole file.
    ///
    /// # Errors
    /// Those of `open()` and `mmap()`: a missing file, a folder...
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: the map is private and read-only, and nothing here depends on
        // its bytes staying the same: every offset is checked where it is read.
        // A file that shrinks raises SIGBUS, which ends the process.
        unsafe { Mmap::map(&file) }.map(Self)
    }

    /// Takes the pages of these bytes out of the process's memory, if they are
    /// part of the file; reading them again maps them again.
    pub(crate) fn let_go(&self, bytes: &[u8]) {
        let (file, part) = (self.as_ptr_range(), bytes.as_ptr_range());
        if part.start < file.start || file.end < part.end {
            return;
        }
        let at = part.start.addr() - file.start.addr();
        let advice = UncheckedAdvice::DontNeed;
        // SAFETY: a page that is let go of loses what was written to it; the map
        // is read-only, so nothing was, and reading it gives the file's bytes
        // again.
        let advised = unsafe { self.0.unchecked_advise_range(advice, at, bytes.len()) };
        // Without the advice the pages stay until the memory is needed.
        drop(advised);
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_its_bytes() {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert_eq!(*Mapped::open(&own).unwrap(), *std::fs::read(&own).unwrap());
    }

    #[test]
    fn bytes_let_go_of_are_still_the_files() {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let (file, content) = (Mapped::open(&own).unwrap(), std::fs::read(&own).unwrap());
        for bytes in [&file[..], &file[100..200], &file[..0], &content] {
            let before = bytes.to_vec();
            file.let_go(bytes);
            assert_eq!(bytes, before);
        }
        assert_eq!(*file, *content);
    }

    #[test]
    fn what_cannot_be_mapped_is_an_error() {
        assert!(Mapped::open(Path::new("/nonexistent")).is_err());
        assert!(Mapped::open(Path::new("/")).is_err());
    }
}
