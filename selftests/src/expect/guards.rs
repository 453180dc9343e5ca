// SPDX-License-Identifier: GPL-2.0-only
//! What the scenarios of tests/pairs.rs count: not a row per pair, but what each
//! attach type takes while its program runs, and what it yields to.
//!
//! Not in here, because no pair gets there: a third level, which ftrace turns
//! away (expect/recursion.rs), and resources that run out
//! (expect/shadow_stack.rs).

use nmissed_wire::PAIR_IN;

use super::Expectation;
use super::kprobe_multi::{RETURN_NOT_TRIED, RETURN_TRIED};
use super::row::*;

/// What goes on is this very program.
const ITSELF: &str = "itself";
/// It is this very program, attached in the way that follows.
const ITSELF_AS: &str = "itself-as-";

/// Something that is taken while a program runs, and that others look at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guard {
    /// `current_kprobe`, of a CPU (`kprobe_running`).
    CurrentKprobe,
    /// `bpf_prog_active`, of a CPU.
    ProgActive,
    /// `prog->active`, of a program and a CPU.
    OwnActive,
    /// `current->perf_recursion`, of a task and a context: software events and the
    /// records of tracepoints (`perf_swevent_get_recursion_context`).
    PerfRecursion,
}
use Guard::{CurrentKprobe, OwnActive, PerfRecursion, ProgActive};

/// Who counts a hit that meets a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Miss {
    /// The layer under the link.
    Link,
    /// The program.
    Program,
    /// The program, on entry and once more on return.
    ProgramTwice,
    /// Nobody.
    Nobody,
}
use Miss::{Link, Nobody, Program, ProgramTwice};

/// What goes on takes these.
struct Takes {
    outer: &'static [&'static str],
    on: On,
    guards: &'static [Guard],
    why: &'static str,
}

/// A hit is missed if this is taken.
struct Yields {
    inner: &'static [&'static str],
    on: On,
    to: Guard,
    miss: Miss,
    why: &'static str,
}

const fn takes(
    outer: &'static [&'static str],
    on: On,
    guards: &'static [Guard],
    why: &'static str,
) -> Takes {
    Takes {
        outer,
        on,
        guards,
        why,
    }
}

const fn yields(
    inner: &'static [&'static str],
    on: On,
    to: Guard,
    miss: Miss,
    why: &'static str,
) -> Yields {
    Yields {
        inner,
        on,
        to,
        miss,
        why,
    }
}

const EVERYWHERE: On = On::Only(KNOWN, ALL_KNOWN);

const KPROBES: &[&str] = &["kprobe", "kretprobe"];
const MULTI: &[&str] = &["kprobe.multi", "kretprobe.multi"];
const SESSION: &[&str] = &["kprobe.session"];
const TP: &[&str] = &["tp"];
const RAW_TP: &[&str] = &["raw_tp", "tp_btf"];
const PERF_EVENT: &[&str] = &["perf_event"];
const TRAMPOLINE: &[&str] = &["fentry", "fexit", "fmod_ret"];
const FSESSION: &[&str] = &["fsession"];

