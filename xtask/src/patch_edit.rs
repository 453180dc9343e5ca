// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask patch edit` and `refresh`: patches as commits, and back.

use anyhow::Result;
use nmissed_host::Host;
use nmissed_kbuild::{Refreshed, fetch, refresh_patches};

use crate::cli::{EditOptions, RefreshOptions, Stacks};
use crate::exit::Exit;
use crate::needs::Step;
use crate::workspace::Workspace;
use crate::{doctor, kernel, plan};

/// Makes a repository of one variant.
pub(crate) fn edit(workspace: &Workspace, options: &EditOptions, install: bool) -> Result<Exit> {
    let plans = plan::patched(workspace, &Stacks::from(&options.stack))?;
    let needs = [&kernel::source_steps(&plans), &[Step::History][..]].concat();
    doctor::ensure(&needs, install)?;
    let host = Host::open()?;
    let variant = &options.stack.variant;
    for plan in &plans {
        let name = format!("{}-{variant}", plan.spec.id);
        let default = || workspace.target().join("edit").join(name);
        let dir = options.dir.clone().unwrap_or_else(default);
        let tree = fetch(&plan.spec, &host)?;
        let patches = workspace.patches();
        nmissed_kbuild::edit(&plan.spec, &tree, &patches, variant, &dir, &host)?;
        println!("{}", dir.display());
    }
    Ok(Exit::Good)
}

/// Writes a repository back to patches/, and says what became of each file.
pub(crate) fn refresh(
    workspace: &Workspace,
    options: &RefreshOptions,
    install: bool,
) -> Result<Exit> {
    doctor::ensure(&[Step::History], install)?;
    for (file, change) in refresh_patches(&options.dir, &workspace.patches())? {
        let word = match change {
            Refreshed::Same => "same",
            Refreshed::Changed => "changed",
            Refreshed::Added => "added",
            Refreshed::Removed => "removed",
        };
        let file = file.strip_prefix(workspace.root()).unwrap_or(&file);
        println!("{word:<8} {}", file.display());
    }
    Ok(Exit::Good)
}
