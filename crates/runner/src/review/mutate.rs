// SPDX-License-Identifier: GPL-2.0-only
//! Drops one hunk after the other, and says whether a test fails without it.

use std::path::PathBuf;

use anyhow::{Error, Result, bail};
use nmissed_evidence::{DroppedHunk, Noticed, Run, dropped_hunks, notice};
use nmissed_host::Host;
use nmissed_kbuild::{
    Attempt, Attempts, BuildRequest, Error as KbuildError, Mutant, Pointless, Series, Uncovered,
    fetch, headline,
};
use regex::Regex;

use crate::boot::session::BootSettings;
use crate::exit::Exit;
use crate::plan::kernels::KernelPlan;
use crate::print::print;
use crate::review::evidence::{below, test_request};
use crate::test::session::TestSession;
use crate::test::view::style;
use crate::workspace::Workspace;

/// Drops each hunk of the files whose path matches, builds and boots what is
/// left, and prints what fails.
///
/// # Errors
/// If the host cannot do it; what was found before is printed.
pub fn mutate(
    workspace: &Workspace,
    plans: &[KernelPlan],
    file: Option<&Regex>,
    settings: &BootSettings,
) -> Result<Exit> {
    let request = test_request(workspace, settings)?;
    let session = TestSession::start(workspace, &request)?;
    let mut hunks = Vec::new();
    let mut drop_all = || {
        for plan in plans {
            for series in &plan.series {
                let below = below(workspace, plan, series)?.len();
                let mut mutants = series.mutants(below);
                let uncovered = Uncovered::load(&stack(workspace, plan, series))?;
                uncovered.check(&mutants)?;
                mutants.retain(|it| file.is_none_or(|re| re.is_match(&it.file)));
                let dropping = Dropping {
                    session: &session,
                    plan,
                    series,
                    below,
                    uncovered,
                };
                hunks.extend(dropping.all(&mutants)?);
            }
        }
        Ok(())
    };
    let outcome = drop_all();
    session.boots.say_where();
    outcome.map(|()| exit(&hunks))
}

fn exit(hunks: &[DroppedHunk]) -> Exit {
    let any = |is_it: fn(&Noticed) -> bool| hunks.iter().any(|hunk| is_it(&hunk.noticed));
    if any(|noticed| matches!(noticed, Noticed::Unnoticed | Noticed::Unexpected(_))) {
        Exit::Failed
    } else if any(|noticed| matches!(noticed, Noticed::Unknown(_))) {
        Exit::Host
    } else {
        Exit::Good
    }
}

struct Dropping<'a, 'b> {
    session: &'a TestSession<'b>,
    plan: &'a KernelPlan,
    series: &'a Series,
    /// How many of its patches are not its own.
    below: usize,
    uncovered: Uncovered,
}

/// The folder of a series' own patches.
fn stack(workspace: &Workspace, plan: &KernelPlan, series: &Series) -> PathBuf {
    let of_kernel = workspace.patches().join(&plan.spec.patches);
    of_kernel.join(series.name())
}

impl Dropping<'_, '_> {
    /// Drops each hunk, and prints the results so far even if that ends early.
    fn all(&self, mutants: &[Mutant]) -> Result<Vec<DroppedHunk>> {
        let mut hunks = Vec::new();
        let outcome = self.drop_each(mutants, &mut hunks);
        let title = format!(
            "Kernel {}, {} without one hunk",
            self.plan.spec.id,
            self.series.name()
        );
        print(&format!("{title}\n\n{}", dropped_hunks(&hunks, style())))?;
        outcome.map(|()| hunks)
    }

    fn drop_each(&self, mutants: &[Mutant], hunks: &mut Vec<DroppedHunk>) -> Result<()> {
        let whole = self.whole()?;
        let host = Host::open()?;
        let (spec, config) = (&self.plan.spec, &self.plan.config);
        let tree = fetch(spec, &host)?;
        let request = BuildRequest {
            spec,
            tree: &tree,
            series: self.series,
            config,
            jobs: None,
        };
        let mut attempts = Attempts::start(request, self.below, &host)?;
        for (index, mutant) in mutants.iter().enumerate() {
            let hunk = format!("{} #{} (line {})", mutant.file, mutant.number, mutant.line);
            let place = format!(
                "hunk {} of {}: {}: {hunk}",
                index + 1,
                mutants.len(),
                mutant.patch
            );
            self.session.boots.host.progress.say(&place);
            let label = format!("{}-without-{:03}", self.series.name(), index + 1);
            let noticed = self.without(mutant, &mut attempts, &label, &whole)?;
            let why = self.uncovered.why(mutant);
            hunks.push(DroppedHunk {
                patch: mutant.patch.clone(),
                hunk,
                noticed: match why {
                    Some(why) => noticed.where_uncovered(why),
                    None => noticed,
                },
            });
        }
        Ok(())
    }

    /// Runs the tests with all hunks: they must pass, or nothing follows from a
    /// failure without one.
    fn whole(&self) -> Result<Run> {
        let (plan, series) = (self.plan, self.series);
        let built = self.session.build(plan, series)?;
        let run = self
            .session
            .test_built(plan, series, &built, series.name())?;
        self.session.boots.output.keep(run.clone())?;
        if !run.is_good() {
            bail!(
                "kernel {} {} is not good with all of its hunks: see `cargo xtask vm test`",
                plan.spec.id,
                series.name()
            );
        }
        Ok(run)
    }

    /// Builds and boots only if the objects that the hunk changes compile, and differ.
    fn without(
        &self,
        mutant: &Mutant,
        attempts: &mut Attempts<'_>,
        label: &str,
        whole: &Run,
    ) -> Result<Noticed> {
        if let Some(why) = &mutant.pointless {
            return Ok(Noticed::Pointless(why.to_string()));
        }
        match attempts.attempt(mutant)? {
            Attempt::Fails(error) => return Ok(Noticed::ByCompiler(error)),
            Attempt::NeededBy(patch) => return Ok(Noticed::ByPatch(patch)),
            Attempt::Same => return Ok(Noticed::Pointless(Pointless::SameCode.to_string())),
            Attempt::Differ => (),
        }
        let built = match self.session.build(self.plan, &mutant.series) {
            Ok(built) => built,
            Err(error) => return by_the_build(error),
        };
        let run = self
            .session
            .test_built(self.plan, &mutant.series, &built, label);
        built.discard()?;
        let run = run?;
        let noticed = notice(whole, &run);
        self.session.boots.output.keep(run)?;
        Ok(noticed)
    }
}

/// A kernel that does not build shows that the hunk matters; a host that cannot
/// build shows nothing.
fn by_the_build(error: Error) -> Result<Noticed> {
    match error.downcast_ref() {
        Some(KbuildError::Build { errors, .. }) => {
            Ok(Noticed::ByCompiler(headline(errors).to_owned()))
        }
        _ => Err(error),
    }
}
