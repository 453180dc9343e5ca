// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask patch cover`: the cover letter of a series.

use anyhow::Result;
use clap::Args;
use nmissed_runner::{Exit, Selection, Step, Workspace, cover, ensure, patched, source_steps};

use super::options::Stack;

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    stack: Stack,
}

impl Options {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        let plans = patched(workspace, &Selection::from(&self.stack))?;
        ensure(
            &[&source_steps(&plans), &[Step::History][..]].concat(),
            install,
        )?;
        cover(workspace, &plans)?;
        Ok(Exit::Good)
    }
}
