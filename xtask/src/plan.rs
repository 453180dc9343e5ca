// SPDX-License-Identifier: GPL-2.0-only
//! From what was asked for to kernels and series. All of it is checked before
//! any work begins.

use anyhow::Result;
use nmissed_kbuild::{Config, KernelSpec, Kernels, Series, VARIANTS};

use crate::cli::{Selection, Stacks};
use crate::exit::UsageError;
use crate::workspace::Workspace;

/// What a comparison needs: the kernel as it is, and the change.
pub(crate) const DEFAULT_VARIANTS: &[&str] = &["baseline", "active"];
/// The variant without patches.
const UNPATCHED: &str = "baseline";
/// The variant that `--patch` adds.
const PATCHED: &str = "patched";

/// One kernel and the variants of it to build, in order.
#[derive(Debug)]
pub(crate) struct KernelPlan {
    pub(crate) spec: KernelSpec,
    pub(crate) config: Config,
    pub(crate) series: Vec<Series>,
}

/// Reads everything that a selection names; `variants` if it names none.
pub(crate) fn plan(
    workspace: &Workspace,
    selection: &Selection,
    variants: &[&str],
) -> Result<Vec<KernelPlan>> {
    let kernels = kernels(workspace)?;
    let ids = match selection.kernel.as_slice() {
        [] => vec![kernels.default_id()],
        ids => unique(ids),
    };
    ids.into_iter()
        .map(|id| plan_kernel(workspace, kernels.get(id)?, selection, variants))
        .collect()
}

/// All kernels with all the variants that there are patches for.
pub(crate) fn everything(workspace: &Workspace) -> Result<Vec<KernelPlan>> {
    let kernels = kernels(workspace)?;
    let all = kernels.routine_ids().map(|id| {
        let spec = kernels.get(id)?;
        let variant = variants_of(workspace, spec).map(str::to_owned).collect();
        plan_kernel(
            workspace,
            spec,
            &Selection {
                variant,
                ..Selection::default()
            },
            &[],
        )
    });
    all.collect()
}

/// Those of these kernels and variants that have patches; all such variants if
/// none is named.
pub(crate) fn patched(workspace: &Workspace, stacks: &Stacks) -> Result<Vec<KernelPlan>> {
    if stacks.variant.iter().any(|name| name == UNPATCHED) {
        return Err(UsageError(format!("variant {UNPATCHED} has no patches")).into());
    }
    let kernels = kernels(workspace)?;
    let ids = match stacks.kernel.as_slice() {
        [] => vec![kernels.default_id()],
        ids => unique(ids),
    };
    let plan = |id| {
        let spec = kernels.get(id)?;
        let there: Vec<_> = variants_of(workspace, spec)
            .filter(|name| *name != UNPATCHED)
            .collect();
        let selection = Selection {
            variant: stacks.variant.clone(),
            ..Selection::default()
        };
        plan_kernel(workspace, spec, &selection, &there)
    };
    ids.into_iter().map(plan).collect()
}

/// All of kernels.toml.
pub(crate) fn kernels(workspace: &Workspace) -> Result<Kernels> {
    Ok(Kernels::load(&workspace.vmconfig().join("kernels.toml"))?)
}

/// A stack without a folder is one that nobody has written for this kernel.
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
    let config = Config::load(&workspace.vmconfig(), spec)?;
    let series = series(workspace, spec, selection, variants)?;
    Ok(KernelPlan {
        spec: spec.clone(),
        config,
        series,
    })
}

fn series(
    workspace: &Workspace,
    spec: &KernelSpec,
    selection: &Selection,
    variants: &[&str],
) -> Result<Vec<Series>> {
    let names = match (selection.variant.as_slice(), selection.patch.is_empty()) {
        ([], true) => variants.to_vec(),
        ([], false) => vec!["baseline"],
        (names, _) => unique(names),
    };
    let of_variant = |name| Series::for_variant(&workspace.patches(), &spec.base, name);
    let mut all = names
        .into_iter()
        .map(of_variant)
        .collect::<Result<Vec<_>, _>>()?;
    if !selection.patch.is_empty() {
        check_files(selection)?;
        all.push(Series::from_files(PATCHED, &selection.patch)?);
    }
    Ok(all)
}

fn check_files(selection: &Selection) -> Result<()> {
    match selection.patch.iter().find(|file| !file.is_file()) {
        Some(file) => {
            Err(UsageError(format!("--patch {}: there is no such file", file.display())).into())
        }
        None => Ok(()),
    }
}

/// The same thing asked for twice is done once.
fn unique(names: &[String]) -> Vec<&str> {
    let mut seen = Vec::new();
    for name in names.iter().map(String::as_str) {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}
