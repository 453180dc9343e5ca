// SPDX-License-Identifier: GPL-2.0-only
//! How a kprobe is armed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the kernel calls the handler of a kprobe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flavor {
    /// Through the function's call site (`kprobe_ftrace_handler`).
    Ftrace,
    /// Through a breakpoint (`kprobe_int3_handler`).
    Int3,
    /// Through a jump that replaced the breakpoint (`optimized_callback`).
    Optimized,
}

impl Flavor {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 3] = [Self::Ftrace, Self::Int3, Self::Optimized];

    /// The name that records, scenarios and tables use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ftrace => "ftrace",
            Self::Int3 => "int3",
            Self::Optimized => "optimized",
        }
    }
}

impl fmt::Display for Flavor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
