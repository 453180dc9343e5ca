// SPDX-License-Identifier: GPL-2.0-only
//! Boots kernels, has the prober attach, and compares with their images.

use std::time::Duration;

use anyhow::{Context, Result};
use nmissed_evidence::Run;
use nmissed_host::{Host, check_interrupt, write_atomic};
use nmissed_kimage::open;
use nmissed_vm::{Deadlines, Guest};
use nmissed_wire::{AttachMethod, PlannedTest, ProbeBatch, QUESTIONS};

use crate::boot::boots::{Booted, boot_all};
use crate::boot::guest;
use crate::boot::session::{BootJob, BootSession, BootSettings};
use crate::exit::Exit;
use crate::plan::bootable::Bootable;
use crate::plan::build::build_one;
use crate::plan::targets::Targets;
use crate::print::print;
use crate::verify::judge::judge;
use crate::verify::questions::Questions;
use crate::verify::render::{render, render_unasked};
use crate::verify::replies::{LISTS, Replies, died_at, drop_culprit, questions};
use crate::verify::report::VerifyReport;
use crate::verify::sample::Extent;
use crate::workspace::Workspace;

/// Addresses are those of the image, and a detached probe is freed soon.
/// A kernel with threaded interrupts, as before 6.6 with PREEMPT_RT, takes those of a
/// UART that sends long lists for spurious, and would turn them off.
const APPEND: &str = "nokaslr rcupdate.rcu_expedited=1 noirqdebug";
/// The name of the prober's program in the guest.
const PROBER: &str = "prober";
/// Claims of each kind, unless a number is given.
pub const DEFAULT_SAMPLE: usize = 25;
/// Seconds that one probe takes a slow machine with hardware virtualization, and
/// that the rest of a test takes.
const PROBE_S: f64 = 0.1;
const TEST_S: f64 = 30.0;

/// How much a session asks.
#[derive(Clone, Debug)]
pub struct VerifyRequest {
    /// How to boot, and where the evidence goes.
    pub boot: BootSettings,
    /// How many probes are attached.
    pub extent: Extent,
}

impl Default for VerifyRequest {
    fn default() -> Self {
        Self {
            boot: BootSettings::default(),
            extent: Extent::PerKind(DEFAULT_SAMPLE),
        }
    }
}

/// Boots each kernel, attaches probes, and prints how it compares with its image.
///
/// # Errors
/// If the host cannot do it; what was answered before is printed and kept.
pub fn verify(workspace: &Workspace, targets: &Targets, request: &VerifyRequest) -> Result<Exit> {
    let mut session = VerifySession {
        workspace,
        extent: request.extent,
        boots: BootSession::start(workspace, &request.boot)?,
        reports: Vec::new(),
    };
    let outcome = session.verify_all(targets);
    session.boots.say_where();
    outcome?;
    Ok(session.exit())
}

struct VerifySession<'a> {
    workspace: &'a Workspace,
    extent: Extent,
    boots: BootSession,
    reports: Vec<VerifyReport>,
}

