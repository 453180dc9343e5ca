// SPDX-License-Identifier: GPL-2.0-only
//! What every scenario should count, per kernel and variant, and why.
//!
//! The only place with expected values. Losses of the stock kernels stand
//! here as firmly as what a patch should make of them: a patch proves itself
//! by turning one into the other.

use nmissed_evidence::Tally;

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
    const fn on_links(self, links: u64) -> Self {
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
pub(crate) struct Expected {
    scenarios: &'static [&'static str],
    on: On,
    /// What a trigger adds.
    pub(crate) counts: PerTrigger,
    /// The kernel function that makes it so, and how.
    pub(crate) why: &'static str,
}

const fn row(
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
const KNOWN: &[&str] = &["6.12", "7.3"];

/// Variants without a patch.
const UNPATCHED: &[&str] = &["baseline"];
/// Variants that count what the kernel drops in silence.
const COUNTED: &[&str] = &["counters", "active", "guarded"];
/// Those, and the one without a patch.
const ALL_KNOWN: &[&str] = &["baseline", "counters", "active", "guarded"];

/// Variants whose kprobe.multi takes `bpf_prog_active`, the per-CPU counter
/// that all programs of kprobes and perf tracepoints take and yield to.
const STOCK: &[&str] = &["baseline", "counters"];
/// Variants whose kprobe.multi leaves it alone.
const PER_PROGRAM: &[&str] = &["active", "guarded"];
/// Variants whose kprobe.multi does not look at it either.
const ACTIVE: &[&str] = &["active"];
/// Variants whose kprobe.multi yields to whoever holds it.
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

/// The hit is lost: the one thing that a patch here exists to change.
const LOST: PerTrigger = PerTrigger {
    hits: 1,
    runs: 0,
    link_missed: Some(0),
    prog_missed: 0,
};

/// As [`PROG_MISSES`], for links without a counter of their own.
const TP_MISSES: PerTrigger = PerTrigger {
    link_missed: None,
    ..PROG_MISSES
};

/// The table.
const TABLE: &[Expected] = &[
    row(
        &[
            "kprobe/around-kprobe",
            "kprobe/around-kprobe.multi",
            "kprobe/around-tp",
            "kprobe.multi/around-all",
        ],
        On::All,
        RUNS,
        "nothing else runs when bpf_fentry_test1 is hit",
    ),
    row(
        &["kprobe/in-kprobe"],
        On::All,
        LINK_MISSES,
        "kprobe_ftrace_handler, kprobe_int3_handler (reenter_kprobe), optimized_callback: \
         kprobe_running(), so kprobes_inc_nmissed_count",
    ),
    row(
        &["tp/in-kprobe-1", "tp/in-kprobe-2", "tp/in-kprobe-3"],
        On::All,
        TP_MISSES,
        "trace_call_bpf: the outer program's holds bpf_prog_active",
    ),
    row(
        &[
            "kprobe/in-kprobe.multi-1",
            "kprobe/in-kprobe.multi-2",
            "kprobe/in-kprobe.multi-3",
        ],
        On::Only(KNOWN, STOCK),
        PROG_MISSES,
        "trace_call_bpf: kprobe_multi_link_prog_run holds bpf_prog_active",
    ),
    row(
        &["kprobe.multi/in-kprobe.multi"],
        On::Only(KNOWN, STOCK),
        PROG_MISSES,
        "kprobe_multi_link_prog_run: the outer program's holds bpf_prog_active",
    ),
    row(
        &["kprobe.session/in-kprobe.multi"],
        On::Only(&["6.12"], STOCK),
        PerTrigger {
            prog_missed: 2,
            ..PROG_MISSES
        },
        "kprobe_multi_link_prog_run returns 0 for a miss, so the return is tried, and missed, too",
    ),
    row(
        &["kprobe.session/in-kprobe.multi"],
        On::Only(&["7.3"], STOCK),
        PROG_MISSES,
        "kprobe_multi_link_prog_run returns 1 for a miss, so the return is not tried",
    ),
    row(
        &[
            "kprobe/in-kprobe.multi-1",
            "kprobe/in-kprobe.multi-2",
            "kprobe/in-kprobe.multi-3",
            "kprobe.multi/in-kprobe.multi",
            "kprobe.session/in-kprobe.multi",
        ],
        On::Only(KNOWN, PER_PROGRAM),
        RUNS,
        "kprobe_multi_link_prog_run of the outer program leaves bpf_prog_active alone",
    ),
    row(
        &["kprobe.multi/in-itself"],
        On::All,
        PerTrigger {
            hits: 2,
            runs: 1,
            link_missed: Some(0),
            prog_missed: 1,
        },
        "kprobe_multi_link_prog_run: this very program runs already, on this CPU",
    ),
    row(
        &["kprobe.multi/in-kprobe"],
        On::Only(KNOWN, YIELDING),
        PROG_MISSES,
        "kprobe_multi_link_prog_run: trace_call_bpf holds bpf_prog_active",
    ),
    row(
        &["kprobe.multi/in-map-syscall"],
        On::Only(KNOWN, YIELDING),
        PROG_MISSES,
        "kprobe_multi_link_prog_run: map_delete_elem holds bpf_prog_active \
         (bpf_disable_instrumentation)",
    ),
    row(
        &["kprobe.multi/in-kprobe", "kprobe.multi/in-map-syscall"],
        On::Only(KNOWN, ACTIVE),
        RUNS,
        "kprobe_multi_link_prog_run does not look at bpf_prog_active",
    ),
    row(
        &["kprobe/at-third-level"],
        On::Only(KNOWN, UNPATCHED),
        LOST,
        "kprobe_ftrace_handler returns if ftrace_test_recursion_trylock fails",
    ),
    row(
        &["kprobe/at-third-level"],
        On::Only(KNOWN, COUNTED),
        LINK_MISSES,
        "kprobe_ftrace_missed counts what ftrace_test_recursion_trylock refuses",
    ),
    row(
        &[
            "kprobe.multi/at-third-level",
            "kretprobe.multi/at-third-level",
            "kprobe.session/at-third-level",
        ],
        On::Only(&["6.12"], ALL_KNOWN),
        LINK_MISSES,
        "fprobe_handler counts what ftrace_test_recursion_trylock refuses",
    ),
    row(
        &["kprobe.multi/at-third-level"],
        On::Only(&["7.3"], UNPATCHED),
        LOST,
        "fprobe_ftrace_entry returns if ftrace_test_recursion_trylock fails",
    ),
    row(
        &["kprobe.multi/at-third-level"],
        On::Only(&["7.3"], COUNTED),
        LINK_MISSES,
        "fprobe_ftrace_missed counts what ftrace_test_recursion_trylock refuses",
    ),
    row(
        &[
            "kretprobe.multi/at-third-level",
            "kprobe.session/at-third-level",
        ],
        On::Only(&["7.3"], UNPATCHED),
        LOST,
        "function_graph_enter_regs returns if ftrace_test_recursion_trylock fails",
    ),
    row(
        &[
            "kretprobe.multi/at-third-level",
            "kprobe.session/at-third-level",
        ],
        On::Only(&["7.3"], COUNTED),
        LINK_MISSES,
        "fprobe_missed_entry hears what function_graph_enter_regs refuses",
    ),
    row(
        &[
            "kprobe/at-third-list",
            "kprobe.multi/at-third-list",
            "kretprobe.multi/at-third-list",
        ],
        On::Only(KNOWN, UNPATCHED),
        LOST,
        "__ftrace_ops_list_func returns if trace_test_and_set_recursion fails",
    ),
    row(
        &[
            "kprobe/at-third-list",
            "kprobe.multi/at-third-list",
            "kretprobe.multi/at-third-list",
        ],
        On::Only(KNOWN, COUNTED),
        LINK_MISSES,
        "ftrace_ops_list_missed calls those that __ftrace_ops_list_func does not",
    ),
    row(
        &["kretprobe.multi/32-links"],
        On::Only(KNOWN, ALL_KNOWN),
        RUNS.on_links(32),
        "fgraph_reserve_data has room for 32 words, or each link has its own rethook",
    ),
    row(
        &["kprobe.session/16-links"],
        On::Only(KNOWN, ALL_KNOWN),
        RUNS.on_links(16),
        "fgraph_reserve_data has room for 32 words, or each link has its own rethook",
    ),
    row(
        &["kretprobe.multi/33-links"],
        On::Only(&["6.12"], ALL_KNOWN),
        RUNS.on_links(33),
        "rethook_try_get: each link has its own rethook",
    ),
    row(
        &["kprobe.session/17-links"],
        On::Only(&["6.12"], ALL_KNOWN),
        RUNS.on_links(17),
        "rethook_try_get: each link has its own rethook",
    ),
    row(
        &["kretprobe.multi/33-links"],
        On::Only(&["7.3"], ALL_KNOWN),
        LINK_MISSES.on_links(33),
        "fprobe_fgraph_entry: fgraph_reserve_data has room for 32 words, and so for none",
    ),
    row(
        &["kprobe.session/17-links"],
        On::Only(&["7.3"], ALL_KNOWN),
        LINK_MISSES.on_links(17),
        "fprobe_fgraph_entry: fgraph_reserve_data has room for 32 words, and so for none",
    ),
    row(
        &["perf_event/in-fentry"],
        On::All,
        PerTrigger {
            link_missed: None,
            ..RUNS
        },
        "__bpf_prog_enter_recur holds prog->active alone",
    ),
    row(
        &["perf_event/in-kprobe"],
        On::Only(KNOWN, UNPATCHED),
        PerTrigger {
            link_missed: None,
            ..LOST
        },
        "bpf_overflow_handler returns if bpf_prog_active is held",
    ),
    row(
        &["perf_event/in-kprobe"],
        On::Only(KNOWN, COUNTED),
        TP_MISSES,
        "bpf_overflow_handler counts what bpf_prog_active keeps out",
    ),
    row(
        &["tp/in-itself"],
        On::Only(KNOWN, UNPATCHED),
        PerTrigger {
            hits: 2,
            runs: 1,
            link_missed: None,
            prog_missed: 0,
        },
        "perf_trace_buf_alloc has one buffer per context",
    ),
    row(
        &["tp/in-itself"],
        On::Only(KNOWN, COUNTED),
        PerTrigger {
            hits: 2,
            runs: 1,
            link_missed: None,
            prog_missed: 1,
        },
        "perf_trace_event_buf_alloc counts for the programs of the event",
    ),
    row(
        &[
            "uretprobe/65-deep",
            "uretprobe.multi/65-deep",
            "uprobe.session/65-deep",
        ],
        On::Only(KNOWN, UNPATCHED),
        PerTrigger {
            hits: 65,
            runs: 64,
            link_missed: None,
            prog_missed: 0,
        },
        "prepare_uretprobe keeps 64 returns of a thread (MAX_URETPROBE_DEPTH)",
    ),
    row(
        &[
            "uretprobe/65-deep",
            "uretprobe.multi/65-deep",
            "uprobe.session/65-deep",
        ],
        On::Only(KNOWN, COUNTED),
        PerTrigger {
            hits: 65,
            runs: 64,
            link_missed: Some(1),
            prog_missed: 0,
        },
        "uretprobe_missed counts for the consumers of a return that is not kept",
    ),
];

/// What `scenario` should show on this kernel, if that is known: not for a
/// kernel or a patch that nobody has tried, where it depends on them.
///
/// # Panics
/// If there is no such scenario.
pub(crate) fn find(scenario: &str, kernel: &str, variant: &str) -> Option<&'static Expected> {
    let mut rows = rows_of(scenario).peekable();
    assert!(rows.peek().is_some(), "no expectation names {scenario}");
    rows.find(|row| row.on.holds(kernel, variant))
}

