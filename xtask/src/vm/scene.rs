// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask vm scene`: a program that interrupts find running.

use anyhow::Result;
use clap::Args;
use nmissed_runner::{DefaultVariants, Exit, TestKind, TestRequest, View, Workspace, test};

use crate::options::BootOptions;

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
            kind: TestKind::Sampled,
            view: View::Samples,
            ..TestRequest::default()
        };
        test(workspace, &targets, &request)
    }
}
