// SPDX-License-Identifier: GPL-2.0-only
//! What all boots of one command share.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use nmissed_evidence::Run;
use nmissed_host::Host;
use nmissed_kbuild::{BuiltKernel, KernelSpec};
use nmissed_vm::{Accel, BootSpec, Choice, Deadlines, Guest, choose_accel};
use nmissed_wire::{Message, PlannedTest};

use crate::output::Output;
use crate::workspace::Workspace;

/// A kernel that can be booted.
#[derive(Clone, Debug)]
pub(crate) struct Bootable {
    /// For results: an id of kernels.toml, or the file's name.
    pub(crate) id: String,
    /// The kernel that the tests take it for.
    taken_for: String,
    /// For results: `baseline`, or `stock` for what others built.
    pub(crate) variant: String,
    /// For the folder of its evidence: the variant, if nothing else is said.
    pub(crate) label: String,
    /// bzImage.
    pub(crate) image: PathBuf,
    /// vmlinux, or the bzImage again where there is nothing else.
    pub(crate) vmlinux: PathBuf,
    /// What is known of a kernel that we configured.
    pub(crate) ours: Option<Ours>,
}

/// What is known of a kernel that we configured.
#[derive(Clone, Debug)]
pub(crate) struct Ours {
    release: String,
    config: PathBuf,
}

/// What a kernel that others built is called in place of a variant.
const STOCK: &str = "stock";

impl Bootable {
    /// One of ours.
    pub(crate) fn built(spec: &KernelSpec, variant: &str, built: &BuiltKernel) -> Self {
        Self {
            id: spec.id.clone(),
            taken_for: spec.base.clone(),
            variant: variant.to_owned(),
            label: variant.to_owned(),
            image: built.bzimage.clone(),
            vmlinux: built.vmlinux.clone(),
            ours: Some(Ours {
                release: built.release.clone(),
                config: built.config.clone(),
            }),
        }
    }

    /// One that others built.
    pub(crate) fn stock(id: &str, image: &Path) -> Self {
        Self {
            id: id.to_owned(),
            taken_for: id.to_owned(),
            variant: STOCK.to_owned(),
            label: STOCK.to_owned(),
            image: image.to_owned(),
            vmlinux: image.to_owned(),
            ours: None,
        }
    }

    /// The same once more, with evidence of its own.
    pub(crate) fn attempt(&self, number: u32) -> Self {
        let mut again = self.clone();
        if number > 1 {
            again.variant = format!("{}-{number}", self.variant);
            again.label.clone_from(&again.variant);
        }
        again
    }

    /// The same with evidence in a folder of another name.
    pub(crate) fn labelled(mut self, label: &str) -> Self {
        label.clone_into(&mut self.label);
        self
    }

    /// The machine of vm.toml: ours have no driver for what is on the other.
    fn machine(&self) -> &'static str {
        if self.ours.is_some() {
            "microvm"
        } else {
            "q35"
        }
    }
}

/// What is special about one boot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occasion<'a> {
    pub(crate) guest: &'a Guest,
    pub(crate) plan: &'a [PlannedTest],
    pub(crate) deadlines: Deadlines,
    /// More kernel parameters.
    pub(crate) append: &'a str,
    /// More files for the guest: path and content.
    pub(crate) files: &'a [(&'a str, Vec<u8>)],
}

/// What all boots of one command share.
pub(crate) struct Boots {
    pub(crate) host: Host,
    pub(crate) output: Output,
    machines: nmissed_vm::Config,
    accel: Choice,
}

impl Boots {
    /// Chooses how to emulate, and makes the folder for the evidence.
    pub(crate) fn start(
        workspace: &Workspace,
        accel: Option<Accel>,
        output: Option<&Path>,
    ) -> Result<Self> {
        let host = Host::open()?;
        let machines = nmissed_vm::Config::load(&workspace.vmconfig().join("vm.toml"))?;
        let accel = choose_accel(accel, &host.cache)?;
        host.progress.say(&format!(
            "accelerator: {} ({})",
            accel.accel.name(),
            accel.reason
        ));
        let output = match output {
            Some(dir) => Output::at(dir)?,
            None => Output::next_below(&workspace.target().join("vm"))?,
        };
        Ok(Self {
            host,
            output,
            machines,
            accel,
        })
    }

    /// Says where the evidence lies, if there is any.
    pub(crate) fn tell_where(&self) {
        if !self.output.discard() {
            let dir = self.output.dir().display();
            self.host.progress.say(&format!("evidence: {dir}"));
        }
    }

    /// How long the parts of a boot may take here.
    pub(crate) fn deadlines(&self) -> Deadlines {
        self.machines.deadlines(self.accel.accel)
    }

    /// Seconds of a machine's time as seconds of ours, at the worst.
    pub(crate) fn scaled(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds) * self.machines.factor(self.accel.accel)
    }

    /// Boots, and keeps what is known of the kernel beside what it showed.
    pub(crate) fn boot(
        &self,
        kernel: &Bootable,
        occasion: &Occasion<'_>,
        on_message: &mut dyn FnMut(&Message),
    ) -> Result<Run> {
        let dir = self.output.run_dir(&kernel.id, &kernel.label)?;
        if let Some(Ours { config, .. }) = &kernel.ours {
            fs::copy(config, dir.join("config"))
                .with_context(|| format!("cannot keep the configuration in {}", dir.display()))?;
        }
        let spec = BootSpec {
            kernel: &kernel.id,
            taken_for: &kernel.taken_for,
            variant: &kernel.variant,
            release: kernel.ours.as_ref().map(|ours| ours.release.as_str()),
            configured: kernel.ours.is_some(),
            image: &kernel.image,
            guest: occasion.guest,
            plan: occasion.plan,
            files: occasion.files,
            machine: self.machines.machine(kernel.machine())?,
            accel: self.accel.accel,
            deadlines: occasion.deadlines,
            append: occasion.append,
            output: &dir,
        };
        Ok(nmissed_vm::boot(&spec, on_message)?)
    }
}
