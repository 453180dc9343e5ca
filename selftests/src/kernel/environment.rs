// SPDX-License-Identifier: GPL-2.0-only
//! What PID 1 says about the kernel that runs.

use std::env;

/// The kernel and its patches, as whoever booted it named them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// The kernel's id in `vmconfig/kernels.toml`; empty if nobody said.
    pub(crate) kernel: String,
    /// `baseline`, `active`...; empty if nobody said.
    pub(crate) variant: String,
    /// Whether nmissed configured this kernel: then it has all that the tests
    /// need, and what is missing is a failure.
    pub(crate) configured: bool,
}

impl Environment {
    /// Reads the `NMISSED_*` variables.
    pub(crate) fn current() -> Self {
        let read = |name| env::var(name).unwrap_or_default();
        Self {
            kernel: read("NMISSED_KERNEL"),
            variant: read("NMISSED_VARIANT"),
            configured: read("NMISSED_CONFIGURED") == "1",
        }
    }
}
