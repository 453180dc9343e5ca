// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask kernel`: building kernels, and finding what was built.

use anyhow::{Context, Result};
use nmissed_host::Host;
use nmissed_kbuild::{BuildRequest, BuiltKernel, Series, Source, fetch, lookup, refresh};

use crate::cli::{BuildOptions, Selection};
use crate::doctor;
use crate::exit::Exit;
use crate::needs::Step;
use crate::plan::{DEFAULT_VARIANTS, KernelPlan, plan};
use crate::workspace::Workspace;

/// Builds a selection and prints where each kernel lies.
pub(crate) fn build(workspace: &Workspace, options: &BuildOptions, install: bool) -> Result<Exit> {
    let plans = plan(workspace, &options.selection, DEFAULT_VARIANTS)?;
    doctor::ensure(
        &[&source_steps(&plans), &[Step::Kernel][..]].concat(),
        install,
    )?;
    let host = Host::open()?;
    for plan in &plans {
        if options.refresh {
            refresh(&plan.spec, &host)?;
        }
        for series in &plan.series {
            print_place(&build_one(plan, series, &host)?);
        }
    }
    Ok(Exit::Good)
}

/// Prints where a selection lies, if it was built; builds and fetches nothing.
pub(crate) fn path(workspace: &Workspace, selection: &Selection) -> Result<Exit> {
    let host = Host::open()?;
    let mut exit = Exit::Good;
    for plan in plan(workspace, selection, DEFAULT_VARIANTS)? {
        for series in &plan.series {
            if let Some(kernel) = lookup(&plan.spec, series, &plan.config, &host)? {
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

/// Builds one variant, or finds that there is nothing to build; the source is
/// fetched only if it is needed.
pub(crate) fn build_one(plan: &KernelPlan, series: &Series, host: &Host) -> Result<BuiltKernel> {
    let KernelPlan { spec, config, .. } = plan;
    if let Some(kernel) = lookup(spec, series, config, host)? {
        return Ok(kernel);
    }
    let tree = fetch(spec, host)?;
    let request = BuildRequest {
        spec,
        tree: &tree,
        series,
        config,
        jobs: None,
    };
    nmissed_kbuild::build(&request, host)
        .with_context(|| format!("kernel {} {}", spec.id, series.name()))
}

/// What it takes to get the source of these kernels.
pub(crate) fn source_steps(plans: &[KernelPlan]) -> Vec<Step> {
    let tarball = |plan: &KernelPlan| matches!(plan.spec.source, Source::Tarball { .. });
    let mut steps = vec![Step::Source];
    steps.extend(plans.iter().any(tarball).then_some(Step::Tarball));
    steps
}

/// The folder that holds bzImage, vmlinux, config and System.map.
fn print_place(kernel: &BuiltKernel) {
    println!(
        "{}",
        kernel.bzimage.parent().unwrap_or(&kernel.bzimage).display()
    );
}
