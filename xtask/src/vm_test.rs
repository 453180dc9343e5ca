// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask vm test`, from kernels and variants to a table, and `vm pairs`, to
//! a grid.

use std::io::{IsTerminal, Write, stdout};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nmissed_evidence::{Results, Run, Style};
use nmissed_host::Host;
use nmissed_kbuild::{BuiltKernel, Series};
use nmissed_kimage::{Flavor, Function};
use nmissed_vm::Guest;
use nmissed_wire::{Message, PROBE_PLAN, PROBED, PlannedProbe, PlannedTest};
use regex::Regex;

use crate::boots::{Bootable, Boots, Occasion};
use crate::cli::{BootOptions, TestOptions};
use crate::exit::{Exit, UsageError};
use crate::image::with_image;
use crate::plan::{DEFAULT_VARIANTS, KernelPlan};
use crate::subjects::Subjects;
use crate::workspace::Workspace;
use crate::{doctor, guest, kernel};

/// Cover letters and mail are written in so many columns.
pub(crate) const LETTER_WIDTH: usize = 72;

/// The tests of every attach type in every other.
const PAIRS: &str = "^pairs::";

/// How many columns their grid takes.
const GRID_WIDTH: usize = 80;

/// How results are shown.
type View = fn(&Results) -> String;

fn as_table(results: &Results) -> String {
    results.to_text(style())
}

fn as_grid(results: &Results) -> String {
    results.pairs_to_text(style_or(GRID_WIDTH))
}

/// Checks what was asked for, makes the host fit, and does it.
pub(crate) fn run(workspace: &Workspace, options: &TestOptions, install: bool) -> Result<Exit> {
    run_and_show(workspace, options, install, as_table)
}

/// The same for the pairs alone.
pub(crate) fn pairs(workspace: &Workspace, options: &BootOptions, install: bool) -> Result<Exit> {
    let options = TestOptions {
        boot: options.clone(),
        filter: Some(Regex::new(PAIRS).context("a pattern of our own")?),
        ..TestOptions::default()
    };
    run_and_show(workspace, &options, install, as_grid)
}

fn run_and_show(
    workspace: &Workspace,
    options: &TestOptions,
    install: bool,
    view: View,
) -> Result<Exit> {
    let image = options.boot.image.as_deref();
    let subjects = Subjects::of(workspace, &options.boot.selection, DEFAULT_VARIANTS, image)?;
    doctor::ensure(&subjects.steps(), install)?;
    test_and_show(workspace, &subjects, options, view)
}

/// Builds, boots and compares; the host has what it needs.
pub(crate) fn test(
    workspace: &Workspace,
    subjects: &Subjects,
    options: &TestOptions,
) -> Result<Exit> {
    test_and_show(workspace, subjects, options, as_table)
}

fn test_and_show(
    workspace: &Workspace,
    subjects: &Subjects,
    options: &TestOptions,
    view: View,
) -> Result<Exit> {
    let mut session = Session::start(workspace, options)?;
    let outcome = session.test_all(subjects);
    // What was seen before something went wrong is evidence all the same.
    session.show(view)?;
    outcome?;
    let results = session.boots.output.results();
    Ok(match Exit::of(&results.runs) {
        Exit::Good if results.has_new_reports() => Exit::Failed,
        exit => exit,
    })
}

/// Builds, boots and keeps what was seen.
pub(crate) struct Session<'a> {
    workspace: &'a Workspace,
    options: &'a TestOptions,
    pub(crate) boots: Boots,
}

impl<'a> Session<'a> {
    pub(crate) fn start(workspace: &'a Workspace, options: &'a TestOptions) -> Result<Self> {
        Ok(Self {
            workspace,
            options,
            boots: Boots::start(
                workspace,
                options.boot.accel,
                options.boot.output.as_deref(),
            )?,
        })
    }

    fn test_all(&mut self, subjects: &Subjects) -> Result<()> {
        subjects
            .ours
            .iter()
            .try_for_each(|plan| self.test_kernel(plan))?;
        let others = subjects.others(&self.boots.host)?;
        others.iter().try_for_each(|kernel| self.test_other(kernel))
    }

    /// Nobody gives us its headers: the tests speak libbpf's.
    fn test_other(&mut self, kernel: &Bootable) -> Result<()> {
        let guest = guest::build(self.workspace, None, &self.boots.host)?;
        let run = self.boot(kernel, &guest)?;
        self.boots.output.keep(run)
    }

    fn test_kernel(&mut self, plan: &KernelPlan) -> Result<()> {
        for series in &plan.series {
            let built = self.build(plan, series)?;
            let run = self.test_built(plan, series, &built, series.name())?;
            self.boots.output.keep(run)?;
        }
        Ok(())
    }

    pub(crate) fn build(&self, plan: &KernelPlan, series: &Series) -> Result<BuiltKernel> {
        kernel::build_one(plan, series, &self.boots.host)
    }