const TAKES: &[Takes] = &[
    takes(&["nothing"], On::All, &[], "nothing goes on"),
    takes(
        &["map-syscall"],
        EVERYWHERE,
        &[ProgActive],
        "bpf_map_update_value takes bpf_prog_active (bpf_disable_instrumentation)",
    ),
    takes(
        &["kprobe", "kprobe-int3", "kprobe-optimized"],
        EVERYWHERE,
        &[CurrentKprobe, ProgActive],
        "kprobe_ftrace_handler, kprobe_int3_handler, optimized_callback take current_kprobe, \
         then trace_call_bpf takes bpf_prog_active",
    ),
    takes(
        &["kretprobe"],
        EVERYWHERE,
        &[CurrentKprobe, ProgActive],
        "kretprobe_rethook_handler takes current_kprobe, then trace_call_bpf bpf_prog_active",
    ),
    takes(
        &["kprobe.multi", "kretprobe.multi", "kprobe.session"],
        On::Only(KNOWN, STOCK),
        &[ProgActive],
        "kprobe_multi_link_prog_run takes bpf_prog_active",
    ),
    takes(
        &["kprobe.multi", "kretprobe.multi", "kprobe.session"],
        On::Only(KNOWN, PER_PROGRAM),
        &[OwnActive],
        "kprobe_multi_link_prog_run takes prog->active",
    ),
    takes(
        TP,
        EVERYWHERE,
        &[PerfRecursion, ProgActive],
        "perf_trace_buf_alloc takes current->perf_recursion, then trace_call_bpf takes \
         bpf_prog_active",
    ),
    takes(
        &["syscall-tp"],
        On::Only(&["6.12"], ALL_KNOWN),
        &[PerfRecursion, ProgActive],
        "perf_syscall_enter takes current->perf_recursion, then trace_call_bpf takes \
         bpf_prog_active",
    ),
    takes(
        &["syscall-tp"],
        On::Only(&["7.3"], ALL_KNOWN),
        &[OwnActive],
        "perf_syscall_enter runs programs first, and bpf_prog_run_array_sleepable takes \
         prog->active",
    ),
    takes(
        RAW_TP,
        EVERYWHERE,
        &[OwnActive],
        "__bpf_trace_run takes prog->active",
    ),
    takes(
        PERF_EVENT,
        EVERYWHERE,
        &[PerfRecursion, ProgActive],
        "__perf_sw_event takes current->perf_recursion, then bpf_overflow_handler takes \
         bpf_prog_active",
    ),
    takes(
        &["fentry", "fexit", "fmod_ret", "fsession"],
        EVERYWHERE,
        &[OwnActive],
        "__bpf_prog_enter_recur takes prog->active",
    ),
    takes(
        &["lsm"],
        EVERYWHERE,
        &[],
        "__bpf_prog_enter takes nothing (bpf_prog_check_recur)",
    ),
    takes(
        &["uprobe"],
        EVERYWHERE,
        &[],
        "bpf_prog_run_array_uprobe takes nothing",
    ),
];

/// Those of one attach type stand in the order in which the kernel looks.
const YIELDS: &[Yields] = &[
    yields(
        KPROBES,
        EVERYWHERE,
        CurrentKprobe,
        Link,
        "kprobe_ftrace_handler, reenter_kprobe, optimized_callback: kprobes_inc_nmissed_count",
    ),
    yields(
        KPROBES,
        EVERYWHERE,
        ProgActive,
        Program,
        "trace_call_bpf: bpf_prog_inc_misses_counters",
    ),
    yields(
        MULTI,
        On::Only(KNOWN, YIELDING),
        ProgActive,
        Program,
        "kprobe_multi_link_prog_run: bpf_prog_inc_misses_counter",
    ),
    yields(
        MULTI,
        On::Only(KNOWN, PER_PROGRAM),
        OwnActive,
        Program,
        "kprobe_multi_link_prog_run: bpf_prog_inc_misses_counter",
    ),
    yields(
        SESSION,
        On::Only(&["6.12"], UNPATCHED),
        ProgActive,
        ProgramTwice,
        RETURN_TRIED,
    ),
    yields(
        SESSION,
        On::Only(&["6.12"], COUNTED_YIELDING),
        ProgActive,
        Program,
        RETURN_NOT_TRIED,
    ),
    yields(
        SESSION,
        On::Only(&["7.3"], YIELDING),
        ProgActive,
        Program,
        RETURN_NOT_TRIED,
    ),
    yields(
        SESSION,
        On::Only(KNOWN, PER_PROGRAM),
        OwnActive,
        Program,
        RETURN_NOT_TRIED,
    ),
    yields(
        TP,
        On::Only(KNOWN, UNPATCHED),
        PerfRecursion,
        Nobody,
        "perf_trace_buf_alloc gives way to current->perf_recursion",
    ),
    yields(
        TP,
        On::Only(KNOWN, COUNTED),
        PerfRecursion,
        Program,
        "perf_trace_event_buf_alloc counts for the programs of the event",
    ),
    yields(
        TP,
        EVERYWHERE,
        ProgActive,
        Program,
        "trace_call_bpf: bpf_prog_inc_misses_counters",
    ),
    yields(
        RAW_TP,
        EVERYWHERE,
        OwnActive,
        Program,
        "__bpf_trace_run: bpf_prog_inc_misses_counter",
    ),
    yields(
        PERF_EVENT,
        On::Only(KNOWN, UNPATCHED),
        ProgActive,
        Nobody,
        "bpf_overflow_handler returns",
    ),
    yields(
        PERF_EVENT,
        On::Only(KNOWN, COUNTED),
        ProgActive,
        Program,
        "bpf_overflow_handler: bpf_prog_inc_misses_counter",
    ),
    yields(
        TRAMPOLINE,
        EVERYWHERE,
        OwnActive,
        Program,
        "__bpf_prog_enter_recur: bpf_prog_inc_misses_counter",
    ),
    yields(
        FSESSION,
        EVERYWHERE,
        OwnActive,
        ProgramTwice,
        "__bpf_prog_enter_recur, on entry and, whatever that said, on return",
    ),
];

