// SPDX-License-Identifier: GPL-2.0-only
//! `patches/<kernel>/<stack>/stack.toml`: what a stack of patches builds on, and
//! how a kernel with it behaves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::iter::successors;
use std::path::{Path, PathBuf};

use nmissed_wire::Behaviour;
use serde::Deserialize;

use crate::patch::behaviours::DeclaredBehaviours;
use crate::patch::series::{Series, check_name, patch_files};
use crate::{Error, Result};

/// The variant without patches.
pub const BASELINE: &str = "baseline";

const FILE: &str = "stack.toml";

/// The stacks of patches for one kernel: the folders of `patches/<kernel>/`. Each is a
/// variant of the kernel, beside [`BASELINE`].
#[derive(Clone, Debug)]
pub struct KernelStacks {
    kernel: String,
    stacks: BTreeMap<String, Stack>,
}

/// One stack of patches, without the stacks that it builds on.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    pub(crate) name: String,
    pub(crate) patches: Vec<PathBuf>,
    declared: StackFile,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StackFile {
    on: Option<String>,
    summary: String,
    #[serde(default, rename = "by-name-only")]
    by_name_only: bool,
    #[serde(default)]
    adds: BTreeSet<Behaviour>,
    #[serde(default)]
    removes: BTreeSet<Behaviour>,
}

impl KernelStacks {
    /// Reads the stacks in `patches_dir/kernel`; there are none if there is no such
    /// folder.
    ///
    /// # Errors
    /// [`Error::BadInput`] with the line of a mistake in a stack.toml, for a stack
    /// without patches, patches without a stack.toml, and a stack that builds on itself
    /// or on none of this kernel.
    pub fn load(patches_dir: &Path, kernel: &str) -> Result<Self> {
        let folder = patches_dir.join(kernel);
        let mut stacks = BTreeMap::new();
        if folder.is_dir() {
            for entry in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
                let path = entry.map_err(Error::io("read", &folder))?.path();
                let stack = Stack::load(&path)?;
                stacks.extend(stack.map(|stack| (stack.name.clone(), stack)));
            }
        }
        let kernel = kernel.to_owned();
        let all = Self { kernel, stacks };
        for name in all.stacks.keys() {
            all.check_base(name)
                .map_err(|problem| Error::bad_input(folder.join(name).join(FILE), problem))?;
        }
        Ok(all)
    }

    /// Checks that the stacks below one end at the kernel without patches.
    fn check_base(&self, name: &str) -> Result<(), String> {
        let Some(on) = self.on(name) else {
            return Ok(());
        };
        if !self.stacks.contains_key(on) {
            return Err(format!("on = {on:?} is not a stack of {}", self.kernel));
        }
        let mut below = successors(Some(on), |on| self.on(on)).take(self.stacks.len());
        if below.any(|on| on == name) {
            return Err(format!("on = {on:?}: the stack builds on itself"));
        }
        Ok(())
    }

    fn on(&self, stack: &str) -> Option<&str> {
        self.stacks.get(stack)?.declared.on.as_deref()
    }

    pub(crate) fn kernel(&self) -> &str {
        &self.kernel
    }

    /// Returns the variants: [`BASELINE`], then those on it, then those on these, each
    /// group sorted by name.
    #[must_use]
    pub fn variants(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.stacks.keys().map(String::as_str).collect();
        names.sort_by_key(|name| self.chain_of(name).len());
        names.insert(0, BASELINE);
        names
    }

    /// Returns the variants that are built and tested without being named.
    #[must_use]
    pub fn routine_variants(&self) -> Vec<&str> {
        let mut names = self.variants();
        let stack = |name: &str| self.stacks.get(name);
        names.retain(|name| stack(name).is_none_or(|it| !it.declared.by_name_only));
        names
    }

    /// Returns the variant that another one builds on; [`BASELINE`] builds on itself.
    ///
    /// # Errors
    /// [`Error::UnknownVariant`].
    pub fn below(&self, variant: &str) -> Result<&str> {
        let chain = self.chain(variant)?;
        let below = chain.iter().rev().nth(1);
        Ok(below.map_or(BASELINE, |stack| stack.name.as_str()))
    }

    /// Reads the patches of a variant: those of its stacks, the lowest stack first, in
    /// each by file name.
    ///
    /// # Errors
    /// [`Error::UnknownVariant`], [`Error::BadInput`] with the line of a patch that
    /// cannot be parsed.
    pub fn series(&self, variant: &str) -> Result<Series> {
        let chain = self.chain(variant)?;
        let files: Vec<_> = chain.iter().flat_map(|it| it.patches.clone()).collect();
        let mut series = Series::from_files(variant, &files)?;
        series.behaviours = behaviours_of(&chain);
        Ok(series)
    }

    /// Returns the stacks of a variant, the lowest first.
    pub(crate) fn chain(&self, variant: &str) -> Result<Vec<&Stack>> {
        if variant == BASELINE || self.stacks.contains_key(variant) {
            return Ok(self.chain_of(variant));
        }
        let describe = |name: &str| match self.stacks.get(name) {
            Some(stack) => format!("{name} ({})", stack.declared.summary),
            None => name.to_owned(),
        };
        let known: Vec<_> = self.variants().into_iter().map(describe).collect();
        Err(Error::UnknownVariant {
            variant: variant.to_owned(),
            kernel: self.kernel.clone(),
            known: known.join(", "),
        })
    }

    fn chain_of(&self, variant: &str) -> Vec<&Stack> {
        let first = self.stacks.get(variant);
        let below = |stack: &&Stack| self.stacks.get(stack.declared.on.as_deref()?);
        let mut chain: Vec<_> = successors(first, below).collect();
        chain.reverse();
        chain
    }
}

