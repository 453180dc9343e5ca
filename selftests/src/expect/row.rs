// SPDX-License-Identifier: GPL-2.0-only
//! A row of what is expected, and the words to write one with.

use nmissed_wire::Tally;

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
    /// The same for each of several links in the same place.
    pub(super) const fn on_links(self, links: u64) -> Self {
        Self {
            hits: self.hits * links,
            runs: self.runs * links,
            link_missed: match self.link_missed {
                Some(missed) => Some(missed * links),
                None => None,
            },
            prog_missed: self.prog_missed * links,
        }
    }

    /// Both of two hits per trigger.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            hits: self.hits + other.hits,
            runs: self.runs + other.runs,
            link_missed: self
                .link_missed
                .zip(other.link_missed)
                .map(|(one, other)| one + other),
            prog_missed: self.prog_missed + other.prog_missed,
        }
    }

    /// The counters after `times` triggers.
    pub(crate) fn times(&self, times: u64) -> Tally {
        Tally {
            triggers: self.hits * times,
            runs: self.runs * times,
            link_missed: self.link_missed.map(|missed| missed * times),
            prog_missed: Some(self.prog_missed * times),
        }
    }
}

/// Where a row holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum On {
    /// Whatever the kernel, whatever the patch.
    All,
    /// Kernels without a patch, whoever built them.
    Unpatched,
    /// These variants of these kernels (ids of `vmconfig/kernels.toml`).
    Only(&'static [&'static str], &'static [&'static str]),
}

impl On {
    pub(super) fn holds(self, kernel: &str, variant: &str) -> bool {
        match self {
            Self::All => true,
            Self::Unpatched => UNPATCHED.contains(&variant) || variant == AS_IT_IS,
            Self::Only(kernels, variants) => {
                kernels.contains(&kernel) && variants.contains(&variant)
            }
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) scenarios: &'static [&'static str],
    pub(super) on: On,
    /// What a trigger adds.
    pub(super) counts: PerTrigger,
    /// The kernel function that makes it so, and how.
    pub(super) why: &'static str,
}

pub(super) const fn row(
    scenarios: &'static [&'static str],
    on: On,
    counts: PerTrigger,
    why: &'static str,
) -> Expected {
    Expected {
        scenarios,
        on,
        counts,
        why,
    }
}

/// Kernels where the patches were tried.
pub(super) const KNOWN: &[&str] = &["6.12", "7.3"];

/// Variants without a patch.
pub(super) const UNPATCHED: &[&str] = &["baseline"];
/// The only variant of a kernel that others built.
const AS_IT_IS: &str = "stock";
/// Variants that count what the kernel drops in silence.
pub(super) const COUNTED: &[&str] = &["counters", "active", "guarded"];
/// Those, and the one without a patch.
pub(super) const ALL_KNOWN: &[&str] = &["baseline", "counters", "active", "guarded"];

/// Variants whose kprobe.multi takes `bpf_prog_active`, the per-CPU counter
/// that all programs of kprobes and perf tracepoints take and yield to.
pub(super) const STOCK: &[&str] = &["baseline", "counters"];
/// Those of them with a patch.
pub(super) const COUNTED_STOCK: &[&str] = &["counters"];
/// Variants whose kprobe.multi leaves it alone.
pub(super) const PER_PROGRAM: &[&str] = &["active", "guarded"];
/// Variants whose kprobe.multi does not look at it either.
pub(super) const ACTIVE: &[&str] = &["active"];
/// Variants whose kprobe.multi yields to whoever holds it.
pub(super) const YIELDING: &[&str] = &["baseline", "counters", "guarded"];
/// Those of them with a patch.
pub(super) const COUNTED_YIELDING: &[&str] = &["counters", "guarded"];

/// The hit runs the program.
pub(super) const RUNS: PerTrigger = PerTrigger {
    hits: 1,
    runs: 1,
    link_missed: Some(0),
    prog_missed: 0,
};
/// The hit is counted by the layer under the link.
pub(super) const LINK_MISSES: PerTrigger = PerTrigger {
    hits: 1,
    runs: 0,
    link_missed: Some(1),
    prog_missed: 0,
};
/// The hit is counted by the program.
pub(super) const PROG_MISSES: PerTrigger = PerTrigger {
    hits: 1,
    runs: 0,
    link_missed: Some(0),
    prog_missed: 1,
};

/// The hit is lost: the one thing that a patch here exists to change.
pub(super) const LOST: PerTrigger = PerTrigger {
    hits: 1,
    runs: 0,
    link_missed: Some(0),
    prog_missed: 0,
};

/// As [`PROG_MISSES`], for links without a counter of their own.
pub(super) const TP_MISSES: PerTrigger = PerTrigger {
    link_missed: None,
    ..PROG_MISSES
};
/// As [`RUNS`], where no link has a counter.
pub(super) const UNLINKED_RUNS: PerTrigger = PerTrigger {
    link_missed: None,
    ..RUNS
};
/// As [`LOST`], where no link has a counter.
pub(super) const UNLINKED_LOST: PerTrigger = PerTrigger {
    link_missed: None,
    ..LOST
};
