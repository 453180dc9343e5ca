// SPDX-License-Identifier: GPL-2.0-only
//! From commits of a git repository back to patch files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use nmissed_host::write_atomic;

use crate::git::git;
use crate::patch::edit::{BASE, FOLDER, VARIANT};
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
    let (variant, folder) = (setting(dir, VARIANT)?, setting(dir, FOLDER)?);
    check_all_is_committed(dir)?;
    let stacks = KernelStacks::load(patches_dir, &folder)?;
    let mut below = BASE;
    let mut wanted = Vec::new();
    for stack in stacks.chain(&variant)? {
        let stack = stack.name.as_str();
        if !succeeds(dir, &["rev-parse", "--quiet", "--verify", stack])? {
            continue;
        }
        if !succeeds(dir, &["merge-base", "--is-ancestor", below, stack])? {
            let remedy = format!("{stack} does not build on {below}: `git rebase {below} {stack}`");
            return Err(Error::bad_input(dir, remedy));
        }
        let folder = patches_dir.join(&folder).join(stack);
        wanted.push((folder, files(dir, below, stack)?));
        below = stack;
    }
    let written = wanted
        .into_iter()
        .map(|(folder, files)| write(&folder, files));
    Ok(written.collect::<Result<Vec<_>>>()?.concat())
}

fn setting(dir: &Path, name: &str) -> Result<String> {
    let get = git(dir).args(["config", "--get", name]).finish(|_| ())?;
    let value = get.lines.into_iter().next();
    value
        .filter(|_| get.status.success())
        .ok_or_else(|| Error::bad_input(dir, "is not a repository of `patch edit`"))
}

fn check_all_is_committed(dir: &Path) -> Result<()> {
    let bad = |problem: &str| Err(Error::bad_input(dir, problem));
    if !succeeds(dir, &["symbolic-ref", "--quiet", "HEAD"])? {
        return bad("is on no branch: finish the rebase that is under way");
    }
    let status = git(dir).args(["status", "--porcelain", "--untracked-files=no"]);
    match status.run()?.first() {
        Some(line) => bad(&format!("has changes that are not committed: {line}")),
        None => Ok(()),
    }
}

fn succeeds(dir: &Path, args: &[&str]) -> Result<bool> {
    let finished = git(dir).args(args.iter().copied()).finish(|_| ())?;
    Ok(finished.status.success())
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
        files.insert(
            name_of(&file),
            in_file_form(&nmissed_host::read_to_string(&file)?),
        );
    }
    Ok(files)
}

fn name_of(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
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
        if !files.contains_key(&name_of(&file)) {
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
