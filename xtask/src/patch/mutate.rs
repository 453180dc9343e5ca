// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask patch mutate`: a series without one hunk.

use anyhow::Result;
use clap::Args;
use nmissed_runner::{Exit, Selection, Step, Workspace, ensure, mutate, patched, source_steps};
use regex::Regex;

use super::options::{EvidenceOptions, Stacks};

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    stacks: Stacks,

    /// Drop only hunks of files whose path matches this regular expression
    #[arg(long, value_name = "RE")]
    file: Option<Regex>,

    #[command(flatten)]
    evidence: EvidenceOptions,
}

impl Options {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        let plans = patched(workspace, &Selection::from(&self.stacks))?;
        let mut steps = source_steps(&plans);
        steps.extend([Step::Kernel, Step::Guest, Step::Boot]);
        ensure(&steps, install)?;
        let settings = (&self.evidence).into();
        mutate(workspace, &plans, self.file.as_ref(), &settings)
    }
}
