// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask vm test`: from kernels and variants to a table.

use anyhow::Result;
use clap::Args;
use nmissed_runner::{
    DefaultVariants, Exit, Expectation, TestRequest, Workspace, list_kernels, test,
};
use regex::Regex;

use crate::exit;
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

    /// Boot so many kernels at once [default: as many as there are processors and
    /// memory for]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    lanes: Option<u16>,

    /// Also list the tests that took longest: 10, or N
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "10")]
    slowest: Option<usize>,

    /// Counts that each hit of a scenario must have, such as
    /// 'kprobe.multi/at-third-level link=1' (repeatable), for `git bisect run`: they
    /// alone decide the exit status: 0 all hold, 1 one does not, 125 undecided.
    /// With --source the tree is tested without its baseline
    #[arg(long, value_name = "COUNTS")]
    expect: Vec<Expectation>,

    /// List the kernels that --kernel takes, and do nothing else
    #[arg(long)]
    list_kernels: bool,
}

impl Options {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        if self.list_kernels {
            return list_kernels(workspace).map(|()| Exit::Good);
        }
        let result = self.test(workspace, install);
        match result {
            // A revision that does not build says nothing about the expectation.
            Err(error) if !self.expect.is_empty() => Ok(exit::report_of_revision(&error)),
            result => result,
        }
    }

    fn test(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        let alone = !self.expect.is_empty();
        let default = DefaultVariants::Compare;
        let targets = self.boot.targets(workspace, default, install, alone)?;
        let request = TestRequest {
            boot: self.boot.settings(),
            filter: self.filter.clone(),
            repeat: self.repeat,
            slowest: self.slowest,
            lanes: self.lanes.map(usize::from),
            expect: self.expect.clone(),
            ..TestRequest::default()
        };
        test(workspace, &targets, &request)
    }
}
