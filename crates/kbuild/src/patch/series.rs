// SPDX-License-Identifier: GPL-2.0-only
//! Which patches make up a variant, and in which order.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::patch::diff::touched_files;
use crate::patch::part::Part;
use crate::source::kernels::is_name;
use crate::{Error, Result};

/// The stacks of patches that make up each variant, the lowest first.
pub const VARIANTS: [(&str, &[&str]); 4] = [
    ("baseline", &[]),
    ("counters", &["counters"]),
    ("active", &["counters", "active"]),
    ("guarded", &["counters", "guarded"]),
];

/// The stack below the others. A kernel may have none of its patches.
const OPTIONAL_STACK: &str = "counters";

/// The kernel release has room for 64 characters (`__NEW_UTS_LEN`), most of
/// them for its version.
const LONGEST_NAME: usize = 24;

/// Patches in the order in which they are applied, and the name of what they
/// make.
#[derive(Clone, Debug)]
pub struct Series {
    pub(crate) name: String,
    pub(crate) patches: Vec<Patch>,
}

/// One patch, read and parsed.
#[derive(Clone, Debug)]
pub(crate) struct Patch {
    pub(crate) file: PathBuf,
    pub(crate) text: Vec<u8>,
    pub(crate) touched: BTreeSet<String>,
}

impl Series {
    /// The patches of a variant: `patches/<base>/<stack>/*.patch` for each of
    /// its stacks, sorted by name.
    ///
    /// # Errors
    /// [`Error::UnknownVariant`], [`Error::NoStack`], [`Error::BadInput`] with
    /// the line of a patch that cannot be understood.
    pub fn for_variant(patches_dir: &Path, base: &str, variant: &str) -> Result<Self> {
        let mut files = Vec::new();
        for &stack in stacks_of(variant)? {
            let folder = patches_dir.join(base).join(stack);
            let patches = patch_files(&folder)?;
            if patches.is_empty() && (stack != OPTIONAL_STACK || variant == OPTIONAL_STACK) {
                let (variant, base) = (variant.to_owned(), base.to_owned());
                return Err(Error::NoStack {
                    variant,
                    base,
                    folder,
                });
            }
            files.extend(patches);
        }
        Self::from_files(variant, &files)
    }

    /// Patches of one's own; `name` becomes part of the kernel release.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a name that a release cannot hold or a patch
    /// that cannot be read or understood.
    pub fn from_files(name: &str, files: &[PathBuf]) -> Result<Self> {
        check_name(name)?;
        let patches = files
            .iter()
            .map(|file| Patch::read(file))
            .collect::<Result<_>>()?;
        Ok(Self {
            name: name.to_owned(),
            patches,
        })
    }

    /// The variant's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first `count` patches under another name.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a name that a release cannot hold.
    pub fn first(&self, count: usize, name: &str) -> Result<Self> {
        check_name(name)?;
        Ok(Self {
            name: name.to_owned(),
            patches: self.patches[..count].to_vec(),
        })
    }

    /// The patch files' names in order.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.patches.iter().map(Patch::file_name)
    }

    /// How many patches there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.patches.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patches.is_empty()
    }

    /// Whether the last patch touches a file that the kernel built here is made
    /// from.
    #[must_use]
    pub fn ends_with_code(&self) -> bool {
        let last = self.patches.last();
        last.is_some_and(|patch| patch.touched.iter().any(|file| Part::of(file).is_none()))
    }

    /// The patch files in order.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.patches.iter().map(|patch| patch.file.as_path())
    }
}

/// The variant that another one builds on: the one with all of its stacks but
/// the last, as far as there are patches for it.
///
/// # Errors
/// As [`Series::for_variant`].
pub fn variant_below(patches_dir: &Path, base: &str, variant: &str) -> Result<&'static str> {
    let Some((_, below)) = stacks_of(variant)?.split_last() else {
        return Ok("baseline");
    };
    let named = VARIANTS.iter().find(|(_, stacks)| *stacks == below);
    let folder = |stack: &&str| patches_dir.join(base).join(stack).is_dir();
    Ok(named
        .filter(|(_, stacks)| stacks.iter().all(folder))
        .map_or("baseline", |(name, _)| name))
}

