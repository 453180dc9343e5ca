// SPDX-License-Identifier: GPL-2.0-only
//! Which kernels have runs that have not ended.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The number of runs that have not ended, by kernel.
#[derive(Debug, Default)]
pub(crate) struct Due(Mutex<BTreeMap<String, usize>>);

impl Due {
    /// Adds runs of a kernel.
    pub(crate) fn add(&self, kernel: &str, runs: usize) {
        *self.runs().entry(kernel.to_owned()).or_default() += runs;
    }

    /// Ends a run, and returns whether it was the last of its kernel: of any number of
    /// threads one has the last.
    pub(crate) fn end(&self, kernel: &str) -> bool {
        let mut runs = self.runs();
        let left = runs.get(kernel).map_or(0, |left| left.saturating_sub(1));
        match left {
            0 => runs.remove(kernel).is_some(),
            _ => runs.insert(kernel.to_owned(), left).is_none(),
        }
    }

    /// Returns the kernels of which a run has not ended, sorted.
    pub(crate) fn kernels(&self) -> Vec<String> {
        self.runs().keys().cloned().collect()
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_run_of_each_kernel_is_known() {
        let due = Due::default();
        due.add("6.12", 2);
        due.add("7.3.4", 1);
        // A second image of the same release.
        due.add("7.3.4", 1);
        assert!(!due.end("7.3.4"));
        assert!(!due.end("6.12"));
        assert!(due.end("7.3.4"));
        assert_eq!(due.kernels(), ["6.12"]);
        assert!(due.end("6.12"));
        assert!(due.kernels().is_empty() && !due.end("6.12"));
    }
}
