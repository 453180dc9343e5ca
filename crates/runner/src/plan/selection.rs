// SPDX-License-Identifier: GPL-2.0-only
//! What a command asks for, by name.

use std::path::PathBuf;

use crate::exit::UsageError;

/// Kernels and variants by name, each repeatable and in order.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Ids of `vmconfig/kernels.toml`; the default kernel if empty.
    pub kernels: Vec<String>,
    /// The command's default variants if empty.
    pub variants: Vec<String>,
    /// Patch files of the user, which make the variant `patched`.
    pub patches: Vec<PathBuf>,
}

impl Selection {
    /// Checks that each patch is a file.
    pub(crate) fn check_patches(&self) -> Result<(), UsageError> {
        match self.patches.iter().find(|file| !file.is_file()) {
            Some(file) => Err(UsageError(format!(
                "--patch {}: there is no such file",
                file.display()
            ))),
            None => Ok(()),
        }
    }
}

/// Drops repetitions, in order.
pub(crate) fn unique(names: &[String]) -> Vec<&str> {
    let mut seen = Vec::new();
    for name in names.iter().map(String::as_str) {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}