/// The stacks of a variant, the lowest first.
///
/// # Errors
/// [`Error::UnknownVariant`].
pub(crate) fn stacks_of(variant: &str) -> Result<&'static [&'static str]> {
    let known = VARIANTS.iter().find(|(name, _)| *name == variant);
    known
        .map(|(_, stacks)| *stacks)
        .ok_or_else(|| unknown_variant(variant))
}

fn check_name(name: &str) -> Result<()> {
    if is_name(name) && name.len() <= LONGEST_NAME {
        return Ok(());
    }
    let problem =
        format!("is not a name for a variant: at most {LONGEST_NAME} letters, digits and .+-");
    Err(Error::bad_input(name, problem))
}

fn unknown_variant(variant: &str) -> Error {
    let known = VARIANTS.map(|(name, _)| name).join(", ");
    Error::UnknownVariant {
        variant: variant.to_owned(),
        known,
    }
}

/// The patches in a folder, sorted; none if there is no such folder.
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
        let touched = touched_files(&String::from_utf8_lossy(&text)).map_err(bad)?;
        Ok(Self {
            file: file.to_owned(),
            text,
            touched,
        })
    }

    /// The same file with another text; nothing if that changes nothing.
    pub(crate) fn with_text(&self, text: String) -> Option<Self> {
        let touched = touched_files(&text).ok()?;
        Some(Self {
            file: self.file.clone(),
            text: text.into_bytes(),
            touched,
        })
    }

    /// Without its folder.
    pub(crate) fn file_name(&self) -> String {
        let name = self.file.file_name().unwrap_or(self.file.as_os_str());
        name.to_string_lossy().into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    const CHANGE: &str = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n";

    #[test_case("baseline", Ok(&[]); "baseline")]
    #[test_case("active", Ok(&["active/0001-a.patch", "active/0002-b.patch"]); "sorted, without counters")]
    #[test_case("guarded", Err("variant guarded has no patches for 6.12"); "missing stack")]
    #[test_case("counters", Err("variant counters has no patches for 6.12"); "counters asked for")]
    #[test_case("fast", Err("there is no variant \"fast\"; there are baseline, counters, active, guarded"); "unknown")]
    fn stacks_of_a_variant(variant: &str, expected: Result<&[&str], &str>) {
        let dir = tempfile::tempdir().unwrap();
        let stack = dir.path().join("6.12/active");
        fs::create_dir_all(&stack).unwrap();
        for name in ["0002-b.patch", "0001-a.patch", "README"] {
            fs::write(stack.join(name), CHANGE).unwrap();
        }
        match (Series::for_variant(dir.path(), "6.12", variant), expected) {
            (Ok(series), Ok(files)) => {
                let expected = files.iter().map(|file| dir.path().join("6.12").join(file));
                assert!(series.files().eq(expected), "{series:?}");
            }
            (Err(error), Err(start)) => assert!(error.to_string().starts_with(start), "{error}"),
            (result, _) => panic!("{result:?}"),
        }
    }

    #[test]
    fn counters_come_first_where_there_are_any() {
        let dir = tempfile::tempdir().unwrap();
        for stack in ["active", "counters"] {
            fs::create_dir_all(dir.path().join("7.3").join(stack)).unwrap();
            fs::write(
                dir.path().join("7.3").join(stack).join("0001.patch"),
                CHANGE,
            )
            .unwrap();
        }
        let series = Series::for_variant(dir.path(), "7.3", "active").unwrap();
        let stacks: Vec<_> = series
            .files()
            .map(|file| file.parent().unwrap().file_name().unwrap())
            .collect();
        assert_eq!(stacks, ["counters", "active"]);
    }

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