    /// Boots a kernel of ours and runs the tests; what it shows is kept under
    /// a label, which may differ from the variant's name.
    pub(crate) fn test_built(
        &self,
        plan: &KernelPlan,
        series: &Series,
        built: &BuiltKernel,
        label: &str,
    ) -> Result<Run> {
        let guest = guest::build(self.workspace, Some(&built.uapi_dir), &self.boots.host)?;
        let kernel = Bootable::built(&plan.spec, series.name(), built).labelled(label);
        Ok(Run {
            variant: label.to_owned(),
            ..self.boot(&kernel, &guest)?
        })
    }

    /// Boots, and runs the tests as often as told. Repeated in one boot they show
    /// what earlier ones leave behind in the kernel, and after another boot what
    /// differs between boots.
    fn boot(&self, kernel: &Bootable, guest: &Guest) -> Result<Run> {
        let tests = self.tests(guest)?;
        let Some(times) = self.options.repeat else {
            return self.boot_once(kernel, guest, &tests, 1);
        };
        let run = self.boot_once(kernel, guest, &tests, times)?;
        if !run.machine.is_good() {
            return Ok(run);
        }
        let again = format!("{}-again", kernel.label);
        let again = kernel.clone().labelled(&again);
        Ok(run.and_boot(self.boot_once(&again, guest, &tests, 1)?))
    }

    fn boot_once(
        &self,
        kernel: &Bootable,
        guest: &Guest,
        tests: &[PlannedTest],
        times: u32,
    ) -> Result<Run> {
        let probes = probe_plan(&kernel.vmlinux)?;
        let mut deadlines = self.boots.deadlines();
        deadlines.total *= times;
        let plan = vec![tests; times as usize].concat();
        let occasion = Occasion {
            guest,
            plan: &plan,
            deadlines,
            append: "",
            files: &[(PROBE_PLAN, probes)],
        };
        let Host { cache, progress } = &self.boots.host;
        let what = format!("boot {} {}", kernel.id, kernel.label);
        progress.begin(&what, Some(plan.len() as u64), cache.last_time(&what));
        let mut ended = 0;
        let mut records = vec![Vec::new(); times as usize];
        let run = self.boots.boot(kernel, &occasion, &mut |message| {
            let now = records.get_mut(ended / tests.len());
            if let (Message::Record { record }, Some(now)) = (message, now) {
                now.push(record.clone());
            }
            self.follow(message, &mut ended);
        })?;
        let run = run.repeated(tests.len(), records);
        progress.end(&summary(&run));
        // How long a part of the tests took says nothing about all of them.
        if run.is_good() && self.options.filter.is_none() && times == 1 {
            cache.remember_time(&what, Duration::from_secs_f64(run.total_s));
        }
        Ok(run)
    }

    fn tests(&self, guest: &Guest) -> Result<Vec<PlannedTest>> {
        let filter = self.options.filter.as_ref();
        let keep = |name: &str| filter.is_none_or(|filter| filter.is_match(name));
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

    fn follow(&self, message: &Message, ended: &mut usize) {
        match message {
            Message::Start { name } => self.boots.host.progress.at(*ended as u64, name),
            Message::End { name, .. } => {
                *ended += 1;
                self.boots.host.progress.at(*ended as u64, name);
            }
            _ => {}
        }
    }

    fn show(&self, view: View) -> Result<()> {
        let results = self.boots.output.results();
        if !results.runs.is_empty() {
            writeln!(stdout(), "\n{}", view(results)).context("cannot print the table")?;
            if let Some(count) = self.options.slowest {
                let slowest = results.slowest_to_text(count);
                writeln!(stdout(), "{slowest}").context("cannot print the slowest tests")?;
            }
        }
        self.boots.tell_where();
        Ok(())
    }
}

/// Where in the kernel that is about to run probes of each flavor can sit.
fn probe_plan(vmlinux: &Path) -> Result<Vec<u8>> {
    let probes = with_image(vmlinux, |image, _| {
        let functions = image.functions();
        let probed = functions
            .iter()
            .filter(|it| PROBED.contains(&image.name(it)));
        let pick = |function: &Function, flavor: Flavor| {
            let site = image.pick(function, flavor)?;
            Some(PlannedProbe {
                function: image.name(function).to_owned(),
                flavor: wire_flavor(flavor),
                offset: site.offset.into(),
            })
        };
        let picked = probed.flat_map(|function| Flavor::ALL.map(|it| pick(function, it)));
        Ok(picked.flatten().collect::<Vec<_>>())
    })?;
    serde_json::to_vec(&probes).context("cannot encode the probe plan")
}

fn wire_flavor(flavor: Flavor) -> nmissed_wire::Flavor {
    match flavor {
        Flavor::Ftrace => nmissed_wire::Flavor::Ftrace,
        Flavor::Int3(_) => nmissed_wire::Flavor::Int3,
        Flavor::Optimized => nmissed_wire::Flavor::Optimized,
    }
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

/// What standard output is shown in.
pub(crate) fn style() -> Style {
    style_or(LETTER_WIDTH)
}

/// The same; so many columns where it is no terminal.
fn style_or(width: usize) -> Style {
    let colour = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let columns = rustix::termios::tcgetwinsize(stdout()).map(|size| usize::from(size.ws_col));
    let width = columns.ok().filter(|columns| *columns > 0).unwrap_or(width);
    Style { width, colour }
}
