// SPDX-License-Identifier: GPL-2.0-only
//! The answer to the question whether a probe can be attached.

use crate::answer::arming::Arming;
use crate::answer::condition::Condition;
use crate::answer::refusal::Refusal;

/// What becomes of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It works, in this way.
    Yes(Arming),
    /// It is refused.
    No(Refusal),
    /// It depends on what only the running kernel knows.
    Depends(Condition),
}

impl Answer {
    /// In a word: the flavor, the error's name, or `depends`.
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

    /// Why it is not better, if it could be.
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
