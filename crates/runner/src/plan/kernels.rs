// SPDX-License-Identifier: GPL-2.0-only
//! From a selection to kernels and patch series. All of it is checked before any
//! work begins.

use anyhow::Result;
use nmissed_kbuild::{BASELINE, KernelConfig, KernelSpec, KernelStacks, Kernels, Series};

use crate::exit::UsageError;
use crate::plan::selection::{Selection, unique};
use crate::workspace::Workspace;

/// The variant that `--patch` adds.
const PATCHED: &str = "patched";

/// The variants of a kernel if none is named.
#[derive(Clone, Copy, Debug)]
pub enum DefaultVariants {
    /// Those of `compare` in kernels.toml, as far as the kernel has them.
    Compare,
    /// The kernel without patches.
    Baseline,
}

/// One kernel and the variants of it to build, in order.
#[derive(Debug)]
pub struct KernelPlan {
    /// Where its source comes from.
    pub spec: KernelSpec,
    /// The Kconfig fragments to build it with.
    pub config: KernelConfig,
    /// One patch series per variant.
    pub series: Vec<Series>,
}

/// Reads everything that a selection names.
///
/// # Errors
/// A name that is not known, a patch file that is not there, a file of
/// `vmconfig` or `patches` that cannot be read.
pub fn plan(
    workspace: &Workspace,
    selection: &Selection,
    default: DefaultVariants,
) -> Result<Vec<KernelPlan>> {
    let kernels = kernels(workspace)?;
    selection.check_patches()?;
    let compare = match default {
        DefaultVariants::Compare if selection.patches.is_empty() => kernels.compare(),
        _ => &[BASELINE.to_owned()],
    };
    let plan = |spec: &KernelSpec, stacks: &KernelStacks| {
        let mut default = stacks.variants();
        default.retain(|name| compare.iter().any(|it| it == name));
        let mut plan = plan_kernel(workspace, spec, stacks, &named(selection, default))?;
        if !selection.patches.is_empty() {
            let own = Series::from_files(PATCHED, &selection.patches)?;
            plan.series.push(own);
        }
        Ok(plan)
    };
    plan_each(workspace, &kernels, ids(&kernels, selection), plan)
}

/// Plans all kernels with all variants but those that have to be named.
///
/// # Errors
/// A file of `vmconfig` or `patches` that cannot be read.
pub fn everything(workspace: &Workspace) -> Result<Vec<KernelPlan>> {
    let kernels = kernels(workspace)?;
    plan_each(
        workspace,
        &kernels,
        kernels.routine_ids(),
        |spec, stacks| plan_kernel(workspace, spec, stacks, &stacks.routine_variants()),
    )
}

/// Plans what a change is tested with before it lands: of all kernels the variant
/// without patches, and each that no other variant builds on.
///
/// # Errors
/// As [`everything`].
pub fn for_landing(workspace: &Workspace) -> Result<Vec<KernelPlan>> {
    let kernels = kernels(workspace)?;
    plan_each(
        workspace,
        &kernels,
        kernels.routine_ids(),
        |spec, stacks| {
            let mut variants = stacks.routine_variants();
            let below = variants.iter().map(|name| stacks.below(name));
            let below = below.collect::<Result<Vec<_>, _>>()?;
            variants.retain(|name| *name == BASELINE || !below.contains(name));
            plan_kernel(workspace, spec, stacks, &variants)
        },
    )
}

/// Plans those of these kernels and variants that have patches; all such
/// variants if none is named.
///
/// # Errors
/// As [`plan`]; also if `baseline` is named, which has no patches.
pub fn patched(workspace: &Workspace, selection: &Selection) -> Result<Vec<KernelPlan>> {
    if selection.variants.iter().any(|name| name == BASELINE) {
        return Err(UsageError(format!("variant {BASELINE} has no patches")).into());
    }
    let kernels = kernels(workspace)?;
    let ids = ids(&kernels, selection);
    plan_each(workspace, &kernels, ids, |spec, stacks| {
        let mut default = stacks.routine_variants();
        default.retain(|name| *name != BASELINE);
        plan_kernel(workspace, spec, stacks, &named(selection, default))
    })
}

/// Reads `vmconfig/kernels.toml`.
///
/// # Errors
/// If it cannot be read or understood.
pub fn kernels(workspace: &Workspace) -> Result<Kernels> {
    Ok(Kernels::load(&workspace.vmconfig().join("kernels.toml"))?)
}

/// Reads the stacks of patches for a kernel.
pub(crate) fn stacks(workspace: &Workspace, spec: &KernelSpec) -> Result<KernelStacks> {
    Ok(KernelStacks::load(&workspace.patches(), &spec.patches)?)
}

/// The default kernel if none is named.
fn ids<'a>(kernels: &'a Kernels, selection: &'a Selection) -> Vec<&'a str> {
    match selection.kernels.as_slice() {
        [] => vec![kernels.default_id()],
        ids => unique(ids),
    }
}

fn named<'a>(selection: &'a Selection, default: Vec<&'a str>) -> Vec<&'a str> {
    match selection.variants.as_slice() {
        [] => default,
        names => unique(names),
    }
}

fn plan_each<'a>(
    workspace: &Workspace,
    kernels: &Kernels,
    ids: impl IntoIterator<Item = &'a str>,
    plan: impl Fn(&KernelSpec, &KernelStacks) -> Result<KernelPlan>,
) -> Result<Vec<KernelPlan>> {
    let plan = |id| {
        let spec = kernels.get(id)?;
        plan(spec, &stacks(workspace, spec)?)
    };
    ids.into_iter().map(plan).collect()
}

fn plan_kernel(
    workspace: &Workspace,
    spec: &KernelSpec,
    stacks: &KernelStacks,
    variants: &[&str],
) -> Result<KernelPlan> {
    let series = variants.iter().map(|name| stacks.series(name));
    Ok(KernelPlan {
        spec: spec.clone(),
        config: KernelConfig::load(&workspace.vmconfig(), spec)?,
        series: series.collect::<Result<_, _>>()?,
    })
}
