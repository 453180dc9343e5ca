// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask vm bench`: what a hit costs.

use anyhow::Result;
use clap::Args;
use nmissed_runner::{
    BootSettings, DefaultVariants, Exit, TestKind, TestRequest, UsageError, View, Workspace, test,
};
use nmissed_vm::Accel;
use regex::Regex;

use crate::options::BootOptions;

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    boot: BootOptions,

    /// Only tests whose name matches this regular expression (`cost::per_hit::tp`)
    #[arg(long, value_name = "RE")]
    filter: Option<Regex>,
}

impl Options {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        let settings = self.boot.settings();
        if settings.accel == Some(Accel::Kvm) {
            let problem = "vm bench counts instructions, which KVM cannot: use --accel tcg";
            return Err(UsageError(problem.to_owned()).into());
        }
        let targets = self
            .boot
            .targets(workspace, DefaultVariants::Compare, install, false)?;
        let request = TestRequest {
            boot: BootSettings {
                accel: Some(Accel::Tcg),
                counts_instructions: true,
                ..settings
            },
            filter: self.filter.clone(),
            kind: TestKind::Cost,
            view: View::Costs,
            ..TestRequest::default()
        };
        test(workspace, &targets, &request)
    }
}
