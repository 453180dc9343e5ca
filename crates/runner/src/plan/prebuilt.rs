// SPDX-License-Identifier: GPL-2.0-only
//! Kernels that are booted as they are: a distribution's, or an image of the user.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nmissed_host::{Host, hash_file, write_atomic};
use nmissed_kbuild::{
    Kernels, StockKernel, StockKernels, StockSpec, cached_stock, fetch_stock, is_complete_stock,
    stock_kernels,
};
use nmissed_kimage::{Mapped, boot_image, boot_release, check_is_file};

use crate::exit::UsageError;
use crate::plan::bootable::Bootable;

/// A kernel that is booted as it is, its name checked.
#[derive(Clone, Debug)]
pub(crate) enum Prebuilt {
    /// An image, and the release that it says it is of, or the file's name.
    Image { label: String, file: PathBuf },
    /// A package that may have to be downloaded.
    Package {
        spec: StockSpec,
        kernel: StockKernel,
    },
}

impl Prebuilt {
    /// An image of the user.
    ///
    /// # Errors
    /// [`UsageError`] if it is no file, or no kernel that boots here.
    pub(crate) fn image(file: &Path) -> Result<Self> {
        check_is_file(file)?;
        let release = boot_release(&map(file)?)
            .map_err(|error| UsageError(format!("--image {}: {error}", file.display())))?;
        // It becomes the name of a folder.
        let release = release.filter(|release| !release.contains('/'));
        Ok(Self::Image {
            label: release.unwrap_or_else(|| file_name(file)),
            file: file.to_owned(),
        })
    }

    pub(crate) fn release(&self) -> &str {
        match self {
            Self::Image { label, .. } => label,
            Self::Package { kernel, .. } => &kernel.release,
        }
    }

    /// Downloads the image if the cache does not have it.
    fn fetch(&self, host: &Host) -> Result<PathBuf> {
        match self {
            Self::Image { file, .. } => without_uki(file, host),
            Self::Package { spec, kernel } => Ok(fetch_stock(spec, kernel, host)?),
        }
    }
}

/// Kernels of distributions, each one's lists read at most once.
pub(crate) struct Distributions<'a> {
    kernels: &'a Kernels,
    host: &'a Host,
    read: Vec<(&'a StockSpec, StockKernels)>,
}

impl<'a> Distributions<'a> {
    pub(crate) fn new(kernels: &'a Kernels, host: &'a Host) -> Self {
        Self {
            kernels,
            host,
            read: Vec::new(),
        }
    }

    /// Returns the kernel of an id such as `debian-6.18-rt`; `None` if the id is not one of
    /// a distribution. A whole release that the cache has needs no package lists, and one
    /// that is no longer in them is taken without its module.
    pub(crate) fn find(&mut self, id: &str) -> Result<Option<Prebuilt>> {
        let Some((spec, name)) = self.kernels.stock(id) else {
            return Ok(None);
        };
        let cached = cached_stock(name, &self.host.cache);
        let is_complete = cached.as_deref().is_some_and(is_complete_stock);
        let kernel = match &cached {
            Some(_) if is_complete => None,
            Some(_) => self.lists(spec).ok().and_then(|it| it.find(name).cloned()),
            None => Some(self.lists(spec)?.get(&spec.name, name)?.clone()),
        };
        let label = name.to_owned();
        Ok(match (kernel, cached) {
            (Some(kernel), _) => Some(Prebuilt::Package {
                spec: spec.clone(),
                kernel,
            }),
            (None, file) => file.map(|file| Prebuilt::Image { label, file }),
        })
    }

    /// Returns the newest kernel of each release line, of the first flavor.
    pub(crate) fn newest_of_each_line(&mut self, spec: &'a StockSpec) -> Result<Vec<Prebuilt>> {
        let kernels = self.lists(spec)?;
        let flavor = &kernels.flavors()[0];
        let lines = kernels.lines().into_iter();
        let newest = lines.filter_map(|line| kernels.newest(line, flavor));
        let package = |kernel: &StockKernel| Prebuilt::Package {
            spec: spec.clone(),
            kernel: kernel.clone(),
        };
        Ok(newest.map(package).collect())
    }

    /// Returns all kernels of a distribution.
    pub(crate) fn lists(&mut self, spec: &'a StockSpec) -> Result<&StockKernels> {
        let at = match self.read.iter().position(|(it, _)| *it == spec) {
            Some(at) => at,
            None => {
                self.read.push((spec, stock_kernels(spec, self.host)?));
                self.read.len() - 1
            }
        };
        Ok(&self.read[at].1)
    }
}

/// Fetches images. One that is named twice is booted once; different ones of one release
/// get variants of their own: `stock`, `stock-2`.
pub(crate) fn fetch_all(prebuilt: &[Prebuilt], host: &Host) -> Result<Vec<Bootable>> {
    let mut all: Vec<Bootable> = Vec::new();
    for kernel in prebuilt {
        let file = kernel.fetch(host)?;
        if all.iter().all(|other| other.image != file) {
            let same = all.iter().filter(|other| other.id == kernel.release());
            let number = 1 + u32::try_from(same.count())?;
            all.push(Bootable::stock(kernel.release(), &file).attempt(number));
        }
    }
    Ok(all)
}

fn map(file: &Path) -> Result<Mapped> {
    Mapped::open(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Returns a file that QEMU boots: of a unified kernel image, the kernel in it.
fn without_uki(file: &Path, host: &Host) -> Result<PathBuf> {
    let bytes = map(file)?;
    let kernel = boot_image(&bytes);
    if kernel.len() == bytes.len() {
        return Ok(file.to_owned());
    }
    let inner = host.cache.dir("uki")?.join(&hash_file(file)?[..16]);
    if !inner.is_file() {
        write_atomic(&inner, kernel)?;
    }
    Ok(inner)
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_one_release_have_folders_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::silent(dir.path()).unwrap();
        let image = |name: &str| {
            let file = dir.path().join(name);
            std::fs::write(&file, "not a unified kernel image").unwrap();
            let label = "6.18.15+deb13-cloud-amd64".to_owned();
            Prebuilt::Image { label, file }
        };
        let all = fetch_all(&[image("a"), image("b"), image("a")], &host).unwrap();
        let folders: Vec<_> = all
            .iter()
            .map(|it| (it.id.as_str(), it.label.as_str()))
            .collect();
        let release = "6.18.15+deb13-cloud-amd64";
        assert_eq!(folders, [(release, "stock"), (release, "stock-2")]);
    }
}
