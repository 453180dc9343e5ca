// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask patch refresh`: commits as patches again.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use nmissed_kbuild::{Refreshed, refresh_patches};
use nmissed_runner::{Exit, Step, Workspace, ensure};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The repository that `patch edit` made
    dir: PathBuf,
}

impl Options {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        ensure(&[Step::History], install)?;
        for (file, change) in refresh_patches(&self.dir, &workspace.patches())? {
            let word = match change {
                Refreshed::Same => "same",
                Refreshed::Changed => "changed",
                Refreshed::Added => "added",
                Refreshed::Removed => "removed",
            };
            let file = file.strip_prefix(workspace.root()).unwrap_or(&file);
            println!("{word:<8} {}", file.display());
        }
        Ok(Exit::Good)
    }
}
