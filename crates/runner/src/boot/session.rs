// SPDX-License-Identifier: GPL-2.0-only
//! What all boots of one command share.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::{Context, Result};
use nmissed_host::{Cmd, Host};
use nmissed_vm::{Accel, AccelChoice, BootSpec, Deadlines, Guest, choose_accel};
use nmissed_wire::{MadeWith, Message, PlannedTest};

use crate::boot::boots::Booted;
use crate::boot::output::Output;
use crate::plan::bootable::Bootable;
use crate::workspace::Workspace;

/// What QEMU needs beside the guest's memory, with its translated code.
const QEMU_MIB: u32 = 1024;

/// How a command boots, and where its evidence goes.
#[derive(Clone, Debug, Default)]
pub struct BootSettings {
    /// The output folder; the next free `target/vm/run-NNNN` if `None`.
    pub output: Option<PathBuf>,
    /// If `None`, KVM if a kernel boots with it, else TCG.
    pub accel: Option<Accel>,
    /// One CPU whose clocks count instructions; needs [`Accel::Tcg`].
    pub counts_instructions: bool,
}

/// The programs, tests and limits of one boot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BootJob<'a> {
    pub(crate) guest: &'a Guest,
    pub(crate) plan: &'a [PlannedTest],
    pub(crate) deadlines: Deadlines,
    /// More kernel parameters.
    pub(crate) append: &'a str,
    /// More files for the guest: path and content.
    pub(crate) files: &'a [(&'a str, Vec<u8>)],
}

/// Host, machines, accelerator and output folder of one command.
pub(crate) struct BootSession {
    pub(crate) host: Host,
    pub(crate) output: Output,
    machines: nmissed_vm::Machines,
    accel: AccelChoice,
    /// Of all kernels: QEMU and tests.
    made_with: MadeWith,
}

impl BootSession {
    /// Chooses the accelerator, and creates the output folder.
    pub(crate) fn start(workspace: &Workspace, settings: &BootSettings) -> Result<Self> {
        let host = Host::open()?;
        let machines = nmissed_vm::Machines::load(&workspace.vmconfig().join("vm.toml"))?;
        let machines = match settings.counts_instructions {
            true => machines.counting_instructions(),
            false => machines,
        };
        let accel = choose_accel(settings.accel, &host.cache)?;
        host.progress.say(&format!(
            "accelerator: {} ({})",
            accel.accel.name(),
            accel.reason
        ));
        let output = match &settings.output {
            Some(dir) => Output::at(dir)?,
            None => Output::next_below(&workspace.target().join("vm"))?,
        };
        Ok(Self {
            host,
            output,
            machines,
            accel,
            made_with: MadeWith {
                qemu: Some(nmissed_vm::qemu_version()?),
                tests: commit(workspace.root()),
                ..MadeWith::default()
            },
        })
    }

    /// Returns for how many guests the host has processors and memory; at least one. A guest
    /// keeps one processor of the host busy, however many it has: its tests run one at a
    /// time, and each mostly on one CPU.
    pub(crate) fn lanes(&self) -> usize {
        let processors = available_parallelism().map_or(1, usize::from);
        let each = (self.machines.largest_memory_mib() + QEMU_MIB) as usize;
        let memory = available_mib().map_or(1, |mib| mib / each);
        processors.min(memory).max(1)
    }

    /// Prints where the evidence is, if there is any.
    pub(crate) fn say_where(&self) {
        if !self.output.discard() {
            let dir = self.output.dir().display();
            self.host.progress.say(&format!("evidence: {dir}"));
        }
    }

    /// How long the parts of a boot may take here.
    pub(crate) fn deadlines(&self) -> Deadlines {
        self.machines.deadlines(self.accel.accel)
    }

    /// Returns what seconds of a machine with hardware virtualization come to here,
    /// at the worst.
    pub(crate) fn scaled(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds) * self.machines.factor(self.accel.accel)
    }

    /// Boots, and keeps the kernel's configuration beside its results.
    pub(crate) fn boot(
        &self,
        kernel: &Bootable,
        job: &BootJob<'_>,
        on_message: &mut dyn FnMut(&Message),
    ) -> Result<Booted> {
        let dir = self.run_dir(kernel)?;
        let spec = self.spec(kernel, job, &dir)?;
        let mut begun = 0;
        let mut run = nmissed_vm::boot(&spec, &mut |message| {
            begun += usize::from(matches!(message, Message::Start { .. }));
            on_message(message);
        })?;
        run.made_with = self.made_with.clone();
        if let Some(configured) = &kernel.configured {
            run.made_with.source = Some(configured.source.clone());
            run.made_with.toolchain.clone_from(&configured.toolchain);
        }
        Ok(Booted { run, begun })
    }

    /// Creates the folder of a boot, with the kernel's configuration.
    pub(crate) fn run_dir(&self, kernel: &Bootable) -> Result<PathBuf> {
        let dir = self.output.run_dir(&kernel.id, &kernel.label)?;
        if let Some(configured) = &kernel.configured {
            fs::copy(&configured.config, dir.join("config"))
                .with_context(|| format!("cannot keep the configuration in {}", dir.display()))?;
        }
        Ok(dir)
    }

    /// Returns what a boot takes; its output goes to `dir`.
    pub(crate) fn spec<'a>(
        &'a self,
        kernel: &'a Bootable,
        job: &BootJob<'a>,
        dir: &'a Path,
    ) -> Result<BootSpec<'a>> {
        Ok(BootSpec {
            kernel: &kernel.id,
            variant: &kernel.variant,
            behaviours: &kernel.behaviours,
            release: kernel.configured.as_ref().map(|it| it.release.as_str()),
            configured: kernel.configured.is_some(),
            image: &kernel.image,
            guest: job.guest,
            plan: job.plan,
            files: job.files,
            machine: self.machines.machine(kernel.machine())?,
            accel: self.accel.accel,
            deadlines: job.deadlines,
            append: job.append,
            output: dir,
        })
    }
}

/// The commit of a checkout, with `-dirty` if files differ from it; `None` without git.
fn commit(root: &Path) -> Option<String> {
    let describe = ["describe", "--always", "--dirty", "--abbrev=12"];
    let git = Cmd::new("git").arg("-C").arg(root).args(describe);
    git.arg("--exclude=*").run().ok()?.into_iter().next()
}

/// Returns what the host can use without swapping, from `/proc/meminfo`.
fn available_mib() -> Option<usize> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: usize = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}
