// SPDX-License-Identifier: GPL-2.0-only
//! Which kernels a command boots: ours, which are built first, and those that
//! others built.

use std::path::{Path, PathBuf};

use anyhow::Result;
use nmissed_host::Host;
use nmissed_kbuild::{StockSpec, fetch_stock};

use crate::boots::Bootable;
use crate::cli::Selection;
use crate::exit::UsageError;
use crate::image::check_is_file;
use crate::kernel;
use crate::needs::Step;
use crate::plan::{self, KernelPlan};
use crate::workspace::Workspace;

/// Everything that the options name, checked.
#[derive(Debug, Default)]
pub(crate) struct Subjects {
    /// To be built.
    pub(crate) ours: Vec<KernelPlan>,
    /// To be fetched.
    stock: Vec<(String, StockSpec)>,
    /// The user's own.
    image: Option<PathBuf>,
}

impl Subjects {
    /// Sorts out what is what. The default kernel is meant if none is named, and
    /// `variants` of it, or of those that are.
    pub(crate) fn of(
        workspace: &Workspace,
        selection: &Selection,
        variants: &[&str],
        image: Option<&Path>,
    ) -> Result<Self> {
        if let Some(image) = image {
            check_is_file(image)?;
        }
        let kernels = plan::kernels(workspace)?;
        let stock_of = |id: &String| Some((id.clone(), kernels.stock(id)?.clone()));
        let stock: Vec<_> = selection.kernel.iter().filter_map(stock_of).collect();
        let mut ours = selection.clone();
        ours.kernel.retain(|id| kernels.stock(id).is_none());
        let only_others = ours.kernel.is_empty() && (image.is_some() || !stock.is_empty());
        Ok(Self {
            ours: if only_others {
                no_variants(&ours)?;
                Vec::new()
            } else {
                plan::plan(workspace, &ours, variants)?
            },
            stock,
            image: image.map(Path::to_owned),
        })
    }

    /// These, and nothing else.
    pub(crate) fn ours(ours: Vec<KernelPlan>) -> Self {
        Self {
            ours,
            ..Self::default()
        }
    }

    /// What the host must be able to do for them.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let mut steps = vec![Step::Source, Step::Guest, Step::Boot];
        if !self.ours.is_empty() {
            steps.extend(kernel::source_steps(&self.ours));
            steps.push(Step::Kernel);
        }
        steps
    }

    /// Those that others built, at hand.
    pub(crate) fn others(&self, host: &Host) -> Result<Vec<Bootable>> {
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

/// Patches are for kernels that are built here.
fn no_variants(selection: &Selection) -> Result<()> {
    if selection.variant.is_empty() && selection.patch.is_empty() {
        return Ok(());
    }
    let why = "--variant and --patch are for kernels that are built here; \
               those that others built are booted as they are";
    Err(UsageError(why.to_owned()).into())
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}
