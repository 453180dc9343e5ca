// SPDX-License-Identifier: GPL-2.0-only
//! Options that several verbs have.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use nmissed_runner::{BootSettings, DefaultVariants, Selection, Targets, Workspace};
use nmissed_vm::Accel;

/// Kernels and variants of each.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Kernels {
    /// A kernel of vmconfig/kernels.toml, which also has distribution kernels
    /// (repeatable) [default: the one marked there]
    #[arg(long, value_name = "ID")]
    kernel: Vec<String>,

    /// baseline, or a stack of patches: a folder of patches/ID (repeatable)
    /// [default: `compare` of vmconfig/kernels.toml, baseline with --patch]
    #[arg(long, value_name = "V")]
    variant: Vec<String>,

    /// A patch file of your own (repeatable, in order); adds the variant
    /// `patched`, which is baseline with these patches
    #[arg(long, value_name = "FILE")]
    patch: Vec<PathBuf>,
}

impl From<&Kernels> for Selection {
    fn from(options: &Kernels) -> Self {
        Self {
            kernels: options.kernel.clone(),
            variants: options.variant.clone(),
            patches: options.patch.clone(),
        }
    }
}

/// Kernels to boot.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct BootOptions {
    #[command(flatten)]
    kernels: Kernels,

    /// A bzImage or vmlinuz, booted as it is
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,

    /// Keep results.json, consoles, configurations and command lines here
    /// [default: target/vm/run-NNNN]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,

    #[command(flatten)]
    accel: AccelOption,
}

impl BootOptions {
    /// Checks all names; `default` is for kernels without a named variant.
    pub(crate) fn targets(
        &self,
        workspace: &Workspace,
        default: DefaultVariants,
    ) -> Result<Targets> {
        let selection = Selection::from(&self.kernels);
        Targets::of(workspace, &selection, default, self.image.as_deref())
    }

    pub(crate) fn settings(&self) -> BootSettings {
        BootSettings {
            output: self.output.clone(),
            accel: self.accel.accel,
        }
    }
}

/// How the processor is emulated.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct AccelOption {
    /// kvm or tcg [default: kvm if a kernel really boots with it]
    #[arg(long, value_name = "ACCEL")]
    pub(crate) accel: Option<Accel>,
}
