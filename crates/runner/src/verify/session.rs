// SPDX-License-Identifier: GPL-2.0-only
//! Boots kernels, has the prober attach, and compares with their images.

use std::time::Duration;

use anyhow::{Context, Result};
use nmissed_evidence::Run;
use nmissed_host::{Host, check_interrupt, write_atomic};
use nmissed_vm::{Deadlines, Guest};
use nmissed_wire::{AttachMethod, Message, PlannedTest, ProbeBatch, ProberReply, QUESTIONS};

use crate::boot::guest;
use crate::boot::session::{BootJob, BootSession, BootSettings};
use crate::exit::Exit;
use crate::image::with_image;
use crate::plan::bootable::Bootable;
use crate::plan::build::build_one;
use crate::plan::targets::Targets;
use crate::print::print;
use crate::verify::questions::{Extent, Plan};
use crate::verify::render::render;
use crate::verify::report::VerifyReport;
use crate::workspace::Workspace;

/// Addresses are those of the image, and what is detached is gone soon.
const APPEND: &str = "nokaslr rcupdate.rcu_expedited=1";
/// The prober's name in the guest, and of its part that is no way to attach.
const PROBER: &str = "prober";
const LISTS: &str = "lists";
/// Claims of each kind, unless a number is given.
pub const DEFAULT_SAMPLE: usize = 25;
/// How often a kernel that crashes is booted.
const ATTEMPTS: u32 = 4;
/// What one probe takes a slow machine with hardware virtualization, and what
/// the rest of a test takes, in seconds.
const PROBE_S: f64 = 0.1;
const TEST_S: f64 = 30.0;

