// SPDX-License-Identifier: GPL-2.0-only
//! A kernel that can be booted.

use std::path::{Path, PathBuf};

use nmissed_kbuild::{BuiltKernel, KernelSpec, Series, stock_module};

/// What a kernel that was not built here has in place of a variant.
pub(crate) const STOCK: &str = "stock";

/// A kernel that can be booted.
#[derive(Clone, Debug)]
pub(crate) struct Bootable {
    /// For results: an id of kernels.toml; of a kernel that is booted as it is the release.
    pub(crate) id: String,
    /// For results: `baseline`, or `stock`.
    pub(crate) variant: String,
    /// The behaviours that its patches declare, as in `NMISSED_BEHAVIOURS`.
    pub(crate) behaviours: String,
    /// For the folder of its evidence: the variant, if nothing else is said.
    pub(crate) label: String,
    /// bzImage.
    pub(crate) image: PathBuf,
    /// vmlinux, or the bzImage again where there is nothing else.
    pub(crate) vmlinux: PathBuf,
    /// A module for tests to probe, if the kernel has one.
    pub(crate) module: Option<PathBuf>,
    /// Of a kernel that was configured here.
    pub(crate) configured: Option<Configured>,
}

/// What is known of a kernel that was configured here.
#[derive(Clone, Debug)]
pub(crate) struct Configured {
    /// As `uname -r` prints it.
    pub(crate) release: String,
    /// The `.config` file.
    pub(crate) config: PathBuf,
    /// As in [`BuiltKernel`].
    pub(crate) source: String,
    /// As in [`BuiltKernel`].
    pub(crate) toolchain: Vec<String>,
}

impl Bootable {
    /// A kernel that was built here.
    pub(crate) fn built(spec: &KernelSpec, series: &Series, built: &BuiltKernel) -> Self {
        Self {
            id: spec.id.clone(),
            variant: series.name().to_owned(),
            behaviours: series.behaviours().to_string(),
            label: series.name().to_owned(),
            image: built.bzimage.clone(),
            vmlinux: built.vmlinux.clone(),
            module: built.module.clone(),
            configured: Some(Configured {
                release: built.release.clone(),
                config: built.config.clone(),
                source: built.source.clone(),
                toolchain: built.toolchain.clone(),
            }),
        }
    }

    /// A distribution's kernel, or an image of the user.
    pub(crate) fn stock(release: &str, image: &Path) -> Self {
        Self {
            id: release.to_owned(),
            variant: STOCK.to_owned(),
            behaviours: String::new(),
            label: STOCK.to_owned(),
            image: image.to_owned(),
            vmlinux: image.to_owned(),
            module: stock_module(image),
            configured: None,
        }
    }

    /// The same kernel for a further run, with evidence of its own.
    pub(crate) fn attempt(&self, number: u32) -> Self {
        let mut again = self.clone();
        if number > 1 {
            again.variant = format!("{}-{number}", self.variant);
            again.label.clone_from(&again.variant);
        }
        again
    }

    /// The same kernel with its evidence in a folder of another name.
    pub(crate) fn labelled(mut self, label: &str) -> Self {
        label.clone_into(&mut self.label);
        self
    }

    /// The same kernel for a further boot of one run: the files of that boot are in a
    /// folder `boot-<number>` beside those of the first.
    pub(crate) fn boot(&self, number: u32) -> Self {
        let folder = match number {
            1 => self.label.clone(),
            _ => format!("{}/boot-{number}", self.label),
        };
        self.clone().labelled(&folder)
    }

    /// The machine of vm.toml: kernels that are built here have no drivers for a
    /// q35.
    pub(crate) fn machine(&self) -> &'static str {
        if self.configured.is_some() {
            "microvm"
        } else {
            "q35"
        }
    }
}
