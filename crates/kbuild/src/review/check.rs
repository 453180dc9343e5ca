// SPDX-License-Identifier: GPL-2.0-only
//! Checks of a series: checkpatch.pl, and unusual ways to compile it.

use std::collections::BTreeSet;
use std::path::Path;

use nmissed_host::Host;
use nmissed_wire::text::plural;

use crate::build::{KernelConfig, WorkTree, action};
use crate::patch::{Content, Overlay, Part, Patch, Series};
use crate::review::checkpatch::checkpatch;
use crate::review::objects::{Compiled, Compiler, Profile, objects};
use crate::review::options::{DisabledOption, concerned, rules};
use crate::review::warnings::new_ones;
use crate::source::{KernelSpec, SourceTree};
use crate::{Error, Result};

/// A series to check.
#[derive(Clone, Copy, Debug)]
pub struct CheckRequest<'a> {
    /// Entry of kernels.toml.
    pub spec: &'a KernelSpec,
    /// Unpacked source.
    pub tree: &'a SourceTree,
    /// Patches of the variant.
    pub series: &'a Series,
    /// How many of them are those of the stacks below, which are not checked.
    pub below: usize,
    /// Kconfig options of the kernel.
    pub config: &'a KernelConfig,
}

/// Result of one check.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CheckResult {
    /// Name of the check: `checkpatch`, `W=1`...
    pub check: String,
    /// What was checked: `3 patches`.
    pub scope: String,
    /// What was not checked, and why.
    pub notes: Vec<String>,
    /// Complaints about the patches.
    pub complaints: Vec<String>,
    /// Why this kernel cannot be checked in this way, with or without the patches.
    pub impossible: Option<String>,
}

/// Applies the patches, runs checkpatch.pl, and compiles what they touch in unusual ways;
/// calls `on_result` after each check. A complaint is one that the source without these
/// patches does not have.
///
/// # Errors
/// [`Error::Host`], [`Error::DiskFull`], [`Error::Build`] if make cannot configure.
pub fn check(
    request: &CheckRequest<'_>,
    host: &Host,
    on_result: &mut dyn FnMut(&CheckResult),
) -> Result<()> {
    let CheckRequest { series, below, .. } = *request;
    let own = &series.patches[below..];
    let patched = match series.apply(request.tree, host) {
        Err(Error::Patch(failure)) => {
            on_result(&CheckResult::of("applies", own, vec![failure.to_string()]));
            return Ok(());
        }
        applied => applied?,
    };
    on_result(&CheckResult::of("applies", own, Vec::new()));
    on_result(&style(own, request.tree)?);
    let base = series.first(below, series.name())?;
    let states = States {
        base: base.apply(request.tree, host)?,
        patched,
    };
    let mut checker = Checker {
        request,
        work: WorkTree::open_for_checks(request.spec, request.tree, host)?,
        states: &states,
        host,
    };
    checker.compile_all(own, on_result)
}

fn style(own: &[Patch], tree: &SourceTree) -> Result<CheckResult> {
    let mut complaints = Vec::new();
    for patch in own {
        let name = patch.file_name();
        let found = checkpatch(patch, tree)?.into_iter();
        complaints.extend(found.map(|text| format!("{name}: {text}")));
    }
    Ok(CheckResult::of("checkpatch", own, complaints))
}

impl CheckResult {
    fn of(check: &str, own: &[Patch], complaints: Vec<String>) -> Self {
        Self {
            check: check.to_owned(),
            scope: plural(own.len(), "patch"),
            notes: Vec::new(),
            complaints,
            impossible: None,
        }
    }
}

/// The tree without and with the patches that are checked.
struct States {
    base: Overlay,
    patched: Overlay,
}

struct Checker<'a> {
    request: &'a CheckRequest<'a>,
    work: WorkTree,
    states: &'a States,
    host: &'a Host,
}

