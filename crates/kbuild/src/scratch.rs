// SPDX-License-Identifier: GPL-2.0-only
//! Folders that are removed when a step ends, also with an error.

use std::fs;
use std::path::Path;

use nmissed_host::Cache;
use tempfile::{Builder, TempDir};

use crate::{Error, Result};

/// Makes a folder in `tmp/` of the cache.
pub(crate) fn any(cache: &Cache) -> Result<TempDir> {
    let parent = cache.dir("tmp")?;
    tempfile::tempdir_in(&parent).map_err(Error::io("create a folder in", parent))
}

/// Makes a folder in `parent`, whose lock the caller holds. Removes what a killed process
/// left there, which may be a whole kernel source.
pub(crate) fn only(parent: &Path, name: &str) -> Result<TempDir> {
    remove_dir(&parent.join(name))?;
    let created = Builder::new().prefix(name).rand_bytes(0).tempdir_in(parent);
    created.map_err(Error::io("create a folder in", parent))
}

/// Removes a folder if it exists.
pub(crate) fn remove_dir(dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).map_err(Error::io("remove", dir))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_killed_process_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let stale = parent.path().join("unpacking/half");
        fs::create_dir_all(&stale).unwrap();
        let scratch = only(parent.path(), "unpacking").unwrap();
        assert!(scratch.path().ends_with("unpacking") && !stale.exists());
        drop(scratch);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
