// SPDX-License-Identifier: GPL-2.0-only
//! From commits of a git repository back to patch files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use nmissed_host::write_atomic;

use crate::patch::edit::{BASE, FOLDER, VARIANT};
use crate::patch::git::git;
use crate::patch::mail::in_file_form;
use crate::patch::series::patch_files;
use crate::patch::stack::KernelStacks;
use crate::{Error, Result};

/// Change of a patch file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refreshed {
    /// The content is the same.
    Same,
    /// The content differs.
    Changed,
    /// The file is new.
    Added,
    /// Its commit is gone, and so is the file.
    Removed,
}

/// Writes the commits of a repository that [`edit`](crate::edit()) made to
/// the folders that their patches came from.
///
/// # Errors
/// [`Error::BadInput`] if it is no such repository, if a change in it is not committed,
/// or if a stack does not build on the one below it; [`Error::Host`]. Files are
/// written only after all patches were made.
pub fn refresh_patches(dir: &Path, patches_dir: &Path) -> Result<Vec<(PathBuf, Refreshed)>> {
    let bad = |problem: &str| Error::bad_input(dir, problem);
    let setting = |name| {
        let answer = git(dir).args(["config", "--get", name]).finish(|_| ())?;
        let value = answer.lines.into_iter().next();
        value
            .filter(|_| answer.status.success())
            .ok_or_else(|| bad("is not a repository of `patch edit`"))
    };
    let (variant, base) = (setting(VARIANT)?, setting(FOLDER)?);
    if !git(dir)
        .args(["symbolic-ref", "--quiet", "HEAD"])
        .finish(|_| ())?
        .status
        .success()
    {
        return Err(bad("is on no branch: finish the rebase that is under way"));
    }
    let dirty = git(dir)
        .args(["status", "--porcelain", "--untracked-files=no"])
        .run()?;
    if let Some(line) = dirty.first() {
        return Err(bad(&format!("has changes that are not committed: {line}")));
    }
    let stacks = KernelStacks::load(patches_dir, &base)?;
    let mut below = BASE;
    let mut wanted = Vec::new();
    for stack in stacks.chain(&variant)? {
        let stack = stack.name.as_str();
        let exists = git(dir)
            .args(["rev-parse", "--quiet", "--verify", stack])
            .finish(|_| ())?;
        if !exists.status.success() {
            continue;
        }
        let builds_on = git(dir).args(["merge-base", "--is-ancestor", below, stack]);
        if !builds_on.finish(|_| ())?.status.success() {
            let remedy = format!("{stack} does not build on {below}: `git rebase {below} {stack}`");
            return Err(bad(&remedy));
        }
        wanted.push((
            patches_dir.join(&base).join(stack),
            files(dir, below, stack)?,
        ));
        below = stack;
    }
    let mut all = Vec::new();
    for (folder, files) in wanted {
        all.extend(write(&folder, files)?);
    }
    Ok(all)
}

/// Returns names and texts of the patches between two branches.
fn files(dir: &Path, from: &str, to: &str) -> Result<BTreeMap<String, String>> {
    let scratch = tempfile::tempdir().map_err(Error::io("create", "a temporary folder"))?;
    let format = git(dir).args([
        "-c",
        "diff.algorithm=myers",
        "format-patch",
        "--quiet",
        "--no-numbered",
        "--no-signature",
        "--zero-commit",
        "--abbrev=12",
        "--no-cover-letter",
        "--no-thread",
        "--output-directory",
    ]);
    format
        .arg(scratch.path())
        .arg(format!("{from}..{to}"))
        .run()?;
    let mut files = BTreeMap::new();
    for file in patch_files(scratch.path())? {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        files.insert(name, in_file_form(&nmissed_host::read_to_string(&file)?));
    }
    Ok(files)
}

fn write(folder: &Path, files: BTreeMap<String, String>) -> Result<Vec<(PathBuf, Refreshed)>> {
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let mut all = Vec::new();
    let known = patch_files(folder)?;
    for (name, text) in &files {
        let file = folder.join(name);
        let change = match fs::read_to_string(&file) {
            Ok(old) if old == *text => Refreshed::Same,
            Ok(_) => Refreshed::Changed,
            Err(_) => Refreshed::Added,
        };
        if change != Refreshed::Same {
            write_atomic(&file, text.as_bytes())?;
        }
        all.push((file, change));
    }
    for file in known {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !files.contains_key(&name) {
            fs::remove_file(&file).map_err(Error::io("remove", &file))?;
            all.push((file, Refreshed::Removed));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unchanged_files_are_not_written() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["0001-a.patch", "0002-b.patch", "0003-c.patch"] {
            fs::write(dir.path().join(name), "a\n").unwrap();
        }
        let wanted = [
            ("0001-a.patch", "a\n"),
            ("0002-b.patch", "b\n"),
            ("0003-d.patch", "d\n"),
        ];
        let wanted = wanted.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let all = write(dir.path(), wanted.into()).unwrap();
        let changes: Vec<_> = all.iter().map(|(_, change)| *change).collect();
        use Refreshed::{Added, Changed, Removed, Same};
        assert_eq!(changes, [Same, Changed, Added, Removed]);
        assert_eq!(patch_files(dir.path()).unwrap().len(), 3);
    }
}
