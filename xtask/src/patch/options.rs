// SPDX-License-Identifier: GPL-2.0-only
//! Options that several of these verbs have.

use std::path::PathBuf;

use clap::Args;
use nmissed_runner::{BootSettings, Selection};

use crate::options::AccelOption;

/// Kernels, and variants with patches of each.
#[derive(Args, Clone, Debug)]
pub(super) struct Stacks {
    /// A kernel of vmconfig/kernels.toml (repeatable) [default: the one marked
    /// there]
    #[arg(long, value_name = "ID")]
    kernel: Vec<String>,

    /// A stack of patches: a folder of patches/ID (repeatable) [default: all]
    #[arg(long, value_name = "V")]
    variant: Vec<String>,
}

impl From<&Stacks> for Selection {
    fn from(options: &Stacks) -> Self {
        Self {
            kernels: options.kernel.clone(),
            variants: options.variant.clone(),
            ..Self::default()
        }
    }
}

/// One variant of one kernel.
#[derive(Args, Clone, Debug)]
pub(super) struct Stack {
    /// A kernel of vmconfig/kernels.toml [default: the one marked there]
    #[arg(long, value_name = "ID")]
    kernel: Option<String>,

    /// A stack of patches: a folder of patches/ID
    #[arg(long, value_name = "V")]
    pub(super) variant: String,
}

impl From<&Stack> for Selection {
    fn from(options: &Stack) -> Self {
        Self {
            kernels: options.kernel.iter().cloned().collect(),
            variants: vec![options.variant.clone()],
            ..Self::default()
        }
    }
}

#[derive(Args, Clone, Debug)]
pub(super) struct EvidenceOptions {
    /// Keep results.json, consoles and configurations here
    /// [default: target/patch/run-NNNN]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,

    #[command(flatten)]
    accel: AccelOption,
}

impl From<&EvidenceOptions> for BootSettings {
    fn from(options: &EvidenceOptions) -> Self {
        Self {
            output: options.output.clone(),
            accel: options.accel.accel,
            ..Self::default()
        }
    }
}
