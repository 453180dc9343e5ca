// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask kernel`: building kernels, and finding what was built.

use anyhow::Result;
use nmissed_host::{Cache, Progress, reporter};
use nmissed_kbuild::{BuildRequest, BuiltKernel, Series, SourceTree, fetch, lookup};

use crate::cli::Selection;
use crate::doctor;
use crate::exit::Exit;
use crate::needs::Step;
use crate::plan::{KernelPlan, plan};
use crate::workspace::Workspace;

/// Builds a selection and prints where each kernel lies.
pub(crate) fn build(workspace: &Workspace, selection: &Selection, install: bool) -> Result<Exit> {
    let plans = plan(workspace, selection)?;
    doctor::ensure(&[Step::Source, Step::Kernel], install)?;
    let (cache, progress) = (Cache::open()?, reporter());
    for plan in &plans {
        let tree = fetch(&plan.spec, &cache, progress.as_ref())?;
        for series in &plan.series {
            let kernel = build_one(plan, &tree, series, &cache, progress.as_ref())?;
            print_place(&kernel);
        }
    }
    Ok(Exit::Good)
}

/// Prints where a selection lies, if it was built; builds and fetches nothing.
pub(crate) fn path(workspace: &Workspace, selection: &Selection) -> Result<Exit> {
    let cache = Cache::open()?;
    let mut exit = Exit::Good;
    for plan in plan(workspace, selection)? {
        for series in &plan.series {
            if let Some(kernel) = lookup(&plan.spec, series, &plan.config, &cache)? {
                print_place(&kernel);
            } else {
                let (id, variant) = (&plan.spec.id, series.name());
                eprintln!(
                    "{id} {variant} is not built: `cargo xtask kernel build --kernel {id} --variant {variant}`"
                );
                exit = Exit::Host;
            }
        }
    }
    Ok(exit)
}

/// Builds one variant, or finds that there is nothing to build.
pub(crate) fn build_one(
    plan: &KernelPlan,
    tree: &SourceTree,
    series: &Series,
    cache: &Cache,
    progress: &dyn Progress,
) -> Result<BuiltKernel> {
    let KernelPlan { spec, config, .. } = plan;
    let request = BuildRequest {
        spec,
        tree,
        series,
        config,
        jobs: None,
    };
    Ok(nmissed_kbuild::build(&request, cache, progress)?)
}

/// The folder that holds bzImage, vmlinux, config and System.map.
fn print_place(kernel: &BuiltKernel) {
    println!(
        "{}",
        kernel.bzimage.parent().unwrap_or(&kernel.bzimage).display()
    );
}
