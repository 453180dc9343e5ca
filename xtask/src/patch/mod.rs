// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask patch`: the patch series.

mod check;
mod cover;
mod edit;
mod mutate;
mod options;
mod refresh;

use anyhow::Result;
use clap::Subcommand;
use nmissed_runner::{Exit, Workspace};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Apply, checkpatch, compile with W=1, sparse, 32 bits and options off
    Check(check::Options),
    /// Drop one hunk after the other, and list those that no test misses
    Mutate(mutate::Options),
    /// Make a git repository of a kernel with the patches as commits
    Edit(edit::Options),
    /// Write the commits of such a repository back to patch files
    Refresh(refresh::Options),
    /// Print the cover letter, with the table of the last evidence
    Cover(cover::Options),
}

impl Verb {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        match self {
            Self::Check(options) => options.run(workspace, install),
            Self::Mutate(options) => options.run(workspace, install),
            Self::Edit(options) => options.run(workspace, install),
            Self::Refresh(options) => options.run(workspace, install),
            Self::Cover(options) => options.run(workspace, install),
        }
    }
}
