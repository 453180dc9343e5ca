// SPDX-License-Identifier: GPL-2.0-only
//! Patches as commits of a git repository.

use std::path::{Path, PathBuf};

use anyhow::Result;
use nmissed_host::Host;
use nmissed_kbuild::fetch;

use crate::plan::kernels::{KernelPlan, stacks};
use crate::workspace::Workspace;

/// Makes a repository of one variant in a folder that does not exist, by default
/// `target/edit/ID-V`, and returns it.
///
/// # Errors
/// If the folder exists, or the host cannot do it.
pub fn edit(
    workspace: &Workspace,
    plan: &KernelPlan,
    variant: &str,
    dir: Option<&Path>,
) -> Result<PathBuf> {
    let host = Host::open()?;
    let name = format!("{}-{variant}", plan.spec.id);
    let default = || workspace.target().join("edit").join(name);
    let dir = dir.map_or_else(default, Path::to_owned);
    let tree = fetch(&plan.spec, &host)?;
    let stacks = stacks(workspace, &plan.spec)?;
    nmissed_kbuild::edit(&stacks, variant, &tree, &dir, &host)?;
    Ok(dir)
}