impl VerifySession<'_> {
    fn verify_all(&mut self, targets: &Targets) -> Result<()> {
        let guest = guest::build_own(
            self.workspace,
            PROBER,
            &["--features", "static"],
            &self.boots.host,
        )?;
        for plan in &targets.to_build {
            for series in &plan.series {
                let built = build_one(plan, series, &self.boots.host)?;
                let kernel = Bootable::built(&plan.spec, series, &built);
                self.verify(&kernel, &guest)?;
            }
        }
        let prebuilt = targets.prebuilt(&self.boots.host)?;
        prebuilt
            .iter()
            .try_for_each(|kernel| self.verify(kernel, &guest))
    }

    fn verify(&mut self, kernel: &Bootable, guest: &Guest) -> Result<()> {
        let mut replies = Replies::default();
        let (report, outcome) = open(&kernel.vmlinux, None, |image, _| {
            let questions = Questions::about(image, self.extent);
            let outcome = self.ask(kernel, guest, &questions, &mut replies);
            let name = format!("{} {}", kernel.id, kernel.variant);
            let report = VerifyReport {
                cut_short: outcome.is_err() || check_interrupt().is_err(),
                ..judge(&questions, &name, &replies.release, &replies.all)
            };
            anyhow::Ok((report, outcome))
        })?;
        // What was answered before something went wrong is evidence all the same.
        if !replies.all.is_empty() {
            self.keep(report)?;
        } else if outcome.is_ok()
            && let Some(run) = self.boots.output.results().runs.last()
        {
            print(&format!(
                "\n{}",
                render_unasked(&report.kernel, &run.machine)
            ))?;
        }
        outcome?;
        Ok(check_interrupt()?)
    }

    /// Has the prober ask everything. A kernel that crashes is booted again, for
    /// what it has not answered, without what it crashed on.
    fn ask(
        &mut self,
        kernel: &Bootable,
        guest: &Guest,
        questions: &Questions<'_, '_>,
        replies: &mut Replies,
    ) -> Result<()> {
        let mut left = questions.batches.clone();
        let mut lists = true;
        let run = boot_all(kernel, |kernel| {
            let tests = self.tests(std::mem::take(&mut lists), &left);
            let booted = self.boot(kernel, guest, &tests, &left, replies)?;
            replies.release.clone_from(&booted.run.release);
            replies.close_answered(&mut left);
            self.say_failures(&booted.run);
            if died_at(&booted.run).is_some_and(|test| test != LISTS) {
                drop_culprit(&mut left);
            }
            Ok((booted, left.iter().any(|batch| !batch.sites.is_empty())))
        })?;
        self.boots.output.keep(run)
    }

    fn say_failures(&self, run: &Run) {
        for test in run.tests.iter().filter(|test| test.outcome.is_failure()) {
            let (outcome, why) = (test.outcome.name(), test.outcome.why());
            let line = format!("{}: {outcome}: {}", test.name, why.unwrap_or_default());
            self.boots.host.progress.say(&line);
        }
    }

    /// Boots once, and takes the replies.
    fn boot(
        &self,
        kernel: &Bootable,
        guest: &Guest,
        tests: &[PlannedTest],
        batches: &[ProbeBatch],
        replies: &mut Replies,
    ) -> Result<Booted> {
        let json = serde_json::to_vec(batches).context("cannot encode questions")?;
        let job = BootJob {
            guest,
            plan: tests,
            deadlines: self.deadlines(tests),
            append: APPEND,
            files: &[(QUESTIONS, json)],
        };
        let what = format!("verify {} {}", kernel.id, kernel.variant);
        let total = questions(batches) as u64;
        let timed = format!("{what} {total}");
        let Host { cache, progress } = &self.boots.host;
        progress.begin(&what, Some(total), cache.last_time(&timed));
        replies.count = 0;
        let booted = self.boots.boot(kernel, &job, &mut |message| {
            replies.take(message);
            progress.at(replies.count, &replies.test);
        })?;
        check_interrupt()?;
        progress.end(&format!(
            "{what}: {} of {total} questions answered, {:.1} s",
            replies.count, booted.run.total_s
        ));
        if booted.run.is_good() {
            cache.remember_time(&timed, Duration::from_secs_f64(booted.run.total_s));
        }
        Ok(booted)
    }

    /// One test per attach method that is asked about, the kernel's lists first.
    fn tests(&self, lists: bool, batches: &[ProbeBatch]) -> Vec<PlannedTest> {
        let count = |method| -> usize {
            let batches = batches.iter().filter(|batch| batch.method == method);
            batches.map(|batch| batch.sites.len()).sum()
        };
        let methods = AttachMethod::ALL.map(|method| (method.name(), count(method)));
        let asked = methods.into_iter().filter(|(_, count)| *count > 0);
        let lists = lists.then_some((LISTS, 0));
        let test = |(name, probes): (&str, usize)| PlannedTest {
            binary: PROBER.to_owned(),
            test: name.to_owned(),
            deadline_s: self
                .boots
                .scaled(TEST_S + PROBE_S * probes as f64)
                .as_secs_f64(),
        };
        lists.into_iter().chain(asked).map(test).collect()
    }

    /// Everything may take what its parts may take.
    fn deadlines(&self, tests: &[PlannedTest]) -> Deadlines {
        let each = self.boots.deadlines();
        let seconds: f64 = tests.iter().map(|test| test.deadline_s).sum();
        Deadlines {
            total: each.boot + each.grace + Duration::from_secs_f64(seconds),
            ..each
        }
    }

    /// Prints a report, and keeps it with those before.
    fn keep(&mut self, report: VerifyReport) -> Result<()> {
        print(&format!("\n{}", render(&report)))?;
        self.reports.push(report);
        let mut json = serde_json::to_string_pretty(&self.reports)?;
        json.push('\n');
        let file = self.boots.output.dir().join("verify.json");
        Ok(write_atomic(&file, json.as_bytes())?)
    }

    fn exit(&self) -> Exit {
        match Exit::of(&self.boots.output.results().runs) {
            Exit::Good if !self.reports.iter().all(VerifyReport::is_good) => Exit::Failed,
            exit => exit,
        }
    }
}
