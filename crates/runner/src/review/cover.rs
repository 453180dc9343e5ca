// SPDX-License-Identifier: GPL-2.0-only
//! The cover letter of a series, with the table of the last evidence.

use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use nmissed_evidence::{Results, Run, Style};
use nmissed_host::{Host, read_to_string};
use nmissed_kbuild::{Cover, fetch};

use crate::exit::UsageError;
use crate::plan::kernels::KernelPlan;
use crate::review::evidence::below;
use crate::test::view::LETTER_WIDTH;
use crate::workspace::Workspace;

/// Prints the letter of each series.
///
/// # Errors
/// If `vm test` has not compared it yet, or the host cannot do it.
pub fn cover(workspace: &Workspace, plans: &[KernelPlan]) -> Result<()> {
    let host = Host::open()?;
    for plan in plans {
        for series in &plan.series {
            let below = below(workspace, plan, series)?;
            let tested = Tested {
                kernel: &plan.spec.id,
                variants: [below.name(), series.name()],
            };
            let (file, results) = tested.last_evidence(workspace)?;
            host.progress.say(&format!("evidence: {}", file.display()));
            if series.files().any(|patch| changed(patch) > changed(&file)) {
                host.progress
                    .say("warning: a patch has changed since; run the tests again");
            }
            let style = Style {
                width: LETTER_WIDTH,
                colour: false,
            };
            let cover = Cover {
                tree: &fetch(&plan.spec, &host)?,
                series,
                below: below.len(),
                evidence: &results.to_text(style),
                command: &tested.command(),
            };
            let letter = cover.letter(&host)?;
            write!(stdout(), "{letter}").context("cannot print the letter")?;
        }
    }
    Ok(())
}

/// The two variants that a letter compares.
struct Tested<'a> {
    kernel: &'a str,
    /// Without the series and with it.
    variants: [&'a str; 2],
}

impl Tested<'_> {
    fn command(&self) -> String {
        let [below, variant] = self.variants;
        let kernel = self.kernel;
        format!("cargo xtask vm test --kernel {kernel} --variant {below} --variant {variant}")
    }

    /// Returns the newest results of `vm test` that have both variants.
    fn last_evidence(&self, workspace: &Workspace) -> Result<(PathBuf, Results)> {
        let dir = workspace.target().join("vm");
        let runs = fs::read_dir(&dir).into_iter().flatten().flatten();
        let mut files: Vec<_> = runs.map(|run| run.path().join("results.json")).collect();
        files.retain(|file| file.is_file());
        files.sort_by_key(|file| std::cmp::Reverse(changed(file)));
        for file in files {
            let results = Results::from_json(&read_to_string(&file)?)
                .with_context(|| format!("cannot understand {}", file.display()))?;
            if let Some(results) = self.of(results) {
                return Ok((file, results));
            }
        }
        let (command, dir) = (self.command(), dir.display());
        Err(UsageError(format!("there is no evidence in {dir}: run `{command}`")).into())
    }

    /// Returns the runs of the two variants.
    fn of(&self, results: Results) -> Option<Results> {
        let find = |variant: &str| {
            let is_it = |run: &&Run| run.kernel == self.kernel && run.variant == variant;
            results.runs.iter().find(is_it).cloned()
        };
        let runs = self.variants.map(find).into_iter().collect::<Option<_>>()?;
        Some(Results { runs })
    }
}

fn changed(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|data| data.modified()).ok()
}
