// SPDX-License-Identifier: GPL-2.0-only
//! The guest's only file system: a newc archive
//! (Documentation/driver-api/early-userspace/buffer-format.rst).
//!
//! The same input gives the same bytes: no times, and inode numbers in the order of
//! the paths.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use cpio::newc::{Builder, ModeFileType, trailer};

const DIRECTORY: u32 = 0o755;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Directory,
    Device { major: u32, minor: u32 },
    File { mode: u32, content: Vec<u8> },
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Initramfs {
    /// By path without the leading slash, as in newc. A folder sorts before its files.
    nodes: BTreeMap<String, Node>,
}

impl Initramfs {
    /// Adds a file at an absolute path.
    pub(crate) fn file(&mut self, path: &str, mode: u32, content: Vec<u8>) {
        self.add(path, Node::File { mode, content });
    }

    /// Adds a character device at an absolute path.
    pub(crate) fn device(&mut self, path: &str, major: u32, minor: u32) {
        self.add(path, Node::Device { major, minor });
    }

    fn add(&mut self, path: &str, node: Node) {
        let path = path.trim_start_matches('/');
        let parents = Path::new(path).ancestors().skip(1);
        for parent in parents.filter_map(Path::to_str).filter(|p| !p.is_empty()) {
            self.nodes
                .entry(parent.to_owned())
                .or_insert(Node::Directory);
        }
        self.nodes.insert(path.to_owned(), node);
    }

    /// Returns the archive.
    ///
    /// # Errors
    /// A file of 4 GiB or more does not fit the format.
    pub(crate) fn into_bytes(self) -> io::Result<Vec<u8>> {
        let mut archive = Vec::new();
        for (ino, (path, node)) in (1..).zip(self.nodes) {
            archive = write(archive, Builder::new(&path).ino(ino), node)?;
        }
        trailer(archive)
    }
}

fn write(archive: Vec<u8>, entry: Builder, node: Node) -> io::Result<Vec<u8>> {
    let (entry, content) = match node {
        Node::Directory => (
            entry
                .mode(DIRECTORY)
                .set_mode_file_type(ModeFileType::Directory)
                .nlink(2),
            Vec::new(),
        ),
        Node::Device { major, minor } => (
            entry
                .mode(0o600)
                .set_mode_file_type(ModeFileType::Char)
                .rdev_major(major)
                .rdev_minor(minor),
            Vec::new(),
        ),
        Node::File { mode, content } => (
            entry.mode(mode).set_mode_file_type(ModeFileType::Regular),
            content,
        ),
    };
    let size = u32::try_from(content.len()).map_err(io::Error::other)?;
    let mut writer = entry.write(archive, size);
    io::Write::write_all(&mut writer, &content)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cpio::NewcReader;
    use proptest::prelude::*;
    use std::io::Read;

    #[derive(Debug, PartialEq)]
    struct Found {
        path: String,
        /// With the file's type.
        mode: u32,
        device: (u32, u32),
        content: Vec<u8>,
    }

    fn read_back(mut archive: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        loop {
            let mut reader = NewcReader::new(archive).unwrap();
            if reader.entry().is_trailer() {
                return found;
            }
            let mut content = Vec::new();
            reader.read_to_end(&mut content).unwrap();
            let entry = reader.entry();
            found.push(Found {
                path: entry.name().to_owned(),
                mode: entry.mode(),
                device: (entry.rdev_major(), entry.rdev_minor()),
                content,
            });
            archive = reader.finish().unwrap();
        }
    }

    #[test]
    fn parents_come_first_and_devices_have_numbers() {
        let mut initramfs = Initramfs::default();
        initramfs.file("/nmissed/tests/a", 0o755, b"x".to_vec());
        initramfs.device("/dev/console", 5, 1);
        let archive = initramfs.into_bytes().unwrap();
        let found = |path: &str, mode, device, content: &[u8]| Found {
            path: path.to_owned(),
            mode,
            device,
            content: content.to_vec(),
        };
        let expected = [
            found("dev", 0o040_755, (0, 0), b""),
            found("dev/console", 0o020_600, (5, 1), b""),
            found("nmissed", 0o040_755, (0, 0), b""),
            found("nmissed/tests", 0o040_755, (0, 0), b""),
            found("nmissed/tests/a", 0o100_755, (0, 0), b"x"),
        ];
        assert_eq!(read_back(&archive), expected);
    }

    proptest! {
        #[test]
        fn files_read_back(
            files in prop::collection::btree_map("d[a-c]/[a-z]{1,20}", prop::collection::vec(any::<u8>(), 0..99), 0..9)
        ) {
            let mut forward = Initramfs::default();
            let mut backward = Initramfs::default();
            for (path, content) in &files {
                forward.file(&format!("/{path}"), 0o644, content.clone());
            }
            for (path, content) in files.iter().rev() {
                backward.file(&format!("/{path}"), 0o644, content.clone());
            }
            let archive = forward.into_bytes().unwrap();
            prop_assert_eq!(&archive, &backward.into_bytes().unwrap());
            let found: BTreeMap<_, _> = read_back(&archive)
                .into_iter()
                .filter(|found| found.mode & 0o170_000 == 0o100_000)
                .map(|found| (found.path, found.content))
                .collect();
            prop_assert_eq!(found, files);
        }
    }
}
