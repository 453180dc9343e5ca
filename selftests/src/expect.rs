// SPDX-License-Identifier: GPL-2.0-only
//! What every scenario should count, per kernel and variant, and why.
//!
//! The only place with expected values. Losses of the stock kernels stand
//! here as firmly as what a patch should make of them: a patch proves itself
//! by turning one into the other.

use nmissed_evidence::Tally;

/// What one trigger adds to the counters of one observed program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerTrigger {
    /// Hits of the program's probe.
    pub hits: u64,
    /// Runs of the program.
    pub runs: u64,
    /// The link's missed counter; `None` for links that have none.
    pub link_missed: Option<u64>,
    /// The program's `recursion_misses`.
    pub prog_missed: u64,
}

impl PerTrigger {
    /// The counters after `times` triggers.
    #[must_use]
    pub fn times(&self, times: u64) -> Tally {
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
enum On {
    /// Whatever the kernel, whatever the patch.
    All,
    /// These variants of these kernels (ids of `vmconfig/kernels.toml`).
    Only(&'static [&'static str], &'static [&'static str]),
}

impl On {
    fn holds(self, kernel: &str, variant: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(kernels, variants) => {
                kernels.contains(&kernel) && variants.contains(&variant)
            }
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// The scenario's id.
    pub scenario: &'static str,
    on: On,
    /// What a trigger adds.
    pub counts: PerTrigger,
    /// The kernel function that makes it so, and how.
    pub why: &'static str,
}

/// Kernels where the patches were tried.
const KNOWN: &[&str] = &["6.12", "7.3"];

/// Variants whose kprobe.multi takes `bpf_prog_active`, the per-CPU counter
/// that all programs of kprobes and perf tracepoints take and yield to.
const STOCK: &[&str] = &["baseline", "counters"];
/// Variants whose kprobe.multi yields to the same program only, on this CPU.
const PER_PROGRAM: &[&str] = &["active", "guarded"];
/// Variants whose kprobe.multi does not look at `bpf_prog_active`.
const ACTIVE: &[&str] = &["active"];
/// Variants whose kprobe.multi yields to whoever holds `bpf_prog_active`.
const YIELDING: &[&str] = &["baseline", "counters", "guarded"];

/// The hit runs the program.
const RUNS: PerTrigger = PerTrigger {
    hits: 1,
    runs: 1,
    link_missed: Some(0),
    prog_missed: 0,
};
/// The hit is counted by the layer under the link.
const LINK_MISSES: PerTrigger = PerTrigger {
    hits: 1,
    runs: 0,
    link_missed: Some(1),
    prog_missed: 0,
};
/// The hit is counted by the program.
const PROG_MISSES: PerTrigger = PerTrigger {
    hits: 1,
    runs: 0,
    link_missed: Some(0),
    prog_missed: 1,
};

const OUTERMOST: &str = "nothing else runs when bpf_fentry_test1 is hit";
const KPROBE_YIELDS: &str = "trace_call_bpf: bpf_prog_active is held by the outer program";
const MULTI_YIELDS: &str =
    "kprobe_multi_link_prog_run: bpf_prog_active is held by the outer program";
const MULTI_LEAVES_IT: &str =
    "kprobe_multi_link_prog_run of the outer program leaves bpf_prog_active alone";

/// The table.
const TABLE: &[Expected] = &[
    // perf_kprobe
    row("kprobe/around-kprobe", On::All, RUNS, OUTERMOST),
    row(
        "kprobe/nested-in-kprobe",
        On::All,
        LINK_MISSES,
        "kprobe_ftrace_handler: kprobe_running(), so kprobes_inc_nmissed_count",
    ),
    // kprobe_recursion
    row("kprobe.multi/around-all", On::All, RUNS, OUTERMOST),
    row(
        "kprobe/nested-in-kprobe.multi-1",
        On::Only(KNOWN, STOCK),
        PROG_MISSES,
        KPROBE_YIELDS,
    ),
    row(
        "kprobe/nested-in-kprobe.multi-1",
        On::Only(KNOWN, PER_PROGRAM),
        RUNS,
        MULTI_LEAVES_IT,
    ),
    row(
        "kprobe/nested-in-kprobe.multi-2",
        On::Only(KNOWN, STOCK),
        PROG_MISSES,
        KPROBE_YIELDS,
    ),
    row(
        "kprobe/nested-in-kprobe.multi-2",
        On::Only(KNOWN, PER_PROGRAM),
        RUNS,
        MULTI_LEAVES_IT,
    ),
    row(
        "kprobe/nested-in-kprobe.multi-3",
        On::Only(KNOWN, STOCK),
        PROG_MISSES,
        KPROBE_YIELDS,
    ),
    row(
        "kprobe/nested-in-kprobe.multi-3",
        On::Only(KNOWN, PER_PROGRAM),
        RUNS,
        MULTI_LEAVES_IT,
    ),
    row(
        "kprobe.multi/nested-in-kprobe.multi",
        On::Only(KNOWN, STOCK),
        PROG_MISSES,
        MULTI_YIELDS,
    ),
    row(
        "kprobe.multi/nested-in-kprobe.multi",
        On::Only(KNOWN, PER_PROGRAM),
        RUNS,
        MULTI_LEAVES_IT,
    ),
    row(
        "kprobe.session/nested-in-kprobe.multi",
        On::Only(&["6.12"], STOCK),
        PerTrigger {
            prog_missed: 2,
            ..PROG_MISSES
        },
        "kprobe_multi_link_prog_run returns 0 for a miss, so the return is tried, and missed, too",
    ),
    row(
        "kprobe.session/nested-in-kprobe.multi",
        On::Only(&["7.3"], STOCK),
        PROG_MISSES,
        "kprobe_multi_link_prog_run returns 1 for a miss, so the return is left alone",
    ),
    row(
        "kprobe.session/nested-in-kprobe.multi",
        On::Only(KNOWN, PER_PROGRAM),
        RUNS,
        MULTI_LEAVES_IT,
    ),
    // tp_recursion
    row("kprobe/around-tp", On::All, RUNS, OUTERMOST),
    row("tp/nested-in-kprobe-1", On::All, TP_MISSES, KPROBE_YIELDS),
    row("tp/nested-in-kprobe-2", On::All, TP_MISSES, KPROBE_YIELDS),
    row("tp/nested-in-kprobe-3", On::All, TP_MISSES, KPROBE_YIELDS),
    // what tells the variants apart
    row(
        "kprobe.multi/nested-in-itself",
        On::All,
        PerTrigger {
            hits: 2,
            runs: 1,
            link_missed: Some(0),
            prog_missed: 1,
        },
        "kprobe_multi_link_prog_run: this very program runs already, on this CPU",
    ),
    row("kprobe/around-kprobe.multi", On::All, RUNS, OUTERMOST),
    row(
        "kprobe.multi/nested-in-kprobe",
        On::Only(KNOWN, YIELDING),
        PROG_MISSES,
        MULTI_YIELDS,
    ),
    row(
        "kprobe.multi/nested-in-kprobe",
        On::Only(KNOWN, ACTIVE),
        RUNS,
        "kprobe_multi_link_prog_run does not look at bpf_prog_active",
    ),
    row(
        "kprobe.multi/in-map-syscall",
        On::Only(KNOWN, YIELDING),
        PROG_MISSES,
        "kprobe_multi_link_prog_run: map_delete_elem holds bpf_prog_active \
         (bpf_disable_instrumentation)",
    ),
    row(
        "kprobe.multi/in-map-syscall",
        On::Only(KNOWN, ACTIVE),
        RUNS,
        "kprobe_multi_link_prog_run does not look at bpf_prog_active",
    ),
];

/// As [`PROG_MISSES`], for links without a counter of their own.
const TP_MISSES: PerTrigger = PerTrigger {
    link_missed: None,
    ..PROG_MISSES
};

const fn row(scenario: &'static str, on: On, counts: PerTrigger, why: &'static str) -> Expected {
    Expected {
        scenario,
        on,
        counts,
        why,
    }
}

/// What `scenario` should show on this kernel, if that is known: not for a
/// kernel or a patch that nobody has tried, where it depends on them.
#[must_use]
pub fn find(scenario: &str, kernel: &str, variant: &str) -> Option<&'static Expected> {
    TABLE
        .iter()
        .find(|row| row.scenario == scenario && row.on.holds(kernel, variant))
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::{KNOWN, PER_PROGRAM, STOCK, TABLE, find};

    #[test]
    fn every_row_can_be_found_and_none_twice() {
        for kernel in KNOWN {
            for variant in [STOCK, PER_PROGRAM].concat() {
                for row in TABLE {
                    let same = TABLE
                        .iter()
                        .filter(|other| other.scenario == row.scenario)
                        .filter(|other| other.on.holds(kernel, variant));
                    assert_eq!(same.count(), 1, "{} on {kernel} {variant}", row.scenario);
                }
            }
        }
    }

    #[test_case("kprobe.multi/nested-in-kprobe", "7.3", "mine")]
    #[test_case("kprobe.multi/nested-in-kprobe", "6.1", "baseline")]
    fn the_unknown_is_not_judged(scenario: &str, kernel: &str, variant: &str) {
        assert!(find(scenario, kernel, variant).is_none());
    }

    #[test]
    fn what_no_patch_changes_is_judged_everywhere() {
        assert!(find("kprobe/nested-in-kprobe", "6.1", "mine").is_some());
    }
}
