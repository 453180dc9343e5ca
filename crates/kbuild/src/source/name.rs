// SPDX-License-Identifier: GPL-2.0-only
//! Names that become parts of paths.

/// Whether a text can be a part of paths and of the kernel release.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".+-".contains(c))
}
