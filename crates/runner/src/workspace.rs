// SPDX-License-Identifier: GPL-2.0-only
//! Where the files of this project are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The checkout that this xtask was built from.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Cargo names the folder of xtask, which lies right below the top.
    pub fn find() -> Result<Self> {
        let own = std::env::var_os("CARGO_MANIFEST_DIR").context(
            "CARGO_MANIFEST_DIR is not set: run this as `cargo xtask`, not by the path of its program",
        )?;
        let root = Path::new(&own)
            .parent()
            .context("xtask has no parent folder")?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// The checkout that a test was built from.
    #[cfg(test)]
    pub(crate) fn of_test() -> Self {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self {
            root: own.ancestors().nth(2).unwrap().to_owned(),
        }
    }

    /// The top folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Kernels, machines and Kconfig fragments.
    #[must_use]
    pub fn vmconfig(&self) -> PathBuf {
        self.root.join("vmconfig")
    }

    /// The patch series, by kernel and stack.
    #[must_use]
    pub fn patches(&self) -> PathBuf {
        self.root.join("patches")
    }

    /// Where built things and results go: Cargo's own target folder.
    #[must_use]
    pub fn target(&self) -> PathBuf {
        std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| self.root.join("target"), |dir| self.root.join(dir))
    }
}
