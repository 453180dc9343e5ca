// SPDX-License-Identifier: GPL-2.0-only
//! From kernels to a table of what their probes lost.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nmissed_evidence::{Results, Run};
use nmissed_host::{Host, check_interrupt};
use nmissed_kbuild::{BuiltKernel, DeclaredBehaviours, Series, Source, check_applies, fetch};
use nmissed_vm::Guest;
use nmissed_wire::{MODULE, Message, PROBE_PLAN, PlannedTest};
use regex::Regex;

use crate::boot::boots::{Booted, boot_all};
use crate::boot::guest;
use crate::boot::session::{BootJob, BootSession, BootSettings};
use crate::exit::{Exit, UsageError};
use crate::plan::bootable::Bootable;
use crate::plan::build::{build_one, missing};
use crate::plan::kernels::KernelPlan;
use crate::plan::targets::Targets;
use crate::print::print;
use crate::test::due::Due;
use crate::test::expectation::{Expectation, judge};
use crate::test::kind::TestKind;
use crate::test::lanes::in_lanes;
use crate::test::probes::probe_plan;
use crate::test::suite::Suite;
use crate::test::view::View;
use crate::workspace::Workspace;

/// What a test session runs and shows.
#[derive(Clone, Debug, Default)]
pub struct TestRequest {
    /// How to boot, and where the evidence goes.
    pub boot: BootSettings,
    /// Only tests whose name, `FAMILY::TEST`, matches.
    pub filter: Option<Regex>,
    /// Which tests run.
    pub kind: TestKind,
    /// So many times in one boot, and once more after another.
    pub repeat: Option<u32>,
    /// So many of the slowest tests are listed.
    pub slowest: Option<usize>,
    /// How many kernels are booted at once; as many as the host has processors and memory
    /// for if `None`.
    pub lanes: Option<usize>,
    /// How the results are shown.
    pub view: View,
    /// If there are any, they alone decide the exit status.
    pub expect: Vec<Expectation>,
}

/// Builds and boots each kernel, runs the tests, and prints how they compare: of each kernel
/// as soon as all of its runs have ended, on standard output. What a run showed before that
/// is progress.
///
/// # Errors
/// If the host cannot do it; what was seen before is printed and kept.
pub fn test(workspace: &Workspace, targets: &Targets, request: &TestRequest) -> Result<Exit> {
    let session = TestSession::start(workspace, request)?;
    let outcome = session.test_all(targets);
    // What was seen before something went wrong is evidence all the same.
    let shown = session.show_rest();
    outcome?;
    let results = session.boots.output.results();
    let (exit, text) = if request.expect.is_empty() {
        let undeclared = undeclared(targets, &results);
        match verdict(&results) {
            Exit::Good if !undeclared.is_empty() => (Exit::Failed, undeclared),
            exit => (exit, undeclared),
        }
    } else {
        let (exit, lines) = judge(&request.expect, &results.runs);
        (exit, lines.join("\n") + "\n")
    };
    let printed = shown.and_then(|()| print(&text));
    // A verdict that cannot be printed is one all the same, but no good one.
    match exit {
        Exit::Good => printed.map(|()| exit),
        exit => Ok(exit),
    }
}

/// Returns the exit status of runs: also a report that only a patched kernel makes fails.
pub(crate) fn verdict(results: &Results) -> Exit {
    match Exit::of(&results.runs) {
        Exit::Good if results.has_new_reports() => Exit::Failed,
        exit => exit,
    }
}

/// Returns how an author's tree differs from its baseline, if they declared no behaviour.
fn undeclared(targets: &Targets, results: &Results) -> String {
    let is_undeclared = |plan: &&KernelPlan| {
        let mut series = plan.series.iter().map(Series::behaviours);
        matches!(plan.spec.source, Source::Own(_))
            && series.any(|it| *it == DeclaredBehaviours::Unknown)
    };
    let Some(plan) = targets.to_build.iter().find(is_undeclared) else {
        return String::new();
    };
    let changed = results.changed_scenarios(&plan.spec.id);
    if changed.is_empty() {
        return String::new();
    }
    let names: String = changed.iter().map(|name| format!("\n  {name}")).collect();
    format!(
        "differs from the baseline {}:{names}\nDeclare the behaviours that your changes \
         add or remove (--behaviour), and these are judged.\n",
        plan.spec.id
    )
}

/// Builds and boots kernels, and keeps the runs.
pub(crate) struct TestSession<'a> {
    workspace: &'a Workspace,
    request: &'a TestRequest,
    pub(crate) boots: BootSession,
    due: Due,
}