/// All that the table says about `scenario`.
fn rows_of(scenario: &str) -> impl Iterator<Item = &'static Expected> {
    TABLE
        .iter()
        .filter(move |row| row.scenarios.contains(&scenario))
}

#[cfg(test)]
mod tests {
    use test_case::test_matrix;

    use super::{TABLE, find, rows_of};

    #[test_matrix(["6.12", "7.3"], ["baseline", "counters", "active", "guarded"])]
    fn each_scenario_has_one_row(kernel: &str, variant: &str) {
        for scenario in TABLE.iter().flat_map(|row| row.scenarios) {
            let holding = rows_of(scenario).filter(|row| row.on.holds(kernel, variant));
            assert_eq!(holding.count(), 1, "{scenario}");
        }
    }

    #[test]
    fn what_depends_on_the_kernel_is_judged_on_known_ones_only() {
        assert!(find("kprobe.multi/in-kprobe", "7.3", "active").is_some());
        assert!(find("kprobe.multi/in-kprobe", "7.3", "mine").is_none());
        assert!(find("kprobe.multi/in-kprobe", "6.1", "active").is_none());
        assert!(find("kprobe/in-kprobe", "6.1", "mine").is_some());
    }

    #[test]
    #[should_panic(expected = "no expectation names kprobe/typo")]
    fn a_typing_error_is_found() {
        let _ = find("kprobe/typo", "6.12", "baseline");
    }
}
