// SPDX-License-Identifier: GPL-2.0-only
//! A row of what scenarios count, and the constants to write one with.

use nmissed_wire::{Behaviour, Tally};

use super::condition::When;
use super::history::has;
use crate::kernel::under_test::KernelUnderTest;

/// What one trigger adds to the counters of one observed program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PerTrigger {
    /// Hits of the program's probe.
    pub(crate) hits: u64,
    /// Runs of the program.
    pub(crate) runs: u64,
    /// The link's missed counter; `None` for links that have none.
    pub(crate) link_missed: Option<u64>,
    /// The program's `recursion_misses`.
    pub(crate) prog_missed: u64,
}

impl PerTrigger {
    const fn one_hit(runs: u64, link_missed: u64, prog_missed: u64) -> Self {
        Self {
            hits: 1,
            runs,
            link_missed: Some(link_missed),
            prog_missed,
        }
    }

    /// The same `times` over: per trigger several hits, or links on one function.
    pub(super) const fn repeated(self, times: u64) -> Self {
        Self {
            hits: self.hits * times,
            runs: self.runs * times,
            link_missed: match self.link_missed {
                Some(missed) => Some(missed * times),
                None => None,
            },
            prog_missed: self.prog_missed * times,
        }
    }

    /// The hits of both per trigger.
    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            hits: self.hits + other.hits,
            runs: self.runs + other.runs,
            link_missed: match (self.link_missed, other.link_missed) {
                (Some(one), Some(other)) => Some(one + other),
                _ => None,
            },
            prog_missed: self.prog_missed + other.prog_missed,
        }
    }

    /// The same where the link has no counter, or there is no link.
    pub(super) const fn unlinked(self) -> Self {
        Self {
            link_missed: None,
            ..self
        }
    }

    /// Returns the counters after `times` triggers.
    pub(crate) fn times(&self, times: u64) -> Tally {
        let all = self.repeated(times);
        Tally {
            triggers: all.hits,
            runs: all.runs,
            link_missed: all.link_missed,
            prog_missed: Some(all.prog_missed),
        }
    }
}

/// What scenarios count on the kernels that meet the conditions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) scenarios: &'static [&'static str],
    pub(super) when: When,
    counts: PerTrigger,
    /// The link has its counter only on kernels with this behaviour.
    link_counter: Option<Behaviour>,
    /// The first trigger hangs the kernel.
    pub(super) hangs: bool,
    /// The kernel function that makes it so, and how.
    pub(super) why: &'static str,
}

pub(super) const fn row(
    scenarios: &'static [&'static str],
    when: When,
    counts: PerTrigger,
    why: &'static str,
) -> Row {
    Row {
        scenarios,
        when,
        counts,
        link_counter: None,
        hangs: false,
        why,
    }
}

impl Row {
    /// The first trigger hangs the kernel.
    pub(super) const fn hangs(self) -> Self {
        Self {
            hangs: true,
            ..self
        }
    }

    /// The link has its counter only on kernels with `behaviour`.
    pub(super) const fn link_counter_with(self, behaviour: Behaviour) -> Self {
        Self {
            link_counter: Some(behaviour),
            ..self
        }
    }

    /// What a trigger adds on this kernel; `None` where it is not known whether the link
    /// has a counter.
    pub(super) fn counts(&self, kernel: &KernelUnderTest) -> Option<PerTrigger> {
        match self.link_counter {
            Some(behaviour) if !has(kernel, behaviour)? => Some(self.counts.unlinked()),
            _ => Some(self.counts),
        }
    }
}

/// The hit runs the program.
pub(super) const RUNS: PerTrigger = PerTrigger::one_hit(1, 0, 0);
/// The hit is counted by the layer under the link.
pub(super) const LINK_MISSES: PerTrigger = PerTrigger::one_hit(0, 1, 0);
/// The hit is counted by the program.
pub(super) const PROG_MISSES: PerTrigger = PerTrigger::one_hit(0, 0, 1);
/// The hit is counted by the program on entry, and once more on return.
pub(super) const PROG_MISSES_TWICE: PerTrigger = PerTrigger::one_hit(0, 0, 2);
/// The hit is in no counter.
pub(super) const LOST: PerTrigger = PerTrigger::one_hit(0, 0, 0);
/// As [`RUNS`], where no link has a counter.
pub(super) const UNLINKED_RUNS: PerTrigger = RUNS.unlinked();
/// As [`LOST`], where no link has a counter.
pub(super) const UNLINKED_LOST: PerTrigger = LOST.unlinked();
/// As [`PROG_MISSES`], where no link has a counter.
pub(super) const UNLINKED_PROG_MISSES: PerTrigger = PROG_MISSES.unlinked();
