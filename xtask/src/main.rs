// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask`: the command line of nmissed.
//!
//! Parses, dispatches and says how it went; what there is to know about
//! kernels, virtual machines and evidence lives in the crates behind it.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    reason = "printing is what a command line is for"
)]

mod bench;
mod boots;
mod ci;
mod cli;
mod doctor;
mod exit;
mod fuzz;
mod guest;
mod image;
mod inspect;
mod kernel;
mod makefiles;
mod needs;
mod output;
mod patch;
mod patch_check;
mod patch_cover;
mod patch_edit;
mod patch_mutate;
mod plan;
mod subjects;
mod tidy;
mod vm_test;
mod vm_verify;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::cli::{BenchVerb, Cli, KernelVerb, Verb, VmVerb};
use crate::exit::Exit;
use crate::workspace::Workspace;

fn main() -> ExitCode {
    match dispatch(&Cli::parse()) {
        Ok(exit) => exit.into(),
        Err(error) => exit::report(&error).into(),
    }
}

fn dispatch(cli: &Cli) -> Result<Exit> {
    nmissed_host::install_interrupt()?;
    let workspace = Workspace::find()?;
    let install = cli.install_deps;
    match &cli.verb {
        Verb::Vm(VmVerb::Test(options)) => vm_test::run(&workspace, options, install),
        Verb::Vm(VmVerb::Pairs(options)) => vm_test::pairs(&workspace, options, install),
        Verb::Vm(VmVerb::Verify(options)) => vm_verify::run(&workspace, options, install),
        Verb::Kernel(KernelVerb::Build(options)) => kernel::build(&workspace, options, install),
        Verb::Kernel(KernelVerb::Path(options)) => kernel::path(&workspace, options),
        Verb::Patch(verb) => patch::run(&workspace, verb, install),
        Verb::Inspect(options) => inspect::run(options),
        Verb::Bench(BenchVerb::Inspect(options)) => bench::run(&workspace, options, install),
        Verb::Fuzz(options) => fuzz::run(&workspace, options, install),
        Verb::Doctor => doctor::run(install),
        Verb::Ci(options) => ci::run(&workspace, options, install),
    }
}
