// SPDX-License-Identifier: GPL-2.0-only
//! Kernel images, read as the sessions need them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use nmissed_kimage::{Image, Mapped, unwrap};

use crate::exit::UsageError;

/// Reads an image for as long as `act` takes.
pub(crate) fn with_image<T>(path: &Path, act: impl FnOnce(&Image<'_>) -> Result<T>) -> Result<T> {
    let in_file = || path.display().to_string();
    let file = Mapped::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let unwrapped = unwrap(&file).with_context(in_file)?;
    let image = Image::parse(&unwrapped.elf).with_context(in_file)?;
    act(&image.mapped(&file))
}

/// Refuses a path that is misspelt, as wrong usage.
pub(crate) fn check_is_file(path: &Path) -> Result<(), UsageError> {
    let exists = fs::exists(path).unwrap_or(true);
    if exists && !path.is_dir() {
        return Ok(());
    }
    let why = if exists { "a folder" } else { "no such file" };
    Err(UsageError(format!("{}: {why}", path.display())))
}
