// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask vm selfcheck`: faults in a guest, and their outcomes.

use anyhow::Result;
use clap::Args;
use nmissed_runner::{DefaultVariants, Exit, Workspace, selfcheck};

use crate::options::BootOptions;

/// Make faults in a guest, such as a panic, a test that loops and forged messages, and fail
/// unless each gets the outcome that it must get
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    boot: BootOptions,
}

impl Options {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        let default = DefaultVariants::Baseline;
        let targets = self.boot.targets(workspace, default, install, true)?;
        selfcheck(workspace, &targets, &self.boot.settings())
    }
}
