// SPDX-License-Identifier: GPL-2.0-only
//! Images in files.

use std::io;
use std::path::{Path, PathBuf};

use crate::{About, Error, Image, Mapped, unwrap};

/// Reads the image in a file, and calls `act` with it. `kernel` is the one that
/// loads it, if it is a module and the kernel is known.
///
/// # Errors
/// [`OpenError`], and those of `act`.
pub fn open<T, E: From<OpenError>>(
    path: &Path,
    kernel: Option<&Image<'_>>,
    act: impl FnOnce(&Image<'_>, About) -> Result<T, E>,
) -> Result<T, E> {
    check_is_file(path)?;
    let file = Mapped::open(path).map_err(|error| OpenError::Read(path.to_owned(), error))?;
    let damaged = |error| OpenError::Image(path.to_owned(), error);
    let unwrapped = unwrap(&file).map_err(damaged)?;
    let image = match kernel {
        Some(kernel) => Image::parse_module(&unwrapped.elf, kernel),
        None => Image::parse(&unwrapped.elf),
    };
    let image = image.map_err(damaged)?.mapped(&file);
    let about = image.about(&unwrapped.layers);
    act(&image, about)
}

/// Checks that a path names something that can be opened as an image.
///
/// # Errors
/// [`OpenError::NotThere`] and [`OpenError::Folder`].
pub fn check_is_file(path: &Path) -> Result<(), OpenError> {
    if path.is_dir() {
        return Err(OpenError::Folder(path.to_owned()));
    }
    match path.try_exists() {
        Ok(false) => Err(OpenError::NotThere(path.to_owned())),
        // If the check itself fails, opening the file says why.
        _ => Ok(()),
    }
}

/// A file could not be opened as an image.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The path is misspelt.
    #[error("{}: no such file", .0.display())]
    NotThere(PathBuf),
    /// The path is that of a folder.
    #[error("{}: a folder", .0.display())]
    Folder(PathBuf),
    /// The system refused.
    #[error("cannot read {}", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// The bytes cannot be understood.
    #[error("{}", .0.display())]
    Image(PathBuf, #[source] Error),
}

impl OpenError {
    /// Returns whether the request was wrong, and not the file: a path that is
    /// misspelt, a kernel and a module that do not belong together.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::NotThere(_) | Self::Folder(_) => true,
            Self::Read(..) => false,
            Self::Image(_, error) => matches!(
                error,
                Error::NoModule | Error::NoKernel | Error::OtherKernel { .. }
            ),
        }
    }
}
