// SPDX-License-Identifier: GPL-2.0-only
//! The context of every step on the host.

use std::path::PathBuf;

use crate::{Cache, Progress, Result, Silent, reporter};

/// The cache folder and the progress reporter of one command.
pub struct Host {
    /// The user's cache folder.
    pub cache: Cache,
    /// Reports progress to the user.
    pub progress: Box<dyn Progress>,
}

impl Host {
    /// Opens the user's cache and a reporter on standard error.
    ///
    /// # Errors
    /// As [`Cache::open`].
    pub fn open() -> Result<Self> {
        Ok(Self {
            cache: Cache::open()?,
            progress: reporter(),
        })
    }

    /// A cache in a given folder, and no output: for tests.
    ///
    /// # Errors
    /// As [`Cache::at`].
    pub fn silent(root: impl Into<PathBuf>) -> Result<Self> {
        Ok(Self {
            cache: Cache::at(root)?,
            progress: Box::new(Silent),
        })
    }

    /// Reports that a step without a known length begins.
    pub fn begin(&self, step: &str) {
        self.progress.begin(step, None, None);
    }

    /// Reports that the step ended.
    pub fn end(&self, summary: &str) {
        self.progress.end(summary);
    }

    /// Prints a line.
    pub fn say(&self, line: &str) {
        self.progress.say(line);
    }
}