impl Stack {
    /// Reads a folder; `None` for what holds neither patches nor a stack.toml.
    fn load(folder: &Path) -> Result<Option<Self>> {
        let (file, patches) = (folder.join(FILE), patch_files(folder)?);
        let bad = |problem: String| Error::bad_input(&file, problem);
        if !file.is_file() {
            return match patches.as_slice() {
                [] => Ok(None),
                _ => Err(bad("is missing beside the patches".to_owned())),
            };
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        check_name(&name)?;
        if name == BASELINE {
            return Err(bad(format!("{BASELINE} is the kernel without patches")));
        }
        if patches.is_empty() {
            return Err(bad("there is no .patch file beside it".to_owned()));
        }
        let text = nmissed_host::read_to_string(&file)?;
        Ok(Some(Self {
            name: name.into_owned(),
            patches,
            declared: toml::from_str(&text).map_err(|error| bad(error.to_string()))?,
        }))
    }
}

/// Adds up what stacks declare; a higher stack overrides a lower one.
fn behaviours_of(chain: &[&Stack]) -> DeclaredBehaviours {
    let (mut adds, mut removes) = (BTreeSet::new(), BTreeSet::new());
    for stack in chain {
        let (more, less) = (&stack.declared.adds, &stack.declared.removes);
        adds.retain(|it| !less.contains(it));
        removes.retain(|it| !more.contains(it));
        adds.extend(more);
        removes.extend(less);
    }
    DeclaredBehaviours::Known { adds, removes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    const CHANGE: &str = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n";

    const COUNTERS: &str = "summary = \"counts\"\nadds = [\"counts-kprobe-recursion\"]\n";
    const ACTIVE: &str = "on = \"counters\"\nsummary = \"runs\"\n\
                          adds = [\"per-program-recursion\"]\nremoves = [\"yields-to-prog-active\"]\n";

    /// A folder of patches: a stack.toml each, and one patch.
    fn patches(stacks: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in stacks {
            let folder = dir.path().join("6.12").join(name);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(FILE), text).unwrap();
            fs::write(folder.join("0001-a.patch"), CHANGE).unwrap();
        }
        dir
    }

    fn load(dir: &tempfile::TempDir) -> Result<KernelStacks> {
        KernelStacks::load(dir.path(), "6.12")
    }

    #[test]
    fn variants_come_by_depth_then_by_name() {
        let dir = patches(&[("a", ACTIVE), ("counters", COUNTERS), ("b", ACTIVE)]);
        let stacks = load(&dir).unwrap();
        assert_eq!(stacks.variants(), ["baseline", "counters", "a", "b"]);
        assert_eq!(stacks.routine_variants(), stacks.variants());
    }

    #[test]
    fn a_variant_may_have_to_be_named() {
        let talk = "summary = \"s\"\nby-name-only = true\n";
        let dir = patches(&[("counters", COUNTERS), ("talk", talk)]);
        let stacks = load(&dir).unwrap();
        assert_eq!(stacks.variants(), ["baseline", "counters", "talk"]);
        assert_eq!(stacks.routine_variants(), ["baseline", "counters"]);
        assert!(stacks.series("talk").is_ok());
    }

    #[test_case("baseline", &[], "baseline", ""; "baseline")]
    #[test_case("counters", &["counters"], "baseline", "counts-kprobe-recursion"; "on the kernel")]
    #[test_case("active", &["counters", "active"], "counters",
        "counts-kprobe-recursion,per-program-recursion,-yields-to-prog-active"; "on a stack")]
    fn a_variant_has_the_patches_and_behaviours_of_its_stacks(
        variant: &str,
        folders: &[&str],
        below: &str,
        behaviours: &str,
    ) {
        let dir = patches(&[("counters", COUNTERS), ("active", ACTIVE)]);
        let stacks = load(&dir).unwrap();
        let series = stacks.series(variant).unwrap();
        let files = folders
            .iter()
            .map(|it| dir.path().join("6.12").join(it).join("0001-a.patch"));
        assert!(series.files().eq(files), "{series:?}");
        assert_eq!(stacks.below(variant).unwrap(), below);
        assert_eq!(series.behaviours().to_string(), behaviours);
    }

    #[test]
    fn a_higher_stack_overrides_a_lower_one() {
        let back = "on = \"active\"\nsummary = \"s\"\n\
                    adds = [\"yields-to-prog-active\"]\nremoves = [\"counts-kprobe-recursion\"]\n";
        let dir = patches(&[("counters", COUNTERS), ("active", ACTIVE), ("back", back)]);
        let series = load(&dir).unwrap().series("back").unwrap();
        let expected = "per-program-recursion,yields-to-prog-active,-counts-kprobe-recursion";
        assert_eq!(series.behaviours().to_string(), expected);
    }

    #[test]
    fn a_part_of_a_series_declares_nothing() {
        let dir = patches(&[("counters", COUNTERS)]);
        let series = load(&dir).unwrap().series("counters").unwrap();
        let first = series.first(1, "counters-01").unwrap();
        assert_eq!(first.behaviours().to_string(), "?");
    }

    #[test]
    fn a_kernel_without_a_folder_has_one_variant() {
        let dir = tempfile::tempdir().unwrap();
        let stacks = load(&dir).unwrap();
        assert_eq!(stacks.variants(), [BASELINE]);
        let error = stacks.series("active").unwrap_err();
        assert!(error.is_usage());
        let text = "kernel 6.12 has no variant \"active\"; there are baseline";
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn an_unknown_variant_comes_with_those_that_exist() {
        let dir = patches(&[("counters", COUNTERS), ("active", ACTIVE)]);
        let error = load(&dir).unwrap().series("actve").unwrap_err();
        let text = "kernel 6.12 has no variant \"actve\"; \
                    there are baseline, counters (counts), active (runs)";
        assert_eq!(error.to_string(), text);
    }

    #[test_case("summary = \"s\"\nads = []\n", "counters/stack.toml: TOML parse error at line 2"; "unknown field")]
    #[test_case("adds = []\n", "missing field `summary`"; "no summary")]
    #[test_case("summary = \"s\"\nadds = [\"flies\"]\n", "at line 2, column 8\n"; "unknown behaviour")]
    #[test_case("summary = \"s\"\nadds = [\"flies\"]\n", "unknown behaviour \"flies\""; "unknown behaviour is named")]
    #[test_case("on = \"counters\"\nsummary = \"s\"\n", "counters/stack.toml: on = \"counters\": the stack builds on itself"; "on itself")]
    #[test_case("on = \"active\"\nsummary = \"s\"\n", "the stack builds on itself"; "in a circle")]
    #[test_case("on = \"none\"\nsummary = \"s\"\n", "counters/stack.toml: on = \"none\" is not a stack of 6.12"; "on a missing stack")]
    fn a_mistake_is_one_clear_error(text: &str, expected: &str) {
        let dir = patches(&[("counters", text), ("active", ACTIVE)]);
        let error = load(&dir).unwrap_err();
        assert!(error.is_usage());
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test_case("0001-a.patch", "counters/stack.toml: there is no .patch file beside it"; "no patches")]
    #[test_case(FILE, "counters/stack.toml: is missing beside the patches"; "no stack.toml")]
    fn a_stack_is_a_file_and_patches(missing: &str, expected: &str) {
        let dir = patches(&[("counters", COUNTERS)]);
        fs::remove_file(dir.path().join("6.12/counters").join(missing)).unwrap();
        let error = load(&dir).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn no_stack_is_called_baseline() {
        let error = load(&patches(&[(BASELINE, COUNTERS)])).unwrap_err();
        assert!(error.to_string().contains("without patches"), "{error}");
    }
}