impl<'a> TestSession<'a> {
    pub(crate) fn start(workspace: &'a Workspace, request: &'a TestRequest) -> Result<Self> {
        Ok(Self {
            workspace,
            request,
            boots: BootSession::start(workspace, &request.boot)?,
            due: Due::default(),
        })
    }

    /// Builds one kernel after another, and boots as many at once as there are lanes.
    fn test_all(&self, targets: &Targets) -> Result<()> {
        self.check(targets)?;
        let lanes = self.request.lanes.unwrap_or_else(|| self.boots.lanes());
        let mut places = 0..;
        let mut place = || places.next().unwrap_or_default();
        in_lanes(lanes, |lanes| {
            for plan in &targets.to_build {
                self.due.add(&plan.spec.id, plan.series.len());
                for series in &plan.series {
                    lanes.wait_for_one()?;
                    let built = self.build(plan, series)?;
                    let guest = self.guest(Some(&built.uapi_dir))?;
                    let (place, kernel) = (place(), Bootable::built(&plan.spec, series, &built));
                    lanes.start(move || self.boot_and_keep(place, &kernel, &guest));
                    check_interrupt()?;
                }
            }
            let prebuilt = targets.prebuilt(&self.boots.host)?;
            prebuilt.iter().for_each(|it| self.due.add(&it.id, 1));
            for kernel in prebuilt {
                lanes.wait_for_one()?;
                let (place, guest) = (place(), self.guest(None)?);
                lanes.start(move || self.boot_and_keep(place, &kernel, &guest));
                check_interrupt()?;
            }
            Ok(())
        })
    }

    /// Finds what is wrong with a filter or a patch before a kernel is built or booted.
    fn check(&self, targets: &Targets) -> Result<()> {
        let host = &self.boots.host;
        let mut is_late = !targets.prebuilt.is_empty();
        for plan in &targets.to_build {
            let missing = missing(plan, host)?;
            is_late |= !missing.is_empty();
            for series in missing.into_iter().filter(|series| !series.is_empty()) {
                check_applies(series, &fetch(&plan.spec, host)?, host)?;
            }
        }
        if self.request.filter.is_some() && is_late {
            self.tests(&self.guest(None)?)?;
        }
        Ok(())
    }

    fn boot_and_keep(&self, place: usize, kernel: &Bootable, guest: &Guest) -> Result<()> {
        let run = self.boot(kernel, guest)?;
        self.boots.output.keep_at(place, run)?;
        let is_last = self.due.end(&kernel.id);
        self.show(&kernel.id, is_last)?;
        Ok(check_interrupt()?)
    }

    /// Builds the guest's programs; the headers of a kernel that was not built here are not
    /// at hand, and the tests speak libbpf's.
    fn guest(&self, uapi: Option<&Path>) -> Result<Guest> {
        guest::build(self.workspace, uapi, &self.boots.host)
    }

    pub(crate) fn build(&self, plan: &KernelPlan, series: &Series) -> Result<BuiltKernel> {
        build_one(plan, series, &self.boots.host)
    }

    /// Boots a kernel that was built here and runs the tests. Its evidence is kept
    /// under a label, which may differ from the variant's name.
    pub(crate) fn test_built(
        &self,
        plan: &KernelPlan,
        series: &Series,
        built: &BuiltKernel,
        label: &str,
    ) -> Result<Run> {
        let guest = self.guest(Some(&built.uapi_dir))?;
        let kernel = Bootable::built(&plan.spec, series, built).labelled(label);
        let run = self.boot(&kernel, &guest)?;
        check_interrupt()?;
        Ok(Run {
            variant: label.to_owned(),
            ..run
        })
    }

    /// Boots, and runs the tests as often as requested. Repeated in one boot they
    /// show what earlier ones leave behind in the kernel, and after another boot
    /// what differs between boots.
    pub(crate) fn boot(&self, kernel: &Bootable, guest: &Guest) -> Result<Run> {
        let tests = self.tests(guest)?;
        let Some(times) = self.request.repeat else {
            return self.run_suite(kernel, guest, &tests, 1);
        };
        let run = self.run_suite(kernel, guest, &tests, times)?;
        if !run.machine.is_good() {
            return Ok(run);
        }
        let again = format!("{}-again", kernel.label);
        let again = kernel.clone().labelled(&again);
        Ok(run.and_boot(self.run_suite(&again, guest, &tests, 1)?))
    }

