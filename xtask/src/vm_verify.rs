// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask vm verify`: does the running kernel do what its image
//! promises?

use std::cell::RefCell;
use std::io::{Write, stdout};
use std::path::Path;

use anyhow::{Context, Result};
use nmissed_evidence::{Answer, Message, PlannedTest, QUESTIONS, Run, Way};
use nmissed_host::{check_interrupt, write_atomic};
use nmissed_kbuild::{Kernels, fetch_stock};
use nmissed_verify::{Extent, Plan, Report, render};
use nmissed_vm::{Deadlines, Guest};

use crate::boots::{Bootable, Boots, Occasion};
use crate::cli::{Selection, VerifyOptions};
use crate::exit::{Exit, UsageError};
use crate::image::{check_is_file, with_image};
use crate::needs::Step;
use crate::plan::{self, KernelPlan};
use crate::workspace::Workspace;
use crate::{doctor, guest, kernel};

/// Addresses are those of the image, and what is detached is gone soon.
const APPEND: &str = "nokaslr rcupdate.rcu_expedited=1";
/// The prober's name in the guest, and of its part that is no way to attach.
const PROBER: &str = "prober";
const LISTS: &str = "lists";
/// What one probe takes a slow machine with hardware virtualization, and what
/// the rest of a test takes, in seconds.
const PROBE_S: f64 = 0.1;
const TEST_S: f64 = 30.0;

/// What to compare, in order.
enum Subject {
    /// One of ours, to be built first.
    Ours(KernelPlan),
    /// One that others built, to be booted.
    Stock(Bootable),
}

/// Boots each kernel, asks it, and prints how it compares with its image.
pub(crate) fn run(workspace: &Workspace, options: &VerifyOptions, install: bool) -> Result<Exit> {
    let ids = sort_out(workspace, options)?;
    doctor::ensure(&steps(&ids.ours), install)?;
    let mut session = Session {
        workspace,
        extent: extent(options),
        boots: Boots::start(workspace, options.accel, options.output.as_deref())?,
        reports: Vec::new(),
    };
    let outcome = session.verify_all(ids, options.image.as_deref());
    let dir = session.boots.output.dir();
    if session.boots.output.results().runs.is_empty() {
        session.boots.output.discard();
    } else {
        let dir = dir.display();
        session.boots.progress.say(&format!("evidence: {dir}"));
    }
    outcome?;
    Ok(session.exit())
}

/// What the options name.
struct Named {
    ours: Vec<KernelPlan>,
    stock: Vec<String>,
}

fn sort_out(workspace: &Workspace, options: &VerifyOptions) -> Result<Named> {
    if let Some(image) = &options.image {
        check_is_file(image)?;
    }
    let kernels = plan::kernels(workspace)?;
    let (stock, ours): (Vec<_>, Vec<_>) = options
        .kernel
        .iter()
        .cloned()
        .partition(|id| kernels.stock(id).is_some());
    let only_others = ours.is_empty() && (options.image.is_some() || !stock.is_empty());
    if only_others && !options.variant.is_empty() {
        let why = "--variant is for kernels that are built here; this one is booted as it is";
        return Err(UsageError(why.to_owned()).into());
    }
    let ours = if only_others {
        Vec::new()
    } else {
        plan::plan(workspace, &selection(ours, options))?
    };
    Ok(Named { ours, stock })
}

/// One variant is enough: patches hardly change where probes can sit.
fn selection(kernel: Vec<String>, options: &VerifyOptions) -> Selection {
    let variant = if options.variant.is_empty() {
        vec!["baseline".to_owned()]
    } else {
        options.variant.clone()
    };
    Selection {
        kernel,
        variant,
        patch: Vec::new(),
    }
}

fn steps(ours: &[KernelPlan]) -> Vec<Step> {
    let mut steps = vec![Step::Source, Step::Guest, Step::Boot];
    if !ours.is_empty() {
        steps.extend(kernel::source_steps(ours));
        steps.push(Step::Kernel);
    }
    steps
}

fn extent(options: &VerifyOptions) -> Extent {
    if options.exhaustive {
        Extent::Exhaustive
    } else {
        Extent::PerKind(options.sample)
    }
}

struct Session<'a> {
    workspace: &'a Workspace,
    extent: Extent,
    boots: Boots,
    reports: Vec<Report>,
}