/// The inner attach type and what goes on around it; `None` for other scenarios.
pub(super) fn pair(scenario: &str) -> Option<(&str, &str)> {
    scenario.split_once(PAIR_IN)
}

/// What a pair should show on this kernel, if that is known.
///
/// # Panics
/// If there is no such pair.
pub(super) fn find(
    (inner, outer): (&str, &str),
    kernel: &str,
    variant: &str,
) -> Option<Expectation> {
    let (outer, itself) = match outer.strip_prefix(ITSELF_AS) {
        Some(outer) => (outer, true),
        None if outer == ITSELF => (inner, true),
        None => (outer, false),
    };
    let mut taken = TAKES
        .iter()
        .filter(|it| it.outer.contains(&outer))
        .peekable();
    let mut asked = YIELDS
        .iter()
        .filter(|it| it.inner.contains(&inner))
        .peekable();
    assert!(taken.peek().is_some(), "no guards are known of {outer}");
    assert!(asked.peek().is_some(), "no guards are known to {inner}");

    let taken = taken.find(|it| it.on.holds(kernel, variant))?;
    // Another program has its own.
    let is_taken = |guard| taken.guards.contains(&guard) && (itself || guard != OwnActive);
    let met = asked.find(|it| it.on.holds(kernel, variant) && is_taken(it.to));
    let (counts, then) = match met {
        Some(met) => (missed(inner, met.miss), met.why),
        None => (ran(inner), "nothing that a hit yields to"),
    };
    Some(Expectation {
        counts: if itself {
            ran(inner).and(counts)
        } else {
            counts
        },
        why: format!("{}; {then}", taken.why).into(),
    })
}

/// What a hit counts that runs the program.
fn ran(inner: &str) -> PerTrigger {
    let has_counter = [KPROBES, MULTI, SESSION].concat().contains(&inner);
    PerTrigger {
        link_missed: has_counter.then_some(0),
        ..RUNS
    }
}

/// What a hit counts that does not.
fn missed(inner: &str, miss: Miss) -> PerTrigger {
    let counts = PerTrigger {
        runs: 0,
        ..ran(inner)
    };
    match miss {
        Link => LINK_MISSES,
        Program => PerTrigger {
            prog_missed: 1,
            ..counts
        },
        ProgramTwice => PerTrigger {
            prog_missed: 2,
            ..counts
        },
        Nobody => counts,
    }
}

#[cfg(test)]
mod tests {
    use test_case::{test_case, test_matrix};

    use super::*;

