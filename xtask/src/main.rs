// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask`: the command line of nmissed.
//!
//! One file per verb: its options, and the request they make of the crates behind
//! it. `inspect` needs neither a workspace nor the runner.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    reason = "printing is what a command line is for"
)]

mod bench;
mod ci;
mod doctor;
mod exit;
mod fuzz;
mod kernel;
mod options;
mod patch;
mod report;
mod vm;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use nmissed_runner::{Exit, Workspace};

/// Measure how many probe hits a kernel drops, and which counter, if any,
/// admits it
///
/// Exit status: 0 all as expected, 1 a test failed or a kernel crashed or
/// hung, 2 wrong usage, 69 the host could not do its part, 125 (with --expect)
/// undecided, 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,

    /// Install what the host lacks first (apt where there is apt)
    #[arg(long, global = true)]
    install_deps: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Boot kernels and count where the hits of their probes go
    #[command(subcommand)]
    Vm(vm::Verb),
    /// Build kernels and find them
    #[command(subcommand)]
    Kernel(kernel::Verb),
    /// Work on the patch series, and find what a reviewer would find
    #[command(subcommand)]
    Patch(patch::Verb),
    /// Show the evidence of earlier runs as text, a web page, or for machines
    Report(report::Options),
    /// Print which functions of a kernel image can be probed, and how
    Inspect(nmissed_inspect::Options),
    /// Measure how fast `inspect` is, against other programs
    #[command(subcommand)]
    Bench(bench::Verb),
    /// Feed damaged images to the parsers of `inspect`
    Fuzz(fuzz::Options),
    /// List what this machine lacks, and why it is needed
    Doctor,
    Ci(ci::Options),
}

fn main() -> ExitCode {
    let exit = match run(&Cli::parse()) {
        Ok(exit) => exit,
        Err(error) => exit::report(&error),
    };
    exit.code().into()
}

fn run(cli: &Cli) -> Result<Exit> {
    nmissed_host::install_interrupt()?;
    let install = cli.install_deps;
    match &cli.verb {
        Verb::Vm(verb) => verb.run(&Workspace::find()?, install),
        Verb::Kernel(verb) => verb.run(&Workspace::find()?, install),
        Verb::Patch(verb) => verb.run(&Workspace::find()?, install),
        Verb::Report(options) => options.run(&Workspace::find()?),
        Verb::Inspect(options) => nmissed_inspect::run(options).map(|()| Exit::Good),
        Verb::Bench(verb) => verb.run(&Workspace::find()?, install),
        Verb::Fuzz(options) => options.run(&Workspace::find()?, install),
        Verb::Doctor => doctor::run(install),
        Verb::Ci(options) => options.run(&Workspace::find()?, install),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