impl Session<'_> {
    fn verify_all(&mut self, named: Named, image: Option<&Path>) -> Result<()> {
        let guest = guest::build_prober(self.workspace, &self.boots)?;
        let kernels = plan::kernels(self.workspace)?;
        let ours = named.ours.into_iter().map(Subject::Ours);
        let stock = named.stock.iter().map(|id| self.stock(&kernels, id));
        let stock = stock.collect::<Result<Vec<_>>>()?;
        let image = image.map(|image| Bootable::stock(&file_name(image), image));
        let others = stock.into_iter().chain(image).map(Subject::Stock);
        for subject in ours.chain(others) {
            self.verify_subject(&subject, &guest)?;
        }
        Ok(())
    }

    fn stock(&self, kernels: &Kernels, id: &str) -> Result<Bootable> {
        let spec = kernels.stock(id).context("it was there a moment ago")?;
        let image = fetch_stock(spec, &self.boots.cache, self.boots.progress.as_ref())?;
        Ok(Bootable::stock(id, &image))
    }

    fn verify_subject(&mut self, subject: &Subject, guest: &Guest) -> Result<()> {
        match subject {
            Subject::Stock(kernel) => self.verify(kernel, guest),
            Subject::Ours(plan) => plan.series.iter().try_for_each(|series| {
                let (cache, progress) = (&self.boots.cache, self.boots.progress.as_ref());
                let built = kernel::build_one(plan, series, cache, progress)?;
                self.verify(
                    &Bootable::built(&plan.spec.id, series.name(), &built),
                    guest,
                )
            }),
        }
    }

    fn verify(&mut self, kernel: &Bootable, guest: &Guest) -> Result<()> {
        let extent = self.extent;
        let (run, report) = with_image(&kernel.vmlinux, |image, _| {
            self.ask(kernel, guest, &Plan::of(image, extent))
        })?;
        let failed = run.tests.iter().find(|test| !test.outcome.is_good());
        let trouble = failed.map(|test| format!("{}: {:?}", test.name, test.outcome));
        self.boots.output.keep(run)?;
        writeln!(stdout(), "\n{}", render(&report)).context("cannot print the report")?;
        if let Some(trouble) = trouble {
            self.boots.progress.say(&trouble);
        }
        self.reports.push(report);
        self.keep_reports()?;
        check_interrupt()?;
        Ok(())
    }

    /// Boots the kernel once, and has the prober ask everything.
    fn ask(&self, kernel: &Bootable, guest: &Guest, plan: &Plan<'_, '_>) -> Result<(Run, Report)> {
        let questions = serde_json::to_vec(plan.batches()).context("cannot encode questions")?;
        let tests = self.tests(plan);
        let occasion = Occasion {
            guest,
            plan: &tests,
            deadlines: self.deadlines(&tests),
            append: APPEND,
            files: &[(QUESTIONS, questions)],
        };
        let what = format!("verify {} {}", kernel.id, kernel.variant);
        let total: usize = Way::ALL.into_iter().map(|way| plan.count(way)).sum();
        let Boots {
            cache, progress, ..
        } = &self.boots;
        progress.begin(&what, Some(total as u64), cache.last_time(&what));
        let answers = RefCell::new(Answers::default());
        let run = self.boots.boot(kernel, &occasion, &mut |message| {
            let mut answers = answers.borrow_mut();
            answers.take(message);
            progress.at(answers.count, &answers.test);
        })?;
        let Answers { all, count, .. } = answers.into_inner();
        progress.end(&format!(
            "{what}: {count} of {total} questions answered, {:.1} s",
            run.total_s
        ));
        if run.is_good() {
            cache.remember_time(&what, std::time::Duration::from_secs_f64(run.total_s));
        }
        let name = format!("{} {}", kernel.id, kernel.variant);
        let report = plan.judge(&name, &run.release, &all);
        Ok((run, report))
    }

    fn tests(&self, plan: &Plan<'_, '_>) -> Vec<PlannedTest> {
        let test = |name: &str, probes: usize| PlannedTest {
            binary: PROBER.to_owned(),
            test: name.to_owned(),
            deadline_s: self
                .boots
                .scaled(TEST_S + PROBE_S * probes as f64)
                .as_secs_f64(),
        };
        let asked = Way::ALL.into_iter().map(|way| (way, plan.count(way)));
        let ways = asked.filter(|(_, count)| *count > 0);
        std::iter::once(test(LISTS, 0))
            .chain(ways.map(|(way, count)| test(way.name(), count)))
            .collect()
    }

    /// Everything may take what its parts may take.
    fn deadlines(&self, tests: &[PlannedTest]) -> Deadlines {
        let each = self.boots.deadlines();
        let seconds: f64 = tests.iter().map(|test| test.deadline_s).sum();
        Deadlines {
            total: each.boot + each.grace + std::time::Duration::from_secs_f64(seconds),
            ..each
        }
    }

    fn keep_reports(&self) -> Result<()> {
        let mut json = serde_json::to_string_pretty(&self.reports)?;
        json.push('\n');
        let file = self.boots.output.dir().join("verify.json");
        Ok(write_atomic(&file, json.as_bytes())?)
    }

    fn exit(&self) -> Exit {
        match Exit::of(&self.boots.output.results().runs) {
            Exit::Good if !self.reports.iter().all(Report::agrees) => Exit::Failed,
            exit => exit,
        }
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// What the guest has answered so far.
#[derive(Default)]
struct Answers {
    all: Vec<Answer>,
    /// How many questions.
    count: u64,
    test: String,
}

impl Answers {
    fn take(&mut self, message: &Message) {
        match message {
            Message::Start { name } => self.test.clone_from(name),
            Message::Answer { answer } => {
                if let Answer::Batch { seen, .. } = answer {
                    self.count += seen.len() as u64;
                }
                self.all.push(answer.clone());
            }
            _ => {}
        }
    }
}
