// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask kernel`: building kernels, and finding what was built.

use anyhow::Result;
use clap::{Args, Subcommand};
use nmissed_host::print_error;
use nmissed_runner::{
    DefaultVariants, Exit, Selection, Step, Workspace, build, ensure, find_built, plan, print,
    source_steps,
};

use crate::options::Kernels;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Build variants of kernels
    Build(BuildOptions),
    /// Print the folder of a built kernel
    Path(Kernels),
}

#[derive(Args, Debug)]
pub(crate) struct BuildOptions {
    #[command(flatten)]
    kernels: Kernels,

    /// Ask the archive for a newer version of the source first
    #[arg(long)]
    refresh: bool,
}

impl Verb {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        match self {
            Self::Build(options) => options.run(workspace, install),
            Self::Path(kernels) => path(workspace, kernels),
        }
    }
}

impl BuildOptions {
    fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        let plans = plan(
            workspace,
            &Selection::from(&self.kernels),
            DefaultVariants::Compare,
        )?;
        let steps = [&source_steps(&plans), &[Step::Kernel][..]].concat();
        ensure(&steps, install)?;
        let mut printed = Ok(());
        build(&plans, self.refresh, &mut |folder| {
            printed = print(&folder.display().to_string());
        })?;
        printed.map(|()| Exit::Good)
    }
}

fn path(workspace: &Workspace, kernels: &Kernels) -> Result<Exit> {
    let mut exit = Exit::Good;
    for plan in plan(
        workspace,
        &Selection::from(kernels),
        DefaultVariants::Compare,
    )? {
        for (series, folder) in find_built(&plan)? {
            if let Some(folder) = folder {
                print(&folder.display().to_string())?;
            } else {
                let (id, variant) = (&plan.spec.id, series.name());
                print_error(&format!(
                    "{id} {variant} is not built: `cargo xtask kernel build --kernel {id} --variant {variant}`"
                ));
                exit = Exit::Host;
            }
        }
    }
    Ok(exit)
}
