// SPDX-License-Identifier: GPL-2.0-only
//! From a selection to kernels and patch series. All of it is checked before any
//! work begins.

use anyhow::Result;
use nmissed_kbuild::{Config, KernelSpec, Kernels, Series, VARIANTS, variant_below};

use crate::exit::UsageError;
use crate::plan::selection::{Selection, unique};
use crate::workspace::Workspace;

/// The variants that are compared unless others are named: the kernel without
/// patches and with the change.
pub const DEFAULT_VARIANTS: &[&str] = &["baseline", "active"];
/// The variant without patches.
const UNPATCHED: &str = "baseline";
/// The variant that `--patch` adds.
const PATCHED: &str = "patched";

/// One kernel and the variants of it to build, in order.
#[derive(Debug)]
pub struct KernelPlan {
    /// Where its source comes from.
    pub spec: KernelSpec,
    /// The Kconfig fragments to build it with.
    pub config: Config,
    /// One patch series per variant.
    pub series: Vec<Series>,
}

/// Reads everything that a selection names; `variants` if it names none.
///
/// # Errors
/// A name that is not known, a patch file that is not there, a file of
/// `vmconfig` or `patches` that cannot be read.
pub fn plan(
    workspace: &Workspace,
    selection: &Selection,
    variants: &[&str],
) -> Result<Vec<KernelPlan>> {
    let kernels = kernels(workspace)?;
    chosen(&kernels, selection)
        .into_iter()
        .map(|id| plan_kernel(workspace, kernels.get(id)?, selection, variants))
        .collect()
}

/// Plans all kernels with all the variants that there are patches for.
///
/// # Errors
/// A file of `vmconfig` or `patches` that cannot be read.
pub fn everything(workspace: &Workspace) -> Result<Vec<KernelPlan>> {
    let kernels = kernels(workspace)?;
    let all = kernels.routine_ids().map(|id| {
        let spec = kernels.get(id)?;
        let variants: Vec<_> = variants_of(workspace, spec).collect();
        plan_kernel(workspace, spec, &Selection::default(), &variants)
    });
    all.collect()
}

/// Plans what a change is tested with before it lands: of all kernels the variant
/// without patches, and each that no other variant builds on.
///
/// # Errors
/// As [`everything`].
pub fn for_landing(workspace: &Workspace) -> Result<Vec<KernelPlan>> {
    let mut plans = everything(workspace)?;
    for plan in &mut plans {
        let below =
            |series: &Series| variant_below(&workspace.patches(), &plan.spec.base, series.name());
        let built_on = plan
            .series
            .iter()
            .map(below)
            .collect::<Result<Vec<_>, _>>()?;
        plan.series
            .retain(|it| it.name() == UNPATCHED || !built_on.contains(&it.name()));
    }
    Ok(plans)
}

/// Plans those of these kernels and variants that have patches; all such
/// variants if none is named.
///
/// # Errors
/// As [`plan`]; also if `baseline` is named, which has no patches.
pub fn patched(workspace: &Workspace, selection: &Selection) -> Result<Vec<KernelPlan>> {
    if selection.variants.iter().any(|name| name == UNPATCHED) {
        return Err(UsageError(format!("variant {UNPATCHED} has no patches")).into());
    }
    let kernels = kernels(workspace)?;
    let plan = |id| {
        let spec = kernels.get(id)?;
        let with_patches: Vec<_> = variants_of(workspace, spec)
            .filter(|name| *name != UNPATCHED)
            .collect();
        plan_kernel(workspace, spec, selection, &with_patches)
    };
    chosen(&kernels, selection).into_iter().map(plan).collect()
}

/// Reads `vmconfig/kernels.toml`.
///
/// # Errors
/// If it cannot be read or understood.
pub fn kernels(workspace: &Workspace) -> Result<Kernels> {
    Ok(Kernels::load(&workspace.vmconfig().join("kernels.toml"))?)
}

fn chosen<'a>(kernels: &'a Kernels, selection: &'a Selection) -> Vec<&'a str> {
    match selection.kernels.as_slice() {
        [] => vec![kernels.default_id()],
        ids => unique(ids),
    }
}

/// A stack without a folder is not written for this kernel.
fn variants_of<'a>(
    workspace: &'a Workspace,
    spec: &'a KernelSpec,
) -> impl Iterator<Item = &'static str> + 'a {
    let names = VARIANTS.iter().filter(|(_, stacks)| {
        let own = stacks.last();
        own.is_none_or(|stack| workspace.patches().join(&spec.base).join(stack).is_dir())
    });
    names.map(|(name, _)| *name)
}

fn plan_kernel(
    workspace: &Workspace,
    spec: &KernelSpec,
    selection: &Selection,
    variants: &[&str],
) -> Result<KernelPlan> {
    Ok(KernelPlan {
        spec: spec.clone(),
        config: Config::load(&workspace.vmconfig(), spec)?,
        series: series(workspace, spec, selection, variants)?,
    })
}

fn series(
    workspace: &Workspace,
    spec: &KernelSpec,
    selection: &Selection,
    variants: &[&str],
) -> Result<Vec<Series>> {
    let names = match (selection.variants.as_slice(), selection.patches.is_empty()) {
        ([], true) => variants.to_vec(),
        ([], false) => vec![UNPATCHED],
        (names, _) => unique(names),
    };
    let of_variant = |name| Series::for_variant(&workspace.patches(), &spec.base, name);
    let mut all = names
        .into_iter()
        .map(of_variant)
        .collect::<Result<Vec<_>, _>>()?;
    if !selection.patches.is_empty() {
        selection.check_patches()?;
        all.push(Series::from_files(PATCHED, &selection.patches)?);
    }
    Ok(all)
}
