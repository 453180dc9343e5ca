// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask patch edit`: patches as commits.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use nmissed_runner::{Exit, Selection, Step, Workspace, edit, ensure, patched, source_steps};

use super::options::Stack;

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    stack: Stack,

    /// A folder that does not exist [default: target/edit/ID-V]
    dir: Option<PathBuf>,
}

impl Options {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        let plans = patched(workspace, &Selection::from(&self.stack))?;
        ensure(
            &[&source_steps(&plans), &[Step::History][..]].concat(),
            install,
        )?;
        for plan in &plans {
            let dir = edit(workspace, plan, &self.stack.variant, self.dir.as_deref())?;
            println!("{}", dir.display());
        }
        Ok(Exit::Good)
    }
}
