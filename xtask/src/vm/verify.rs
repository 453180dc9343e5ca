// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask vm verify`: `inspect` checked against running kernels.

use anyhow::Result;
use clap::Args;
use nmissed_runner::{
    DEFAULT_SAMPLE, DefaultVariants, Exit, Extent, VerifyRequest, Workspace, verify,
};

use crate::options::BootOptions;

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    boot: BootOptions,

    /// Attach this many probes for each kind of answer of `inspect` [default: 25]
    #[arg(long, value_name = "N")]
    sample: Option<usize>,

    /// Attach to every function by every method, and to one offset per kind of
    /// answer in each; takes an hour or more where the processor is emulated
    #[arg(long, conflicts_with = "sample")]
    exhaustive: bool,
}

impl Options {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        // Patches hardly change where probes can sit.
        let targets = self
            .boot
            .targets(workspace, DefaultVariants::Baseline, install, false)?;
        let request = VerifyRequest {
            boot: self.boot.settings(),
            extent: if self.exhaustive {
                Extent::Exhaustive
            } else {
                Extent::PerKind(self.sample.unwrap_or(DEFAULT_SAMPLE))
            },
        };
        verify(workspace, &targets, &request)
    }
}
