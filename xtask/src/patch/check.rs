// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask patch check`: a series as a reviewer checks it.

use anyhow::Result;
use clap::Args;
use nmissed_runner::{
    Exit, Selection, Step, Workspace, check_each, check_series, ensure, patched, source_steps,
};

use super::options::{EvidenceOptions, Stacks};

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    stacks: Stacks,

    /// Also build and boot the kernel after each patch, and run all tests
    #[arg(long)]
    each: bool,

    #[command(flatten)]
    evidence: EvidenceOptions,
}

impl Options {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        let plans = patched(workspace, &Selection::from(&self.stacks))?;
        let mut steps = source_steps(&plans);
        steps.extend([Step::Kernel, Step::Review]);
        if self.each {
            steps.extend([Step::Guest, Step::Boot]);
        }
        ensure(&steps, install)?;
        let mut good = check_series(workspace, &plans)?;
        if self.each {
            good &= check_each(workspace, &plans, &(&self.evidence).into())?;
        }
        Ok(if good { Exit::Good } else { Exit::Failed })
    }
}
