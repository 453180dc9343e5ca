// SPDX-License-Identifier: GPL-2.0-only
//! Which kernels a command boots: those that are built first, and those that
//! are booted as they are.

use std::path::{Path, PathBuf};

use anyhow::Result;
use nmissed_host::Host;
use nmissed_kbuild::{StockSpec, fetch_stock};
use nmissed_kimage::check_is_file;

use crate::exit::UsageError;
use crate::needs::Step;
use crate::plan::bootable::Bootable;
use crate::plan::build::source_steps;
use crate::plan::kernels::{self, DefaultVariants, KernelPlan};
use crate::plan::selection::Selection;
use crate::workspace::Workspace;

/// The kernels of a command, all names checked.
#[derive(Debug, Default)]
pub struct Targets {
    pub(crate) to_build: Vec<KernelPlan>,
    /// Id, and where the image is fetched from.
    stock: Vec<(String, StockSpec)>,
    image: Option<PathBuf>,
}

impl Targets {
    /// Sorts a selection into kernels to build, to fetch and to boot from a file.
    /// Without a kernel the default one is meant, without a variant those of
    /// `default`.
    ///
    /// # Errors
    /// As [`crate::plan()`]; also for an image that is no file, and for variants
    /// and patches where no kernel is built.
    pub fn of(
        workspace: &Workspace,
        selection: &Selection,
        default: DefaultVariants,
        image: Option<&Path>,
    ) -> Result<Self> {
        if let Some(image) = image {
            check_is_file(image)?;
        }
        let kernels = kernels::kernels(workspace)?;
        let stock_of = |id: &String| Some((id.clone(), kernels.stock(id)?.clone()));
        let stock: Vec<_> = selection.kernels.iter().filter_map(stock_of).collect();
        let mut to_build = selection.clone();
        to_build.kernels.retain(|id| kernels.stock(id).is_none());
        let none_built = to_build.kernels.is_empty() && (image.is_some() || !stock.is_empty());
        Ok(Self {
            to_build: if none_built {
                no_variants(&to_build)?;
                Vec::new()
            } else {
                kernels::plan(workspace, &to_build, default)?
            },
            stock,
            image: image.map(Path::to_owned),
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
        let fetch = |(id, spec): &(String, StockSpec)| {
            let image = fetch_stock(spec, host)?;
            Ok(Bootable::stock(id, &image))
        };
        let mut all = self.stock.iter().map(fetch).collect::<Result<Vec<_>>>()?;
        let own = self.image.iter();
        all.extend(own.map(|image| Bootable::stock(&file_name(image), image)));
        Ok(all)
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

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}