    /// Runs tests so often, in as many boots as it takes.
    fn run_suite(
        &self,
        kernel: &Bootable,
        guest: &Guest,
        tests: &[PlannedTest],
        times: u32,
    ) -> Result<Run> {
        let mut suite = Suite::new(tests, times);
        let mut files = vec![(PROBE_PLAN, probe_plan(&kernel.vmlinux)?)];
        if let Some(module) = &kernel.module {
            let bytes = fs::read(module);
            let bytes = bytes.with_context(|| format!("cannot read {}", module.display()))?;
            files.push((MODULE, bytes));
        }
        let mut deadlines = self.boots.deadlines();
        deadlines.total *= times;
        let run = boot_all(kernel, |kernel| {
            let (plan, append) = (suite.left(), suite.parameter());
            let job = BootJob {
                guest,
                plan: &plan,
                deadlines,
                append: &append,
                files: &files,
            };
            let booted = self.boot_once(kernel, &job, &mut suite)?;
            let is_left = suite.close_boot(&booted);
            Ok((booted, is_left))
        })?;
        let run = suite.finish(run);
        // How long a part of the tests took says nothing about all of them.
        if run.is_good()
            && self.request.filter.is_none()
            && self.request.kind == TestKind::Judged
            && times == 1
        {
            let took = Duration::from_secs_f64(run.total_s);
            self.boots.host.cache.remember_time(&step(kernel), took);
        }
        Ok(run)
    }

    fn boot_once(&self, kernel: &Bootable, job: &BootJob<'_>, suite: &mut Suite) -> Result<Booted> {
        let Host { cache, progress } = &self.boots.host;
        let what = step(kernel);
        progress.begin(&what, Some(job.plan.len() as u64), cache.last_time(&what));
        let booted = self.boots.boot(kernel, job, &mut |message| {
            suite.take(message);
            if let Message::Start { name } | Message::End { name, .. } = message {
                progress.at(suite.ended(), name);
            }
        })?;
        progress.end(&summary(&booted.run));
        Ok(booted)
    }

    fn tests(&self, guest: &Guest) -> Result<Vec<PlannedTest>> {
        let filter = self.request.filter.as_ref();
        let keep = |name: &str| {
            TestKind::of(name) == self.request.kind && filter.is_none_or(|it| it.is_match(name))
        };
        let deadline = self.boots.deadlines().test;
        let tests = nmissed_vm::plan(&guest.tests, keep, deadline)?;
        match (tests.is_empty(), filter) {
            (true, None) => bail!("there are no tests"),
            (true, Some(filter)) => Err(UsageError(format!(
                "no test matches --filter {filter}; the families are {}",
                families(guest)
            ))
            .into()),
            _ => Ok(tests),
        }
    }

    /// Shows the runs of a kernel: its result, or on the way to it.
    fn show(&self, kernel: &str, is_result: bool) -> Result<()> {
        let mut results = self.boots.output.results();
        results.runs.retain(|run| run.kernel == kernel);
        let text = format!("\n{}", self.request.view.text(&results));
        let progress = &self.boots.host.progress;
        if !is_result {
            progress.say(&text);
            return Ok(());
        }
        let mut printed = Ok(());
        progress.aside(&mut || printed = print(&text));
        printed
    }

    /// Shows the kernels of which a run is missing, and what all of them have in common.
    fn show_rest(&self) -> Result<()> {
        let results = self.boots.output.results();
        for kernel in self.due.kernels() {
            if results.runs.iter().any(|run| run.kernel == kernel) {
                self.show(&kernel, true)?;
            }
        }
        if let Some(count) = self.request.slowest.filter(|_| !results.runs.is_empty()) {
            print(&results.slowest_to_text(count))?;
        }
        self.boots.say_where();
        Ok(())
    }
}

/// A boot's name, on the screen and in the cache of times.
fn step(kernel: &Bootable) -> String {
    format!("boot {} {}", kernel.id, kernel.label)
}

/// The test programs: one per family.
fn families(guest: &Guest) -> String {
    let names = guest.tests.iter().map(|(name, _)| name.as_str());
    names.collect::<Vec<_>>().join(", ")
}

fn summary(run: &Run) -> String {
    let tests = run.all_tests();
    let good = tests.clone().filter(|test| test.outcome.is_good()).count();
    let (kernel, variant, all) = (&run.kernel, &run.variant, tests.count());
    format!(
        "{kernel} {variant}: {good} of {all} tests good, {:.1} s",
        run.total_s
    )
}
