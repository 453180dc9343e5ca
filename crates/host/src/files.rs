// SPDX-License-Identifier: GPL-2.0-only
//! Files that are whole or absent, and their hashes.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use sha2::{Digest, Sha256};

use crate::{Error, Result, check_interrupt};

/// Reads a whole text file.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn read_to_string(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(Error::io("read", path))
}

/// Room that a folder needs for anything.
const LITTLE: u64 = 1 << 20;

/// Whether the file system of a folder has no room left; false if it does not say.
#[must_use]
pub fn is_full(folder: &Path) -> bool {
    let about = rustix::fs::statvfs(folder);
    about.is_ok_and(|it| it.f_bavail.saturating_mul(it.f_frsize) < LITTLE)
}

/// Writes a file by rename: a reader sees the old content or the new one, also after a
/// crash.
///
/// # Errors
/// [`Error::Io`] naming the file; no partial file stays behind.
pub fn write_atomic(path: &Path, content: &[u8]) -> Result<()> {
    // Another thread may write the same file.
    static WRITTEN: AtomicU32 = AtomicU32::new(0);
    let count = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.{count}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = File::create(&part)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&part, path));
    written.map_err(|source| {
        let _ = fs::remove_file(&part);
        Error::Io {
            action: "write",
            path: path.to_owned(),
            cause: source,
        }
    })
}

/// Returns the sha256 of a file, in lower-case hex.
///
/// # Errors
/// [`Error::Io`] naming the file, [`Error::Interrupted`].
pub fn hash_file(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        check_interrupt()?;
        let count = file.read(&mut chunk).map_err(Error::io("read", path))?;
        if count == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&chunk[..count]);
    }
}

/// Returns the sha256 of parts, each with its length, in lower-case hex: the same bytes
/// in other parts have another hash.
#[must_use]
pub fn hash_parts<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        let part = part.as_ref();
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(hash_parts(["ab", "c"]), hash_parts(["a", "bc"]));
        assert_ne!(hash_parts(["a"]), hash_parts(["a", ""]));
        assert_eq!(hash_parts(["a"]), hash_parts([b"a".as_slice()]));
    }

    #[test]
    fn a_file_hashes_like_sha256sum() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        write_atomic(&path, b"abc").unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash_file(&path).unwrap(), expected);
    }

    #[test]
    fn a_failed_write_names_the_file_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("folder");
        fs::create_dir(&target).unwrap();
        let error = write_atomic(&target, b"x").unwrap_err().to_string();
        assert!(error.contains("folder"), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
