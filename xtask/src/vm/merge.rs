// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask vm merge`: one evidence of what many machines saw.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use nmissed_runner::{Exit, Workspace, merge};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Output folders of `vm test`
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,

    /// Keep the merged evidence here [default: target/vm/run-NNNN]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

impl Options {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<Exit> {
        merge(workspace, &self.folders, self.output.as_deref())
    }
}
