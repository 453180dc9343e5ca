// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask patch`: the series of patches.

use anyhow::Result;
use nmissed_kbuild::{Series, variant_below};

use crate::cli::{BootOptions, EvidenceOptions, PatchVerb, TestOptions};
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::KernelPlan;
use crate::workspace::Workspace;
use crate::{patch_check, patch_cover, patch_edit, patch_mutate};

/// Does one of them.
pub(crate) fn run(workspace: &Workspace, verb: &PatchVerb, install: bool) -> Result<Exit> {
    match verb {
        PatchVerb::Check(options) => patch_check::run(workspace, options, install),
        PatchVerb::Mutate(options) => patch_mutate::run(workspace, options, install),
        PatchVerb::Edit(options) => patch_edit::edit(workspace, options, install),
        PatchVerb::Refresh(options) => patch_edit::refresh(workspace, options, install),
        PatchVerb::Cover(options) => patch_cover::run(workspace, options, install),
    }
}

/// The variant that another one of a kernel builds on. Its patches are the
/// first of the other one's.
pub(crate) fn below(workspace: &Workspace, plan: &KernelPlan, series: &Series) -> Result<Series> {
    let (patches, base) = (workspace.patches(), &plan.spec.base);
    let name = variant_below(&patches, base, series.name())?;
    Ok(Series::for_variant(&patches, base, name)?)
}

/// Evidence about patches is kept apart from that about variants.
pub(crate) fn test_options(
    workspace: &Workspace,
    options: &EvidenceOptions,
) -> Result<TestOptions> {
    let dir = match &options.output {
        Some(dir) => dir.clone(),
        None => Output::next_below(&workspace.target().join("patch"))?
            .dir()
            .to_owned(),
    };
    Ok(TestOptions {
        boot: BootOptions {
            output: Some(dir),
            accel: options.accel,
            ..BootOptions::default()
        },
        ..TestOptions::default()
    })
}
