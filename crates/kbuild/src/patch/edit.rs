// SPDX-License-Identifier: GPL-2.0-only
//! From patch files to commits of a git repository.

use std::fs;
use std::path::Path;

use nmissed_host::Host;
use tempfile::Builder;

use crate::git::{committing, git};
use crate::patch::stack::KernelStacks;
use crate::source::SourceTree;
use crate::{Error, Result};

/// Branch without patches.
pub(crate) const BASE: &str = "base";
/// Settings of the repository: the variant, and its folder in patches/.
pub(crate) const VARIANT: &str = "nmissed.variant";
pub(crate) const FOLDER: &str = "nmissed.base";

/// Compressing the objects takes longer than writing them uncompressed.
const FAST: [&str; 4] = ["-c", "core.compression=0", "-c", "core.fsync=none"];

/// Makes a git repository in `dir`: the kernel's source in the branch `base`, on it a
/// branch for each stack of the variant with a commit for each patch.
///
/// # Errors
/// [`Error::BadInput`] if `dir` exists or git cannot apply a patch,
/// [`Error::Patch`], [`Error::Host`]. After an error
/// there is no `dir`.
pub fn edit(
    stacks: &KernelStacks,
    variant: &str,
    tree: &SourceTree,
    dir: &Path,
    host: &Host,
) -> Result<()> {
    if dir.exists() {
        return Err(Error::bad_input(
            dir,
            "exists: `patch refresh` writes it back; remove it, or name another folder",
        ));
    }
    // Names each hunk that does not apply, which git does not.
    stacks.series(variant)?.apply(tree, host)?;
    let parent = dir.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    let scratch = Builder::new().prefix(".edit-").tempdir_in(parent);
    let scratch = scratch.map_err(Error::io("create a folder in", parent))?;
    let repository = scratch.path().join("repository");
    host.begin(&format!("making a repository of {}", tree.identity));
    commit_source(tree, &repository)?;
    commit_patches(stacks, variant, &repository, host)?;
    host.end(&format!("{}: branch {variant}", dir.display()));
    fs::rename(&repository, dir).map_err(Error::io("create", dir))
}

fn commit_source(tree: &SourceTree, repository: &Path) -> Result<()> {
    fs::create_dir_all(repository).map_err(Error::io("create", repository))?;
    git(repository)
        .args(["init", "--quiet", "--initial-branch", BASE])
        .run()?;
    // Straight from the source in the cache; the files that are checked out then are
    // copies, which may be written to.
    git(repository)
        .args(FAST)
        .arg("--git-dir=.git")
        .env("GIT_WORK_TREE", &tree.dir)
        .args(["add", "--all", "--force", "."])
        .run()?;
    let message = format!("{}, as it was unpacked", tree.identity);
    committing(repository)
        .args(["commit", "--quiet", "--message", &message])
        .run()?;
    git(repository).args(["reset", "--quiet", "--hard"]).run()?;
    Ok(())
}

fn commit_patches(
    stacks: &KernelStacks,
    variant: &str,
    repository: &Path,
    host: &Host,
) -> Result<()> {
    let settings = [
        (VARIANT, variant),
        (FOLDER, stacks.kernel()),
        // A rebase moves the branches below, too.
        ("rebase.updateRefs", "true"),
    ];
    for (name, value) in settings {
        git(repository).args(["config", name, value]).run()?;
    }
    for stack in stacks.chain(variant)? {
        git(repository)
            .args(["checkout", "--quiet", "-b", &stack.name])
            .run()?;
        for patch in &stack.patches {
            host.progress.at(0, &patch.to_string_lossy());
            am(repository, patch)?;
        }
    }
    Ok(())
}

fn am(repository: &Path, patch: &Path) -> Result<()> {
    let file = std::path::absolute(patch).map_err(Error::io("find", patch))?;
    let am = committing(repository).args([
        "am",
        "--quiet",
        "--no-scissors",
        "--committer-date-is-author-date",
    ]);
    match am.arg(file).run() {
        Err(nmissed_host::Error::Failed { tail, .. }) => {
            let why = format!("`git am` fails:\n  {}", tail.join("\n  "));
            Err(Error::bad_input(patch, why))
        }
        ran => Ok(ran.map(drop)?),
    }
}