    /// Who counts, or `run`, or `lost`.
    fn fate(inner: &str, outer: &str, kernel: &str, variant: &str) -> &'static str {
        let counts = find((inner, outer), kernel, variant).unwrap().counts;
        let missed = counts.hits - counts.runs;
        match (missed, counts.link_missed, counts.prog_missed) {
            (0, ..) => "run",
            (1, Some(1), 0) => "L",
            (1, None | Some(0), 0) => "lost",
            (1, None | Some(0), 1) => "P",
            (1, None | Some(0), 2) => "2P",
            _ => panic!("{counts:?}"),
        }
    }

    /// On baseline, counters, active, guarded.
    fn fates(inner: &str, outer: &str, kernel: &str) -> String {
        let variants = ["baseline", "counters", "active", "guarded"];
        variants.map(|it| fate(inner, outer, kernel, it)).join(" ")
    }

    #[test_case("kprobe", "kprobe" => "L L L L")]
    #[test_case("kretprobe", "kprobe-int3" => "L L L L")]
    #[test_case("kprobe", "kprobe.multi" => "P P run run")]
    #[test_case("kprobe.multi", "kprobe.multi" => "P P run run")]
    #[test_case("kprobe.multi", "kprobe" => "P P run P")]
    #[test_case("kprobe.multi", "map-syscall" => "P P run P")]
    #[test_case("kprobe", "map-syscall" => "P P P P")]
    #[test_case("kprobe.multi", "itself" => "P P P P")]
    #[test_case("tp", "kprobe" => "P P P P")]
    #[test_case("tp", "itself" => "lost P P P")]
    #[test_case("perf_event", "kprobe" => "lost P P P")]
    #[test_case("perf_event", "kprobe.multi" => "lost P run run")]
    #[test_case("perf_event", "itself" => "lost P P P")]
    #[test_case("tp", "perf_event" => "lost P P P")]
    #[test_case("perf_event", "fentry" => "run run run run")]
    #[test_case("fentry", "map-syscall" => "run run run run")]
    #[test_case("fentry", "fentry" => "run run run run")]
    #[test_case("fentry", "itself" => "P P P P")]
    #[test_case("raw_tp", "kprobe" => "run run run run")]
    #[test_case("kretprobe", "itself-as-kprobe" => "L L L L")]
    #[test_case("kprobe", "itself-as-uprobe" => "run run run run")]
    #[test_case("kprobe", "uprobe" => "run run run run")]
    fn on_both_kernels(inner: &str, outer: &str) -> String {
        let older = fates(inner, outer, "6.12");
        assert_eq!(older, fates(inner, outer, "7.3"));
        older
    }

    #[test_case("kprobe.session", "kprobe.multi", "6.12" => "2P P run run")]
    #[test_case("kprobe.session", "kprobe.multi", "7.3" => "P P run run")]
    #[test_case("kprobe", "syscall-tp", "6.12" => "P P P P")]
    #[test_case("kprobe", "syscall-tp", "7.3" => "run run run run")]
    fn on_one_kernel(inner: &str, outer: &str, kernel: &str) -> String {
        fates(inner, outer, kernel)
    }

    #[test_matrix(["6.12", "7.3"], ["baseline", "counters", "active", "guarded"])]
    fn each_outer_program_has_one_row(kernel: &str, variant: &str) {
        for outer in TAKES.iter().flat_map(|it| it.outer) {
            let rows = TAKES.iter().filter(|it| it.outer.contains(outer));
            let holding = rows.filter(|it| it.on.holds(kernel, variant));
            assert_eq!(holding.count(), 1, "{outer}");
        }
    }

    #[test_matrix(["6.12", "7.3"], ["counters", "active", "guarded"])]
    fn a_patched_kernel_loses_nothing(kernel: &str, variant: &str) {
        let mut rows = YIELDS.iter().filter(|it| it.on.holds(kernel, variant));
        assert!(rows.all(|it| it.miss != Nobody));
    }

    #[test]
    fn a_pair_is_known_by_its_name() {
        assert_eq!(
            pair("tp/pair-in-kprobe.multi"),
            Some(("tp", "kprobe.multi"))
        );
        assert_eq!(pair("tp/in-itself"), None);
    }

    #[test]
    fn nothing_is_known_of_other_patches() {
        assert!(find(("kprobe", "kprobe.multi"), "7.3", "mine").is_none());
        assert!(find(("kprobe", "nothing"), "7.3", "mine").is_some());
    }

    #[test]
    #[should_panic(expected = "no guards are known of typo")]
    fn a_typing_error_is_found() {
        let _ = find(("kprobe", "typo"), "6.12", "baseline");
    }
}
