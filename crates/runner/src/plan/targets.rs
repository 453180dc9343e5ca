// SPDX-License-Identifier: GPL-2.0-only
//! Which kernels a command boots: those that are built first, and those that
//! are booted as they are.

use std::path::PathBuf;

use crate::exit::UsageError;
use crate::needs::Step;
use crate::plan::bootable::Bootable;
use crate::plan::build::{build_one, source_steps};
use crate::plan::kernels::{self, DefaultVariants, KernelPlan};
use crate::plan::prebuilt::{self, Distributions, Prebuilt};
use crate::plan::selection::{Selection, unique};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use nmissed_host::Host;

/// The kernels of a command, all names checked.
#[derive(Debug, Default)]
pub struct Targets {
    pub(crate) to_build: Vec<KernelPlan>,
    pub(crate) prebuilt: Vec<Prebuilt>,
}

impl Targets {
    /// Sorts a selection into kernels to build, to fetch and to boot from a file.
    /// Without a kernel the default one is meant, without a variant those of
    /// `default`.
    ///
    /// # Errors
    /// As [`crate::plan()`]; also for a file that is no kernel image, a kernel that no suite
    /// of a distribution has, and for variants and patches where no kernel is built.
    pub fn of(
        workspace: &Workspace,
        selection: &Selection,
        default: DefaultVariants,
        images: &[PathBuf],
    ) -> Result<Self> {
        let kernels = kernels::kernels(workspace)?;
        let images = images.iter().map(|image| Prebuilt::image(image));
        let images = images.collect::<Result<Vec<_>>>()?;
        let host = Host::open()?;
        let mut distributions = Distributions::new(&kernels, &host);
        let mut prebuilt = Vec::new();
        let mut to_build = selection.clone();
        to_build.kernels.clear();
        for id in unique(&selection.kernels) {
            match distributions.find(id)? {
                Some(kernel) => prebuilt.push(kernel),
                None => to_build.kernels.push(id.to_owned()),
            }
        }
        prebuilt.extend(images);
        let none_built = to_build.kernels.is_empty() && !prebuilt.is_empty();
        Ok(Self {
            to_build: if none_built {
                no_variants(&to_build)?;
                Vec::new()
            } else {
                kernels::plan(workspace, &to_build, default)?
            },
            prebuilt,
        })
    }

    /// These kernels of distributions; without any, the newest of each release line, of the
    /// first flavor, oldest first.
    ///
    /// # Errors
    /// For a kernel that no suite has, or that is built here.
    pub fn distribution_kernels(workspace: &Workspace, ids: &[String]) -> Result<Self> {
        let kernels = kernels::kernels(workspace)?;
        let host = Host::open()?;
        let mut distributions = Distributions::new(&kernels, &host);
        let mut prebuilt = Vec::new();
        for id in ids {
            let no_distribution = || match kernels.get(id) {
                Ok(_) => UsageError(format!("{id} is no kernel of a distribution")).into(),
                Err(error) => anyhow::Error::from(error),
            };
            prebuilt.push(distributions.find(id)?.ok_or_else(no_distribution)?);
        }
        if ids.is_empty() {
            for spec in kernels.distributions() {
                prebuilt.extend(distributions.newest_of_each_line(spec)?);
            }
        }
        Ok(Self {
            prebuilt,
            ..Self::default()
        })
    }

    /// These, and nothing else.
    #[must_use]
    pub fn to_build(to_build: Vec<KernelPlan>) -> Self {
        Self {
            to_build,
            ..Self::default()
        }
    }

    /// How many boots of different kernels these are.
    pub(crate) fn count(&self) -> usize {
        let built: usize = self.to_build.iter().map(|plan| plan.series.len()).sum();
        built + self.prebuilt.len()
    }

    /// # Errors
    /// Unless these are one kernel and one variant.
    pub(crate) fn check_one(&self) -> Result<(), UsageError> {
        if self.count() == 1 {
            return Ok(());
        }
        let why = "one kernel is booted: name one --kernel or --image, and one --variant";
        Err(UsageError(why.to_owned()))
    }

    /// Builds or fetches the one kernel that these are; of one that is built, also the
    /// folder of its headers.
    pub(crate) fn one(&self, host: &Host) -> Result<(Bootable, Option<PathBuf>)> {
        self.check_one()?;
        let Some(plan) = self.to_build.first() else {
            let kernel = self.prebuilt(host)?.pop();
            return Ok((kernel.context("the kernel was not fetched")?, None));
        };
        let series = &plan.series[0];
        let built = build_one(plan, series, host)?;
        let kernel = Bootable::built(&plan.spec, series, &built);
        Ok((kernel, Some(built.uapi_dir)))
    }

    /// What the host must be able to do for them.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = vec![Step::Source, Step::Guest, Step::Boot];
        if !self.to_build.is_empty() {
            steps.extend(source_steps(&self.to_build));
            steps.push(Step::Kernel);
        }
        steps
    }

    /// Fetches those that are booted as they are.
    pub(crate) fn prebuilt(&self, host: &Host) -> Result<Vec<Bootable>> {
        prebuilt::fetch_all(&self.prebuilt, host)
    }
}

fn no_variants(selection: &Selection) -> Result<(), UsageError> {
    if selection.variants.is_empty() && selection.patches.is_empty() {
        return Ok(());
    }
    let why = "--variant and --patch are for kernels that are built here; \
               a distribution's kernel or an --image is booted as it is";
    Err(UsageError(why.to_owned()))
}
