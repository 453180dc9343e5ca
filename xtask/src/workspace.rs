// SPDX-License-Identifier: GPL-2.0-only
//! Where the files of this project are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The checkout that this xtask was built from.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Cargo names the folder of xtask, which lies right below the top.
    pub(crate) fn find() -> Result<Self> {
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

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn vmconfig(&self) -> PathBuf {
        self.root.join("vmconfig")
    }

    pub(crate) fn patches(&self) -> PathBuf {
        self.root.join("patches")
    }

    /// Where built things and results go: Cargo's own target folder.
    pub(crate) fn target(&self) -> PathBuf {
        std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| self.root.join("target"), |dir| self.root.join(dir))
    }
}
