// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask vm plan`: the same kernels on many machines.

use anyhow::Result;
use clap::Args;
use nmissed_runner::{Exit, Selection, Workspace, jobs, print};

use crate::options::Kernels;

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    kernels: Kernels,

    /// Print JSON, the only form there is: the strategy.matrix of a workflow
    #[arg(long, required = true)]
    json: bool,
}

impl Options {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<Exit> {
        print(&jobs(workspace, &Selection::from(&self.kernels))?)?;
        Ok(Exit::Good)
    }
}
