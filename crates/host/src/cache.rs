// SPDX-License-Identifier: GPL-2.0-only
//! The user's cache folder, and the times that steps took.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Error, Result, write_atomic};

/// The folder `$XDG_CACHE_HOME/nmissed`, or `~/.cache/nmissed`. It can be deleted.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Opens the user's cache.
    ///
    /// # Errors
    /// [`Error::NoCache`] without XDG_CACHE_HOME and HOME, [`Error::Io`] if the
    /// folder cannot be made.
    pub fn open() -> Result<Self> {
        let absolute = |name| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let base = absolute("XDG_CACHE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
            .ok_or(Error::NoCache)?;
        Self::at(base.join("nmissed"))
    }

    /// Opens a cache in a folder, which is made if it does not exist.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn at(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        fs::create_dir_all(&root).map_err(Error::io("create", &root))?;
        Ok(Self { root })
    }

    /// Its path.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns a folder below it, made if it does not exist.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn dir(&self, name: impl AsRef<Path>) -> Result<PathBuf> {
        let path = self.root.join(name);
        fs::create_dir_all(&path).map_err(Error::io("create", &path))?;
        Ok(path)
    }

    /// Returns the time that `what` took when it last succeeded here.
    #[must_use]
    pub fn last_time(&self, what: &str) -> Option<Duration> {
        self.timings()
            .get(what)
            .copied()
            .and_then(|s| Duration::try_from_secs_f64(s).ok())
    }

    /// Keeps the time that `what` took. Ignores a failed write: only an estimate is lost.
    pub fn remember_time(&self, what: &str, took: Duration) {
        let mut timings = self.timings();
        timings.insert(what.to_owned(), took.as_secs_f64());
        if let Ok(text) = serde_json::to_vec_pretty(&timings) {
            let _ = write_atomic(&self.timings_path(), &text);
        }
    }

    fn timings(&self) -> BTreeMap<String, f64> {
        fs::read(self.timings_path())
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default()
    }

    fn timings_path(&self) -> PathBuf {
        self.root.join("timings.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_remembered_across_handles() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path().join("nmissed")).unwrap();
        assert_eq!(cache.last_time("build"), None);
        cache.remember_time("build", Duration::from_millis(1500));
        let again = Cache::at(cache.root()).unwrap();
        assert_eq!(again.last_time("build"), Some(Duration::from_millis(1500)));
    }

    #[test]
    fn a_damaged_timings_file_is_no_history() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path()).unwrap();
        fs::write(dir.path().join("timings.json"), b"{\"build\": 1").unwrap();
        assert_eq!(cache.last_time("build"), None);
    }
}
