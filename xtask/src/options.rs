// SPDX-License-Identifier: GPL-2.0-only
//! Options that several verbs have.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use nmissed_runner::{
    BootSettings, DefaultVariants, OwnTreeRequest, Selection, Step, Targets, Workspace, ensure,
    plan_own_tree,
};
use nmissed_vm::Accel;

/// Kernels and variants of each.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Kernels {
    /// A kernel of vmconfig/kernels.toml, or Debian's: debian-6.18 is the newest
    /// point release, debian-6.18-rt another flavor, debian-RELEASE exactly that
    /// one (repeatable) [default: the one marked in kernels.toml]
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

/// An author's own tree.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct OwnTree {
    /// A kernel tree of your own, which is only read. Of a git tree the working tree as
    /// it is (`head`) is compared with its merge base (`baseline`); a folder without git
    /// is tested alone
    #[arg(long, value_name = "DIR", conflicts_with_all = ["kernel", "variant", "patch", "image"])]
    source: Option<PathBuf>,

    /// The revision with which the merge base is taken [default: the upstream branch,
    /// else the newest tag below HEAD]
    #[arg(long, value_name = "REV", requires = "source")]
    base: Option<String>,

    /// Test this revision, not the working tree
    #[arg(long, value_name = "REV", requires = "source")]
    head: Option<String>,

    /// A .config of your own; the options that tests need are set on top of it
    #[arg(long, value_name = "FILE", requires = "source")]
    config: Option<PathBuf>,

    /// A behaviour that your changes add, or with a `-` before it remove (repeatable):
    /// expectations follow it [default: what differs from baseline is reported]
    #[arg(
        long,
        value_name = "NAME",
        requires = "source",
        allow_hyphen_values = true
    )]
    behaviour: Vec<String>,
}

impl OwnTree {
    fn request(&self, source: &Path, alone: bool) -> OwnTreeRequest {
        OwnTreeRequest {
            source: source.to_owned(),
            base: self.base.clone(),
            head: self.head.clone(),
            config: self.config.clone(),
            behaviours: self.behaviour.clone(),
            alone,
        }
    }
}

/// Kernels to boot.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct BootOptions {
    #[command(flatten)]
    kernels: Kernels,

    #[command(flatten)]
    own: OwnTree,

    /// A bzImage or vmlinuz, booted as it is (repeatable)
    #[arg(long, value_name = "FILE")]
    image: Vec<PathBuf>,

    /// Keep results.json, consoles, configurations and command lines here
    /// [default: target/vm/run-NNNN]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,

    #[command(flatten)]
    accel: AccelOption,
}

impl BootOptions {
    /// Checks all names, and what the host lacks for these kernels. `default` is for kernels
    /// without a named variant; `alone` leaves out the baseline of an author's tree.
    pub(crate) fn targets(
        &self,
        workspace: &Workspace,
        default: DefaultVariants,
        install: bool,
        alone: bool,
    ) -> Result<Targets> {
        let targets = if let Some(source) = &self.own.source {
            ensure(&[Step::History], install)?;
            let request = self.own.request(source, alone);
            Targets::to_build(plan_own_tree(workspace, &request)?)
        } else {
            let selection = Selection::from(&self.kernels);
            Targets::of(workspace, &selection, default, &self.image)?
        };
        ensure(&targets.steps(), install)?;
        Ok(targets)
    }

    pub(crate) fn settings(&self) -> BootSettings {
        BootSettings {
            output: self.output.clone(),
            accel: self.accel.accel,
            ..BootSettings::default()
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
