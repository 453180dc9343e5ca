// SPDX-License-Identifier: GPL-2.0-only
//! Kernel images and modules, read from files.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use nmissed_kimage::{About, Error, Image, Mapped, unwrap};

/// A request that makes no sense: a path that is misspelt, a kernel and a module
/// that do not belong together.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WrongUsage(pub(crate) String);

/// Reads an image for as long as it takes to do something with it.
pub(super) fn with_image<T>(
    path: &Path,
    act: impl FnOnce(&Image<'_>, About) -> Result<T>,
) -> Result<T> {
    read(path, None, act)
}

/// The same for a module that a kernel loads.
pub(super) fn with_module<T>(
    path: &Path,
    kernel: &Image<'_>,
    act: impl FnOnce(&Image<'_>, About) -> Result<T>,
) -> Result<T> {
    read(path, Some(kernel), act)
}

fn read<T>(
    path: &Path,
    kernel: Option<&Image<'_>>,
    act: impl FnOnce(&Image<'_>, About) -> Result<T>,
) -> Result<T> {
    let in_file = || path.display().to_string();
    let file = open(path)?;
    let unwrapped = unwrap(&file).with_context(in_file)?;
    let image = match kernel {
        Some(kernel) => Image::parse_module(&unwrapped.elf, kernel),
        None => Image::parse(&unwrapped.elf),
    };
    let image = image.map_err(misfit).with_context(in_file)?.mapped(&file);
    act(&image, image.about(&unwrapped.layers))
}

/// A kernel and a module that do not belong together are wrong usage.
fn misfit(error: Error) -> anyhow::Error {
    match error {
        Error::NoModule | Error::NoKernel | Error::OtherKernel { .. } => {
            WrongUsage(format!("--base: {error}")).into()
        }
        error => error.into(),
    }
}

/// Maps a file; one that does not exist is wrong usage.
fn open(path: &Path) -> Result<Mapped> {
    check_is_file(path)?;
    Mapped::open(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Refuses a path that is misspelt, as wrong usage.
fn check_is_file(path: &Path) -> Result<()> {
    let exists = fs::exists(path).unwrap_or(true);
    if exists && !path.is_dir() {
        return Ok(());
    }
    let why = if exists { "a folder" } else { "no such file" };
    Err(WrongUsage(format!("{}: {why}", path.display())).into())
}
