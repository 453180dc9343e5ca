// SPDX-License-Identifier: GPL-2.0-only
//! What differs between two trees.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::{Error, Result};

/// The files of a tree that differ from the pristine one; `None` is absent.
pub(crate) type Overlay = BTreeMap<String, Option<Content>>;

/// What a file holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    pub(crate) executable: bool,
}

impl Content {
    /// What is at `path`, if anything.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        match fs::read(path) {
            Ok(bytes) => {
                let mode = fs::metadata(path)
                    .map_err(Error::io("read", path))?
                    .permissions()
                    .mode();
                Ok(Some(Self {
                    bytes,
                    executable: mode & 0o100 != 0,
                }))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", path)(error)),
        }
    }

    /// Puts it at `path` as a new file, so that other links to what was there
    /// keep it.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let parent = path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        nmissed_host::write_atomic(path, &self.bytes)?;
        let mode = if self.executable { 0o755 } else { 0o644 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .map_err(Error::io("change", path))
    }
}
