// SPDX-License-Identifier: GPL-2.0-only
//! The patches of a variant.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::patch::behaviours::DeclaredBehaviours;
use crate::patch::diff::Diff;
use crate::patch::part::Part;
use crate::source::is_name;
use crate::{Error, Result};

/// The kernel release has room for 64 characters (`__NEW_UTS_LEN`), most of
/// them for its version.
const LONGEST_NAME: usize = 24;

/// Patches in the order in which they are applied, and the name of the variant.
#[derive(Clone, Debug)]
pub struct Series {
    pub(crate) name: String,
    pub(crate) patches: Vec<Patch>,
    pub(crate) behaviours: DeclaredBehaviours,
}

/// Content of a patch file, and the files that it touches.
#[derive(Clone, Debug)]
pub(crate) struct Patch {
    pub(crate) file: PathBuf,
    pub(crate) text: Vec<u8>,
    pub(crate) touched: BTreeSet<String>,
}

impl Series {
    /// Reads patches of the user; `name` becomes part of the kernel release.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a name that a release cannot hold, or a patch
    /// that cannot be read or parsed.
    pub fn from_files(name: &str, files: &[PathBuf]) -> Result<Self> {
        check_name(name)?;
        let patches = files
            .iter()
            .map(|file| Patch::read(file))
            .collect::<Result<_>>()?;
        Ok(Self {
            name: name.to_owned(),
            patches,
            behaviours: DeclaredBehaviours::Unknown,
        })
    }

    /// Returns no patches: the source has the changes already.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a name that a release cannot hold.
    pub fn unpatched(name: &str, behaviours: DeclaredBehaviours) -> Result<Self> {
        Ok(Self {
            behaviours,
            ..Self::from_files(name, &[])?
        })
    }

    /// Returns the variant's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the behaviours that the stacks of the series declare.
    #[must_use]
    pub fn behaviours(&self) -> &DeclaredBehaviours {
        &self.behaviours
    }

    /// Returns the first `count` patches under another name. They declare nothing.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a name that a release cannot hold.
    pub fn first(&self, count: usize, name: &str) -> Result<Self> {
        check_name(name)?;
        Ok(Self {
            name: name.to_owned(),
            patches: self.patches[..count].to_vec(),
            behaviours: DeclaredBehaviours::Unknown,
        })
    }

    /// Names of the patch files in order, without their folders.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.patches.iter().map(Patch::file_name)
    }

    /// Number of patches.
    #[must_use]
    pub fn len(&self) -> usize {
        self.patches.len()
    }

    /// Whether it has no patch, as `baseline` has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patches.is_empty()
    }

    /// Whether the last patch touches a file that a kernel is built from here.
    #[must_use]
    pub fn ends_with_code(&self) -> bool {
        let last = self.patches.last();
        last.is_some_and(|patch| patch.touched.iter().any(|file| Part::of(file).is_none()))
    }

    /// Paths of the patch files in order.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.patches.iter().map(|patch| patch.file.as_path())
    }
}

/// Checks that a kernel release can hold the name of a variant.
pub(crate) fn check_name(name: &str) -> Result<()> {
    if is_name(name) && name.len() <= LONGEST_NAME {
        return Ok(());
    }
    let problem =
        format!("is not a name for a variant: at most {LONGEST_NAME} letters, digits and .+-");
    Err(Error::bad_input(name, problem))
}

/// Returns the patches in a folder, sorted; none if there is no such folder.
pub(crate) fn patch_files(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        files.push(entry.map_err(Error::io("read", folder))?.path());
    }
    files.retain(|file| file.extension().is_some_and(|ext| ext == "patch"));
    files.sort();
    Ok(files)
}

impl Patch {
    fn read(file: &Path) -> Result<Self> {
        let bad = |problem: String| Error::bad_input(file, problem);
        let text = fs::read(file).map_err(|error| bad(error.to_string()))?;
        let touched = Diff::parse(&String::from_utf8_lossy(&text))
            .map_err(bad)?
            .touched();
        Ok(Self {
            file: file.to_owned(),
            text,
            touched,
        })
    }

    /// Returns the patch with another text; `None` if there is no diff in that.
    pub(crate) fn with_text(&self, text: String) -> Option<Self> {
        let touched = Diff::parse(&text).ok()?.touched();
        Some(Self {
            file: self.file.clone(),
            text: text.into_bytes(),
            touched,
        })
    }

    pub(crate) fn file_name(&self) -> String {
        let name = self.file.file_name().unwrap_or(self.file.as_os_str());
        name.to_string_lossy().into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    #[test_case(""; "empty")]
    #[test_case("a b"; "blank")]
    #[test_case("../x"; "path")]
    #[test_case("a-name-that-is-longer-than-a-release"; "long")]
    fn names_that_a_release_cannot_hold(name: &str) {
        assert!(matches!(
            Series::from_files(name, &[]),
            Err(Error::BadInput { .. })
        ));
    }
}
