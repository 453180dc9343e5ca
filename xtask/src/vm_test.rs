// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask vm test`: from kernels and variants to a table.

use std::fs;
use std::io::{IsTerminal, Write, stdout};

use anyhow::{Context, Result};
use nmissed_evidence::{Message, PlannedTest, Run, Style};
use nmissed_host::{Cache, Progress, reporter};
use nmissed_kbuild::BuiltKernel;
use nmissed_vm::{BootSpec, Choice, Guest, boot, choose_accel};

use crate::cli::TestOptions;
use crate::exit::{Exit, UsageError};
use crate::needs::Step;
use crate::output::Output;
use crate::plan::{KernelPlan, plan};
use crate::workspace::Workspace;
use crate::{doctor, guest, kernel};

/// The machine for kernels that we configure.
const MACHINE: &str = "microvm";
/// Cover letters and mail are written in so many columns.
const LETTER_WIDTH: usize = 72;

/// Checks what was asked for, makes the host fit, and does it.
pub(crate) fn run(workspace: &Workspace, options: &TestOptions, install: bool) -> Result<Exit> {
    let plans = plan(workspace, &options.selection)?;
    let steps = [Step::Kernel, Step::Guest, Step::Boot];
    doctor::ensure(
        &[&kernel::source_steps(&plans), &steps[..]].concat(),
        install,
    )?;
    run_plans(workspace, &plans, options)
}

/// Builds, boots and compares; the host has what it needs.
pub(crate) fn run_plans(
    workspace: &Workspace,
    plans: &[KernelPlan],
    options: &TestOptions,
) -> Result<Exit> {
    let mut session = Session::start(workspace, options)?;
    let outcome = plans.iter().try_for_each(|plan| session.test_kernel(plan));
    // What was seen before something went wrong is evidence all the same.
    session.show()?;
    outcome?;
    Ok(Exit::of(&session.output.results().runs))
}

/// What all boots of one command share.
struct Session<'a> {
    workspace: &'a Workspace,
    options: &'a TestOptions,
    cache: Cache,
    progress: Box<dyn Progress>,
    machines: nmissed_vm::Config,
    accel: Choice,
    output: Output,
}

impl<'a> Session<'a> {
    fn start(workspace: &'a Workspace, options: &'a TestOptions) -> Result<Self> {
        let cache = Cache::open()?;
        let progress = reporter();
        let machines = nmissed_vm::Config::load(&workspace.vmconfig().join("vm.toml"))?;
        let accel = choose_accel(options.accel, &cache)?;
        progress.say(&format!(
            "accelerator: {} ({})",
            accel.accel.name(),
            accel.reason
        ));
        let output = match &options.output {
            Some(dir) => Output::at(dir)?,
            None => Output::next_below(&workspace.target().join("vm"))?,
        };
        Ok(Self {
            workspace,
            options,
            cache,
            progress,
            machines,
            accel,
            output,
        })
    }

    fn test_kernel(&mut self, plan: &KernelPlan) -> Result<()> {
        for series in &plan.series {
            let built = kernel::build_one(plan, series, &self.cache, self.progress.as_ref())?;
            let guest = guest::build(
                self.workspace,
                &built.uapi_dir,
                &self.cache,
                self.progress.as_ref(),
            )?;
            let run = self.boot(&plan.spec.id, series.name(), &built, &guest)?;
            self.output.keep(run)?;
        }
        Ok(())
    }

    fn boot(&self, id: &str, variant: &str, built: &BuiltKernel, guest: &Guest) -> Result<Run> {
        let tests = self.tests(guest)?;
        let dir = self.output.run_dir(id, variant)?;
        fs::copy(&built.config, dir.join("config"))
            .with_context(|| format!("cannot keep the configuration in {}", dir.display()))?;
        let spec = BootSpec {
            kernel: id,
            variant,
            release: Some(&built.release),
            configured: true,
            image: &built.bzimage,
            guest,
            plan: &tests,
            machine: self.machines.machine(MACHINE)?,
            accel: self.accel.accel,
            deadlines: self.machines.deadlines(self.accel.accel),
            append: "",
            output: &dir,
        };
        let what = format!("boot {id} {variant}");
        let last = self.cache.last_time(&what);
        self.progress.begin(&what, Some(tests.len() as u64), last);
        let mut ended = 0;
        let run = boot(&spec, &mut |message| self.follow(message, &mut ended))?;
        self.progress.end(&summary(&run));
        // How long a part of the tests took says nothing about all of them.
        if run.is_good() && self.options.filter.is_none() {
            self.cache
                .remember_time(&what, std::time::Duration::from_secs_f64(run.total_s));
        }
        Ok(run)
    }

    fn tests(&self, guest: &Guest) -> Result<Vec<PlannedTest>> {
        let filter = self.options.filter.as_ref();
        let keep = |name: &str| filter.is_none_or(|filter| filter.is_match(name));
        let deadline = self.machines.deadlines(self.accel.accel).test;
        let tests = nmissed_vm::plan(&guest.tests, keep, deadline)?;
        match (tests.is_empty(), filter) {
            (true, Some(filter)) => {
                Err(UsageError(format!("no test matches --filter {filter}")).into())
            }
            _ => Ok(tests),
        }
    }

    fn follow(&self, message: &Message, ended: &mut u64) {
        match message {
            Message::Start { name } => self.progress.at(*ended, name),
            Message::End { name, .. } => {
                *ended += 1;
                self.progress.at(*ended, name);
            }
            _ => {}
        }
    }

    fn show(&self) -> Result<()> {
        if self.output.results().runs.is_empty() {
            self.output.discard();
            return Ok(());
        }
        let text = self.output.results().to_text(style());
        writeln!(stdout(), "\n{text}").context("cannot print the table")?;
        let dir = self.output.dir().display();
        self.progress.say(&format!("evidence: {dir}"));
        Ok(())
    }
}

fn summary(run: &Run) -> String {
    let good = run
        .tests
        .iter()
        .filter(|test| test.outcome.is_good())
        .count();
    let (kernel, variant, all) = (&run.kernel, &run.variant, run.tests.len());
    format!(
        "{kernel} {variant}: {good} of {all} tests good, {:.1} s",
        run.total_s
    )
}

fn style() -> Style {
    let colour = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let columns = rustix::termios::tcgetwinsize(stdout()).map(|size| usize::from(size.ws_col));
    let width = columns
        .ok()
        .filter(|columns| *columns > 0)
        .unwrap_or(LETTER_WIDTH);
    Style { width, colour }
}
