// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask vm test`: from kernels and variants to a table.

use anyhow::Result;
use clap::Args;
use nmissed_runner::{DefaultVariants, Exit, TestRequest, Workspace, ensure, test};
use regex::Regex;

use crate::options::BootOptions;

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    boot: BootOptions,

    /// Run only tests whose name, FAMILY::TEST, matches this regular expression;
    /// a family is a file of selftests/tests: --filter '^missed::'
    #[arg(long, value_name = "RE")]
    filter: Option<Regex>,

    /// Run all tests N times in a row, and once more after another boot, and fail
    /// unless all records and outcomes are the same
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: Option<u32>,

    /// Also list the tests that took longest: 10, or N
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "10")]
    slowest: Option<usize>,
}

impl Options {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        let targets = self.boot.targets(workspace, DefaultVariants::Compare)?;
        ensure(&targets.steps(), install)?;
        let request = TestRequest {
            boot: self.boot.settings(),
            filter: self.filter.clone(),
            repeat: self.repeat,
            slowest: self.slowest,
            ..TestRequest::default()
        };
        test(workspace, &targets, &request)
    }
}
