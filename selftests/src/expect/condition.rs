// SPDX-License-Identifier: GPL-2.0-only
//! On which kernels a row holds.

use std::fmt;

use nmissed_wire::Behaviour;

use super::history;
use crate::kernel::under_test::KernelUnderTest;

/// A behaviour that the kernel must have, or must not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    behaviour: Behaviour,
    present: bool,
}

/// All of these must hold.
pub(super) type When = &'static [Condition];

/// On every kernel.
pub(super) const ALWAYS: When = &[];

pub(super) const fn has(behaviour: Behaviour) -> Condition {
    Condition {
        behaviour,
        present: true,
    }
}

pub(super) const fn lacks(behaviour: Behaviour) -> Condition {
    Condition {
        behaviour,
        present: false,
    }
}

/// Whether a kernel meets all conditions; `None` where one is unknown and no other fails.
pub(super) fn are_met(conditions: &[Condition], kernel: &KernelUnderTest) -> Option<bool> {
    let mut met = conditions.iter().map(|it| {
        let has = history::has(kernel, it.behaviour);
        has.map(|has| has == it.present)
    });
    if met.clone().any(|it| it == Some(false)) {
        return Some(false);
    }
    met.all(|it| it.is_some()).then_some(true)
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.present { "has" } else { "lacks" };
        let history = history::history(self.behaviour);
        write!(f, "{verb} {}: {history}", self.behaviour)
    }
}

#[cfg(test)]
impl Condition {
    /// Whether no kernel can meet both.
    pub(super) fn contradicts(self, other: Self) -> bool {
        self.behaviour == other.behaviour && self.present != other.present
    }
}
