// SPDX-License-Identifier: GPL-2.0-only
//! Building what is planned, and finding what was built.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nmissed_host::Host;
use nmissed_kbuild::{
    BuildRequest, BuiltKernel, KernelConfig, Series, Source, fetch, is_built, lookup, refresh,
};

use crate::needs::Step;
use crate::plan::kernels::KernelPlan;

/// How many options that differ from the user's are printed.
const SHOWN_OPTIONS: usize = 12;

/// Builds all that is planned and calls `built` with the folder of each kernel:
/// it holds bzImage, vmlinux, config and System.map. `newer` asks the archive
/// for a newer version of the source first.
///
/// # Errors
/// If source cannot be fetched, a patch does not apply, or a build fails.
pub fn build(plans: &[KernelPlan], newer: bool, built: &mut dyn FnMut(&Path)) -> Result<()> {
    let host = Host::open()?;
    for plan in plans {
        if newer {
            refresh(&plan.spec, &host)?;
        }
        for series in &plan.series {
            built(folder(&build_one(plan, series, &host)?));
        }
    }
    Ok(())
}

/// Returns the folder of each kernel that is planned, `None` for one that is not
/// built; builds and fetches nothing.
///
/// # Errors
/// If the cache cannot be read.
pub fn find_built(plan: &KernelPlan) -> Result<Vec<(&Series, Option<PathBuf>)>> {
    let host = Host::open()?;
    let find = |series| {
        let kernel = lookup(&plan.spec, series, &plan.config, &host)?;
        Ok((series, kernel.map(|kernel| folder(&kernel).to_owned())))
    };
    plan.series.iter().map(find).collect()
}

/// Returns the variants that the cache does not have.
pub(crate) fn missing<'a>(plan: &'a KernelPlan, host: &Host) -> Result<Vec<&'a Series>> {
    let mut missing = Vec::new();
    for series in &plan.series {
        if !is_built(&plan.spec, series, &plan.config, host)? {
            missing.push(series);
        }
    }
    Ok(missing)
}

/// Builds one variant, or finds that there is nothing to build; the source is
/// fetched only if it is needed.
pub(crate) fn build_one(plan: &KernelPlan, series: &Series, host: &Host) -> Result<BuiltKernel> {
    let KernelPlan { spec, config, .. } = plan;
    if let Some(kernel) = lookup(spec, series, config, host)? {
        say_changes(config, &kernel, host)?;
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
    let kernel = nmissed_kbuild::build(&request, host)
        .with_context(|| format!("kernel {} {}", spec.id, series.name()))?;
    say_changes(config, &kernel, host)?;
    Ok(kernel)
}

/// Prints how a kernel's options differ from those of the user's .config.
fn say_changes(config: &KernelConfig, kernel: &BuiltKernel, host: &Host) -> Result<()> {
    let built = nmissed_host::read_to_string(&kernel.config)?;
    let Some(changes) = config.changes(&built) else {
        return Ok(());
    };
    let mut line = format!("{} options differ from --config", changes.len());
    for change in changes.iter().take(SHOWN_OPTIONS) {
        line += &format!("\n  {change}");
    }
    if changes.len() > SHOWN_OPTIONS {
        line += &format!("\n  ... all: diff with {}", kernel.config.display());
    }
    host.say(&line);
    Ok(())
}

/// What it takes to get the source of these kernels.
#[must_use]
pub fn source_steps(plans: &[KernelPlan]) -> Vec<Step> {
    let tarball = |plan: &KernelPlan| matches!(plan.spec.source, Source::Tarball { .. });
    let own = |plan: &KernelPlan| matches!(plan.spec.source, Source::Own(_));
    let mut steps = vec![Step::Source];
    steps.extend(plans.iter().any(own).then_some(Step::History));
    steps.extend(plans.iter().any(tarball).then_some(Step::Tarball));
    steps
}

fn folder(kernel: &BuiltKernel) -> &Path {
    kernel.bzimage.parent().unwrap_or(&kernel.bzimage)
}
