// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask vm pairs`: the pair matrix.

use anyhow::{Context, Result};
use clap::Args;
use nmissed_runner::{DefaultVariants, Exit, TestRequest, View, Workspace, test};
use regex::Regex;

use crate::options::BootOptions;

/// The tests of every attach type in every other.
const PAIRS: &str = "^pairs::";

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    boot: BootOptions,
}

impl Options {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        let targets = self
            .boot
            .targets(workspace, DefaultVariants::Compare, install, false)?;
        let request = TestRequest {
            boot: self.boot.settings(),
            filter: Some(Regex::new(PAIRS).context("a pattern of our own")?),
            view: View::Pairs,
            ..TestRequest::default()
        };
        test(workspace, &targets, &request)
    }
}