impl Checker<'_> {
    fn compile_all(
        &mut self,
        own: &[Patch],
        on_result: &mut dyn FnMut(&CheckResult),
    ) -> Result<()> {
        let touched: BTreeSet<_> = own.iter().flat_map(|patch| &patch.touched).collect();
        let objects = objects(touched.iter().map(|name| name.as_str()));
        for profile in self.profiles(&touched, &objects)? {
            if objects.is_empty() {
                break;
            }
            let (id, variant) = (&self.request.spec.id, self.request.series.name());
            let step = format!("checking {id} {variant}: {}", profile.name);
            self.host.begin(&step);
            let checked = self.check_profile(&profile, &objects)?;
            self.host.end(&step);
            on_result(&checked);
        }
        let left_out = left_out(touched.iter().map(|name| name.as_str()));
        left_out.iter().for_each(on_result);
        Ok(())
    }

    fn profiles(&self, touched: &BTreeSet<&String>, objects: &[String]) -> Result<Vec<Profile>> {
        let mut texts = Vec::new();
        for name in touched.iter().filter(|name| Part::of(name).is_none()) {
            texts.push(self.text(name)?);
        }
        for object in objects {
            let path = Path::new(object);
            let makefile = path.with_file_name("Makefile");
            let makefile = self.text(&makefile.to_string_lossy())?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            texts.extend(rules(&makefile, &name).map(str::to_owned));
        }
        let mut profiles = fixed_profiles();
        let offs = concerned(texts.iter().map(String::as_str));
        profiles.extend(offs.into_iter().map(without_option));
        Ok(profiles)
    }

    /// A file as the patches leave it; nothing if there is none.
    fn text(&self, name: &str) -> Result<String> {
        let content = match self.states.patched.get(name) {
            Some(content) => content.clone(),
            None => Content::read(&self.request.tree.dir.join(name))?,
        };
        let bytes = content.map(|content| content.bytes).unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Compiles with the patches; if anything shows, also without them, to compare.
    fn check_profile(&mut self, profile: &Profile, objects: &[String]) -> Result<CheckResult> {
        let States { base, patched } = self.states;
        let mut after = self.compile(profile, patched, objects)?;
        let mut before = Compiled::default();
        let mut absent = Vec::new();
        if !after.is_clean() || after.stays_on.is_some() {
            before = self.compile(profile, base, objects)?;
            // A new file cannot have failed before.
            let failed_before =
                |object: &&String| before.failed.contains(object) && self.is_old(object);
            absent = after.failed.iter().filter(failed_before).cloned().collect();
        }
        if !absent.is_empty() {
            let present = objects.iter().filter(|it| !absent.contains(it));
            let present: Vec<_> = present.cloned().collect();
            after = self.compile(profile, patched, &present)?;
        }
        let not_here = |object| format!("{object} is no part of this configuration");
        Ok(CheckResult {
            check: profile.name.clone(),
            scope: plural(objects.len() - absent.len(), "object"),
            notes: absent.iter().map(not_here).collect(),
            complaints: complaints(&before, &after),
            impossible: before
                .stays_on
                .map(|it| format!("{it} cannot be off: it has no prompt, or is selected")),
        })
    }

    /// Whether the source of an object exists without the patches.
    fn is_old(&self, object: &str) -> bool {
        let source = Path::new(object).with_extension("c");
        let name = source.to_string_lossy();
        match self.states.base.get(&*name) {
            Some(content) => content.is_some(),
            None => self.request.tree.dir.join(&source).is_file(),
        }
    }

    fn compile(
        &mut self,
        profile: &Profile,
        overlay: &Overlay,
        objects: &[String],
    ) -> Result<Compiled> {
        self.work.switch(overlay)?;
        let (config, progress) = (self.request.config, &self.host.progress);
        self.work.making(|work| {
            Compiler::new(work, profile, config)?.compile(objects, |line| {
                if let Some((verb, target)) = action(line) {
                    progress.at(0, &format!("{verb} {target}"));
                }
            })
        })
    }
}

/// Returns what is wrong after a series, and was not before.
fn complaints(before: &Compiled, after: &Compiled) -> Vec<String> {
    let mut complaints: Vec<_> = after.void.iter().cloned().collect();
    if let (None, Some(option)) = (before.stays_on, after.stays_on) {
        complaints.push(format!(
            "{option} stays on: an option that these patches change selects it"
        ));
    }
    let failed = |object| format!("{object} does not compile");
    complaints.extend(after.failed.iter().map(failed));
    let new = new_ones(&before.warnings, &after.warnings);
    complaints.extend(new.iter().map(ToString::to_string));
    complaints.dedup();
    complaints
}

/// 7.3 uses a keyword that sparse 0.6.4 does not know, so that scripts/checker-valid.sh
/// skips sparse. `__typeof__` differs from it only in that it keeps qualifiers.
const SPARSE: &[&str] = &["C=1", "CF=-D__typeof_unqual__=__typeof__"];

fn fixed_profiles() -> Vec<Profile> {
    let profile = |name: &str, folder, variables| Profile {
        name: name.to_owned(),
        folder,
        variables,
        off: None,
    };
    vec![
        profile("W=1", "x86_64", &["W=1"]),
        profile("sparse", "x86_64", SPARSE),
        profile("32-bit x86", "i386", &["ARCH=i386"]),
    ]
}

fn without_option(off: DisabledOption) -> Profile {
    Profile {
        name: format!("no {}", off.option),
        folder: "x86_64",
        variables: &[],
        off: Some(off),
    }
}

/// Returns the files that are not compiled here.
fn left_out<'a>(touched: impl Iterator<Item = &'a str>) -> Option<CheckResult> {
    let note = |name: &'a str| Some(format!("{name} ({})", Part::of(name)?));
    let notes: Vec<_> = touched.filter_map(note).collect();
    (!notes.is_empty()).then(|| CheckResult {
        check: "not compiled".to_owned(),
        scope: plural(notes.len(), "file"),
        notes,
        complaints: Vec::new(),
        impossible: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_come_from_files_of_this_kernel() {
        let touched = [
            "arch/s390/kernel/ftrace.c",
            "include/linux/fprobe.h",
            "kernel/trace/fprobe.c",
            "tools/bpf/bpftool/link.c",
        ];
        assert_eq!(objects(touched.into_iter()), ["kernel/trace/fprobe.o"]);
        let left = left_out(touched.into_iter()).unwrap();
        assert_eq!(
            left.notes,
            [
                "arch/s390/kernel/ftrace.c (architecture s390)",
                "tools/bpf/bpftool/link.c (tools/)"
            ]
        );
    }
}
