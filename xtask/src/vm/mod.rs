// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask vm`: kernels in virtual machines.

mod bench;
mod history;
mod merge;
mod pairs;
mod plan;
mod scene;
mod selfcheck;
mod shell;
mod test;
mod verify;

use anyhow::Result;
use clap::Subcommand;
use nmissed_runner::{Exit, Workspace};

/// What is done with them.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Build, boot and test variants of kernels, and compare what they lose
    Test(test::Options),
    /// Print the pair matrix: what becomes of a hit of each attach type while a
    /// program of each other one runs
    Pairs(pairs::Options),
    /// Measure how many hits in a softirq find another program running and are missed: tasks
    /// that RCU frees while a program on each new task runs
    Scene(scene::Options),
    /// Count the instructions of a hit, per attach type, with one and with 100 probes
    Bench(bench::Options),
    /// Run the tests on one distribution kernel per release, and print where each
    /// scenario changes, and with which commit
    History(history::Options),
    /// Print one job per kernel and variant, for many machines
    Plan(plan::Options),
    /// Make one evidence of several output folders, and print the table
    Merge(merge::Options),
    /// Boot a kernel, and open a shell in it
    Shell(shell::Shell),
    /// Boot a kernel, run a command in it, and exit with its status
    Run(shell::Run),
    /// Boot a kernel, attach probes, and compare with the answers of `inspect`
    Verify(verify::Options),
    Selfcheck(selfcheck::Options),
}

impl Verb {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        match self {
            Self::Test(options) => options.run(workspace, install),
            Self::Pairs(options) => options.run(workspace, install),
            Self::Scene(options) => options.run(workspace, install),
            Self::Bench(options) => options.run(workspace, install),
            Self::History(options) => options.run(workspace, install),
            Self::Plan(options) => options.run(workspace),
            Self::Merge(options) => options.run(workspace),
            Self::Shell(options) => options.run(workspace, install),
            Self::Run(options) => options.run(workspace, install),
            Self::Verify(options) => options.run(workspace, install),
            Self::Selfcheck(options) => options.run(workspace, install),
        }
    }
}
