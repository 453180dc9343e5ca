// SPDX-License-Identifier: GPL-2.0-only
//! A kernel function that is entered several times before it returns.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use libbpf_rs::MapMut;

/// The BPF file system.
const BPFFS: &str = "/sys/fs/bpf";

/// Nested calls of `btf_struct_show`, which shows the value of a pinned array by the
/// array's BTF and calls itself for a struct in a struct. bpf(2) is not involved: no
/// counter that programs yield to is taken.
///
/// No other code of the guest calls it. The array is unpinned on drop.
pub struct NestedCalls {
    path: PathBuf,
    depth: usize,
}

impl NestedCalls {
    /// Pins `map`, an array of one value that is `depth` structs, each in the next.
    ///
    /// # Errors
    /// If the BPF file system is not mounted, or refuses.
    pub fn of(map: &mut MapMut<'_>, depth: u64) -> Result<Self> {
        let path = PathBuf::from(BPFFS).join("nmissed-nested");
        map.pin(&path)
            .with_context(|| format!("pinning a map as {}", path.display()))?;
        let depth = usize::try_from(depth)?;
        Ok(Self { path, depth })
    }

    /// Has the function called `times` times, each time nested as deep as the value.
    ///
    /// # Errors
    /// If the kernel shows another value.
    pub fn make(&self, times: u64) -> Result<()> {
        (0..times).try_for_each(|_| self.show())
    }

    fn show(&self) -> Result<()> {
        let path = &self.path;
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("reading {}", path.display()))?;
        let shown = text.matches('{').count();
        let depth = self.depth;
        ensure!(
            shown == depth,
            "the map shows {shown} structs, not {depth}:\n{text}"
        );
        Ok(())
    }
}

impl Drop for NestedCalls {
    fn drop(&mut self) {
        // A failure has no consequence: the guest ends soon.
        let _ = fs::remove_file(&self.path);
    }
}
