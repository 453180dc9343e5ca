// SPDX-License-Identifier: GPL-2.0-only
//! A file as bytes in memory, of which only what is looked at is read.
#![expect(
    unsafe_code,
    reason = "the bytes of a mapped file are only as constant as the file"
)]

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;

use memmap2::Mmap;

/// A file, mapped for reading.
///
/// Who truncates the file meanwhile has this process killed by SIGBUS. Images
/// are replaced as a whole: packagers and `make` rename or unlink first.
#[derive(Debug)]
pub struct Mapped(Mmap);

impl Mapped {
    /// Maps a whole file.
    ///
    /// # Errors
    /// What `open()` and `mmap()` fail with: a missing file, a folder...
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: the map is private and read-only, and nothing here depends on
        // its bytes staying the same: every offset is checked where it is read.
        // A file that shrinks raises SIGBUS, which ends the process.
        unsafe { Mmap::map(&file) }.map(Self)
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
    fn what_cannot_be_mapped_is_an_error() {
        assert!(Mapped::open(Path::new("/nonexistent")).is_err());
        assert!(Mapped::open(Path::new("/")).is_err());
    }
}
