// SPDX-License-Identifier: GPL-2.0-only
//! The files in which a patched tree differs from its source.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::{Error, Result};

/// Path and content of each file that differs from the unpacked source; `None` where
/// the file does not exist.
pub(crate) type Overlay = BTreeMap<String, Option<Content>>;

/// Content and mode of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    pub(crate) executable: bool,
}

impl Content {
    /// Reads a file; `None` if there is none.
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

    /// Replaces the file at `path` by a new one: hard links to the old file keep its
    /// content.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let parent = path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        nmissed_host::write_atomic(path, &self.bytes)?;
        let mode = if self.executable { 0o755 } else { 0o644 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .map_err(Error::io("change", path))
    }
}
