// SPDX-License-Identifier: GPL-2.0-only
//! The answer as a value.

use crate::answer::arming::Arming;
use crate::answer::condition::Condition;
use crate::answer::refusal::Refusal;

/// The answer to the question whether a probe can be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It can, and is armed like this.
    Yes(Arming),
    /// The kernel refuses it.
    No(Refusal),
    /// Only the running kernel can decide.
    Depends(Condition),
}

impl Answer {
    /// Returns one word: the flavor, the error's name, or `depends`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Yes(Arming::Ftrace) => "ftrace",
            Self::Yes(Arming::Optimized) => "optimized",
            Self::Yes(Arming::Int3(_)) => "int3",
            Self::No(refusal) => refusal.errno().name(),
            Self::Depends(_) => "depends",
        }
    }

    /// Returns why the probe is slow, refused or uncertain, as prose.
    #[must_use]
    pub fn reason(self) -> Option<String> {
        match self {
            Self::Yes(Arming::Ftrace | Arming::Optimized) => None,
            Self::Yes(Arming::Int3(reason)) => Some(reason.to_string()),
            Self::No(refusal) => Some(refusal.to_string()),
            Self::Depends(condition) => Some(condition.to_string()),
        }
    }
}
