// SPDX-License-Identifier: GPL-2.0-only
//! Chains of checks, and the facts that they go by.

use serde::Serialize;

use crate::answer::condition::Condition;
use crate::answer::refusal::Refusal;
use crate::answer::value::Answer;

/// One fact that led to an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The fact, as prose, which may be reworded.
    pub fact: String,
    /// The kernel function that checks it.
    pub asked_by: &'static str,
}

/// Collects the facts that lead to an answer; `()` drops them, while thousands of
/// functions are counted.
pub(super) trait Trail {
    fn note(&mut self, asked_by: &'static str, fact: impl FnOnce() -> String);
}

impl Trail for () {
    fn note(&mut self, _: &'static str, _: impl FnOnce() -> String) {}
}

impl Trail for Vec<Evidence> {
    fn note(&mut self, asked_by: &'static str, fact: impl FnOnce() -> String) {
        self.push(Evidence {
            fact: fact(),
            asked_by,
        });
    }
}

/// `Err` is the answer, and ends a chain of checks; `Ok` goes on to the next check.
pub(super) type Check = Result<(), Answer>;

pub(super) fn refuse_if(applies: bool, refusal: Refusal) -> Check {
    if applies {
        Err(Answer::No(refusal))
    } else {
        Ok(())
    }
}

pub(super) fn depends_if(applies: bool, condition: Condition) -> Check {
    if applies {
        Err(Answer::Depends(condition))
    } else {
        Ok(())
    }
}