/// One variant is enough: patches hardly change where probes can sit.
pub const VARIANTS: &[&str] = &["baseline"];

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
    session.boots.tell_where();
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
        let guest = guest::build_prober(self.workspace, &self.boots.host)?;
        for plan in &targets.to_build {
            for series in &plan.series {
                let built = build_one(plan, series, &self.boots.host)?;
                let kernel = Bootable::built(&plan.spec, series.name(), &built);
                self.verify(&kernel, &guest)?;
            }
        }
        let prebuilt = targets.prebuilt(&self.boots.host)?;
        prebuilt
            .iter()
            .try_for_each(|kernel| self.verify(kernel, &guest))
    }

    fn verify(&mut self, kernel: &Bootable, guest: &Guest) -> Result<()> {
        let mut answers = Answers::default();
        let (report, outcome) = with_image(&kernel.vmlinux, |image| {
            let plan = Plan::of(image, self.extent);
            let outcome = self.ask(kernel, guest, &plan, &mut answers);
            let name = format!("{} {}", kernel.id, kernel.variant);
            let report = VerifyReport {
                cut_short: outcome.is_err(),
                ..plan.judge(&name, &answers.release, &answers.all)
            };
            Ok((report, outcome))
        })?;
        // What was answered before something went wrong is evidence all the same.
        if outcome.is_ok() || !answers.all.is_empty() {
            self.keep(report)?;
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
        plan: &Plan<'_, '_>,
        answers: &mut Answers,
    ) -> Result<()> {
        let mut open = plan.batches().to_vec();
        for attempt in 1..=ATTEMPTS {
            let boot = kernel.attempt(attempt);
            let run = self.boot(&boot, guest, attempt == 1, &open, answers)?;
            answers.release.clone_from(&run.release);
            close_answered(&mut open, &answers.all);
            let died_at = died_at(&run);
            self.tell_failures(&run);
            self.boots.output.keep(run)?;
            match died_at {
                None => break,
                Some(LISTS) => {}
                // The first that is open is the one it was at.
                Some(_) => {
                    let culprit = open.iter_mut().find(|batch| !batch.sites.is_empty());
                    culprit.into_iter().for_each(|batch| batch.sites.clear());
                }
            }
        }
        Ok(())
    }

    fn tell_failures(&self, run: &Run) {
        let failed = run.tests.iter().filter(|test| test.outcome.is_failure());
        for test in failed {
            let why = test.outcome.why().unwrap_or_default();
            let outcome = test.outcome.name();
            self.boots
                .host
                .progress
                .say(&format!("{}: {outcome}: {why}", test.name));
        }
    }

    /// One boot.
    fn boot(
        &self,
        kernel: &Bootable,
        guest: &Guest,
        lists: bool,
        questions: &[ProbeBatch],
        answers: &mut Answers,
    ) -> Result<Run> {
        let json = serde_json::to_vec(questions).context("cannot encode questions")?;
        let tests = self.tests(lists, questions);
        let job = BootJob {
            guest,
            plan: &tests,
            deadlines: self.deadlines(&tests),
            append: APPEND,
            files: &[(QUESTIONS, json)],
        };
        let what = format!("verify {} {}", kernel.id, kernel.variant);
        let total = questions
            .iter()
            .map(|batch| batch.sites.len())
            .sum::<usize>() as u64;
        let timed = format!("{what} {total}");
        let Host { cache, progress } = &self.boots.host;
        progress.begin(&what, Some(total), cache.last_time(&timed));
        answers.count = 0;
        let run = self.boots.boot(kernel, &job, &mut |message| {
            answers.take(message);
            progress.at(answers.count, &answers.test);
        })?;
        progress.end(&format!(
            "{what}: {} of {total} questions answered, {:.1} s",
            answers.count, run.total_s
        ));
        if run.is_good() {
            cache.remember_time(&timed, Duration::from_secs_f64(run.total_s));
        }
        Ok(run)
    }

    fn tests(&self, lists: bool, questions: &[ProbeBatch]) -> Vec<PlannedTest> {
        let test = |name: &str, probes: usize| PlannedTest {
            binary: PROBER.to_owned(),
            test: name.to_owned(),
            deadline_s: self
                .boots
                .scaled(TEST_S + PROBE_S * probes as f64)
                .as_secs_f64(),
        };
        let count = |way| {
            let batches = questions.iter().filter(|batch| batch.method == way);
            batches.map(|batch| batch.sites.len()).sum()
        };
        let asked = AttachMethod::ALL.into_iter().map(|way| (way, count(way)));
        let ways = asked.filter(|(_, count)| *count > 0);
        let lists = lists.then(|| test(LISTS, 0));
        lists
            .into_iter()
            .chain(ways.map(|(way, count)| test(way.name(), count)))
            .collect()
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
            Exit::Good if !self.reports.iter().all(VerifyReport::agrees) => Exit::Failed,
            exit => exit,
        }
    }
}

/// The prober's part that a machine did not survive, if it did not.
fn died_at(run: &Run) -> Option<&'static str> {
    if !run.machine.is_failure() {
        return None;
    }
    let last = run.tests.iter().find(|test| test.outcome == run.machine)?;
    let (_, part) = last.name.split_once("::")?;
    let parts = AttachMethod::ALL.iter().map(|way| way.name());
    parts.chain([LISTS]).find(|name| *name == part)
}

/// Leaves nothing to ask of batches that were answered.
fn close_answered(open: &mut [ProbeBatch], answers: &[ProberReply]) {
    for answer in answers {
        if let ProberReply::Batch { batch, .. } = answer
            && let Some(batch) = open.get_mut(*batch)
        {
            batch.sites.clear();
        }
    }
}

/// What a kernel has answered so far.
#[derive(Default)]
struct Answers {
    /// What it says that it is.
    release: String,
    all: Vec<ProberReply>,
    /// How many questions, in this boot.
    count: u64,
    test: String,
}

impl Answers {
    fn take(&mut self, message: &Message) {
        match message {
            Message::Hello { release, .. } => self.release.clone_from(release),
            Message::Start { name } => self.test.clone_from(name),
            Message::Answer { answer } => {
                if let ProberReply::Batch { outcomes, .. } = answer {
                    self.count += outcomes.len() as u64;
                }
                self.all.push(answer.clone());
            }
            _ => {}
        }
    }
}
