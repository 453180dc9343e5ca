// SPDX-License-Identifier: GPL-2.0-only
//! What the scenarios of tests/pairs count: not a row per pair, but what each outer
//! context takes while the hit comes, and what each inner attach type is skipped for.
//!
//! A hit in an interrupt over the outer program (`pair-in-hardirq-over-kprobe`) finds the
//! same guards taken, but those that there is one of per context.
//!
//! Not in this model, because no pair gets there: a third level, which ftrace refuses, and
//! resources that run out (both in kprobe_multi.rs).

use nmissed_wire::AttachType::{self, *};
use nmissed_wire::Behaviour::*;
use nmissed_wire::{Flavor, LinkCounter, PAIR_IN};

use super::Expectation;
use super::condition::{ALWAYS, When, are_met, has, lacks};
use super::kprobe_multi::{RETURN_NOT_TRIED, RETURN_TRIED};
use super::row::*;
use crate::kernel::under_test::KernelUnderTest;

/// What runs around the hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outer {
    Nothing,
    /// `BPF_MAP_UPDATE_ELEM`.
    MapSyscall,
    /// A program on the tracepoint of a system call.
    SyscallTp,
    Kprobe(Flavor),
    Program(AttachType),
}

/// A flag that is taken while a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guard {
    /// `current_kprobe`, one per CPU (`kprobe_running`).
    CurrentKprobe,
    /// `bpf_prog_active`, one per CPU.
    ProgActive,
    /// `prog->active`, one per program and CPU.
    OwnActive,
    /// `current->perf_recursion`, one per task and context: software events and the
    /// records of tracepoints (`perf_swevent_get_recursion_context`).
    PerfRecursion,
}
use Guard::{CurrentKprobe, OwnActive, PerfRecursion, ProgActive};

/// The counter of a hit that finds a guard taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Miss {
    /// That of the layer under the link.
    Link,
    /// That of the program.
    Program,
    /// That of the program, on entry and once more on return.
    ProgramTwice,
    Uncounted,
}
use Miss::{Link, Program, ProgramTwice, Uncounted};

/// An outer context takes these guards.
struct Takes {
    when: When,
    guards: &'static [Guard],
    why: &'static str,
}

/// A hit is missed if this guard is taken.
struct Yields {
    when: When,
    to: Guard,
    miss: Miss,
    why: &'static str,
}

const fn takes(when: When, guards: &'static [Guard], why: &'static str) -> Takes {
    Takes { when, guards, why }
}

const fn yields(when: When, to: Guard, miss: Miss, why: &'static str) -> Yields {
    Yields {
        when,
        to,
        miss,
        why,
    }
}

impl Outer {
    /// Reads the name in a scenario.
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "nothing" => Self::Nothing,
            "map-syscall" => Self::MapSyscall,
            "syscall-tp" => Self::SyscallTp,
            "kprobe-int3" => Self::Kprobe(Flavor::Int3),
            "kprobe-optimized" => Self::Kprobe(Flavor::Optimized),
            "kprobe" => Self::Kprobe(Flavor::Ftrace),
            name => Self::Program(name.parse().ok()?),
        })
    }

    /// What it takes: one row per kind of kernel.
    const fn takes(self) -> &'static [Takes] {
        match self {
            Self::Nothing => NOTHING_TAKES,
            Self::MapSyscall => MAP_SYSCALL_TAKES,
            Self::SyscallTp => SYSCALL_TP_TAKES,
            Self::Kprobe(_) => KPROBE_TAKES,
            Self::Program(it) => match it {
                Kprobe | RegisterKprobe | Kretprobe => KPROBE_TAKES,
                KprobeMulti | KretprobeMulti | KprobeSession => KPROBE_MULTI_TAKES,
                Tp => TP_TAKES,
                RawTp | TpBtf => RAW_TP_TAKES,
                PerfEvent => PERF_EVENT_TAKES,
                Fentry | Fexit | FmodRet | Fsession | FentryMulti | FexitMulti | FsessionMulti => {
                    TRAMPOLINE_TAKES
                }
                Lsm => LSM_TAKES,
                Uprobe | Uretprobe | UprobeMulti | UretprobeMulti | UprobeSession => UPROBE_TAKES,
            },
        }
    }
}

const NOTHING_TAKES: &[Takes] = &[takes(ALWAYS, &[], "nothing runs around the hit")];
const MAP_SYSCALL_TAKES: &[Takes] = &[takes(
    ALWAYS,
    &[ProgActive],
    "bpf_map_update_value takes bpf_prog_active (bpf_disable_instrumentation)",
)];
const SYSCALL_TP_TAKES: &[Takes] = &[
    takes(
        &[lacks(SleepableSyscallTracepoints)],
        &[PerfRecursion, ProgActive],
        "perf_syscall_enter takes current->perf_recursion, then trace_call_bpf takes \
         bpf_prog_active",
    ),
    takes(
        &[has(SleepableSyscallTracepoints)],
        &[OwnActive],
        "perf_syscall_enter runs programs first, and bpf_prog_run_array_sleepable takes \
         prog->active",
    ),
];
const KPROBE_TAKES: &[Takes] = &[takes(
    ALWAYS,
    &[CurrentKprobe, ProgActive],
    "kprobe_ftrace_handler, kprobe_int3_handler, optimized_callback, on return \
     kretprobe_rethook_handler take current_kprobe, then trace_call_bpf takes bpf_prog_active",
)];
const KPROBE_MULTI_TAKES: &[Takes] = &[
    takes(
        &[lacks(PerProgramRecursion)],
        &[ProgActive],
        "kprobe_multi_link_prog_run takes bpf_prog_active",
    ),
    takes(
        &[has(PerProgramRecursion)],
        &[OwnActive],
        "kprobe_multi_link_prog_run takes prog->active",
    ),
];
const TP_TAKES: &[Takes] = &[takes(
    ALWAYS,
    &[PerfRecursion, ProgActive],
    "perf_trace_buf_alloc takes current->perf_recursion, then trace_call_bpf takes \
     bpf_prog_active",
)];
const RAW_TP_TAKES: &[Takes] = &[
    takes(
        &[lacks(ChecksRawTpRecursion)],
        &[],
        "__bpf_trace_run takes nothing",
    ),
    takes(
        &[has(ChecksRawTpRecursion)],
        &[OwnActive],
        "__bpf_trace_run takes prog->active",
    ),
];
const PERF_EVENT_TAKES: &[Takes] = &[takes(
    ALWAYS,
    &[PerfRecursion, ProgActive],
    "__perf_sw_event takes current->perf_recursion, then bpf_overflow_handler takes \
     bpf_prog_active",
)];
const TRAMPOLINE_TAKES: &[Takes] = &[
    takes(
        &[lacks(ChecksTrampolineRecursion)],
        &[],
        "__bpf_prog_enter takes nothing",
    ),
    takes(
        &[has(ChecksTrampolineRecursion)],
        &[OwnActive],
        "__bpf_prog_enter_recur takes prog->active",
    ),
];
const LSM_TAKES: &[Takes] = &[
    takes(
        &[lacks(ChecksLsmRecursion)],
        &[],
        "__bpf_prog_enter takes nothing (bpf_prog_check_recur)",
    ),
    takes(
        &[has(ChecksLsmRecursion)],
        &[OwnActive],
        "__bpf_prog_enter takes prog->active",
    ),
];
const UPROBE_TAKES: &[Takes] = &[
    takes(
        &[lacks(SleepableUprobes)],
        &[ProgActive],
        "trace_call_bpf takes bpf_prog_active",
    ),
    takes(
        &[has(SleepableUprobes)],
        &[],
        "bpf_prog_run_array_uprobe, uprobe_prog_run take nothing",
    ),
];

/// What a hit of an attach type is skipped for, in the order in which the kernel looks.
const fn yields_of(inner: AttachType) -> &'static [Yields] {
    match inner {
        Kprobe | Kretprobe => KPROBE_YIELDS,
        KprobeMulti | KretprobeMulti => KPROBE_MULTI_YIELDS,
        KprobeSession => SESSION_YIELDS,
        Tp => TP_YIELDS,
        RawTp | TpBtf => RAW_TP_YIELDS,
        PerfEvent => PERF_EVENT_YIELDS,
        Fentry | Fexit | FmodRet | FentryMulti | FexitMulti => TRAMPOLINE_YIELDS,
        Fsession | FsessionMulti => FSESSION_YIELDS,
        RegisterKprobe | Lsm | Uprobe | Uretprobe | UprobeMulti | UretprobeMulti
        | UprobeSession => &[],
    }
}

const KPROBE_YIELDS: &[Yields] = &[
    yields(
        ALWAYS,
        CurrentKprobe,
        Link,
        "kprobe_ftrace_handler, reenter_kprobe, optimized_callback: kprobes_inc_nmissed_count",
    ),
    TRACE_CALL_BPF_COUNTS,
    TRACE_CALL_BPF_RETURNS,
];
const TRACE_CALL_BPF_COUNTS: Yields = yields(
    &[has(CountsProgActiveMisses)],
    ProgActive,
    Program,
    "trace_call_bpf: bpf_prog_inc_misses_counters",
);
const TRACE_CALL_BPF_RETURNS: Yields = yields(
    &[lacks(CountsProgActiveMisses)],
    ProgActive,
    Uncounted,
    "trace_call_bpf returns",
);
const KPROBE_MULTI_YIELDS: &[Yields] = &[
    yields(
        &[has(YieldsToProgActive), has(CountsProgActiveMisses)],
        ProgActive,
        Program,
        "kprobe_multi_link_prog_run: bpf_prog_inc_misses_counter",
    ),
    yields(
        &[has(YieldsToProgActive), lacks(CountsProgActiveMisses)],
        ProgActive,
        Uncounted,
        "kprobe_multi_link_prog_run returns",
    ),
    yields(
        &[has(PerProgramRecursion)],
        OwnActive,
        Program,
        "kprobe_multi_link_prog_run: bpf_prog_inc_misses_counter",
    ),
];
const SESSION_YIELDS: &[Yields] = &[
    yields(
        &[has(YieldsToProgActive), lacks(SkipsReturnOfMissedSession)],
        ProgActive,
        ProgramTwice,
        RETURN_TRIED,
    ),
    yields(
        &[has(YieldsToProgActive), has(SkipsReturnOfMissedSession)],
        ProgActive,
        Program,
        RETURN_NOT_TRIED,
    ),
    yields(
        &[has(PerProgramRecursion), lacks(SkipsReturnOfMissedSession)],
        OwnActive,
        ProgramTwice,
        RETURN_TRIED,
    ),
    yields(
        &[has(PerProgramRecursion), has(SkipsReturnOfMissedSession)],
        OwnActive,
        Program,
        RETURN_NOT_TRIED,
    ),
];
const TP_YIELDS: &[Yields] = &[
    yields(
        &[lacks(CountsTracepointRecursion)],
        PerfRecursion,
        Uncounted,
        "perf_trace_buf_alloc fails if current->perf_recursion is taken",
    ),
    yields(
        &[has(CountsTracepointRecursion)],
        PerfRecursion,
        Program,
        "perf_trace_event_buf_alloc counts for the programs of the event",
    ),
    TRACE_CALL_BPF_COUNTS,
    TRACE_CALL_BPF_RETURNS,
];
const RAW_TP_YIELDS: &[Yields] = &[yields(
    ALWAYS,
    OwnActive,
    Program,
    "__bpf_trace_run: bpf_prog_inc_misses_counter",
)];
const PERF_EVENT_YIELDS: &[Yields] = &[
    yields(
        &[lacks(CountsPerfEventMisses)],
        ProgActive,
        Uncounted,
        "bpf_overflow_handler returns",
    ),
    yields(
        &[has(CountsPerfEventMisses)],
        ProgActive,
        Program,
        "bpf_overflow_handler: bpf_prog_inc_misses_counter",
    ),
];
const TRAMPOLINE_YIELDS: &[Yields] = &[yields(
    ALWAYS,
    OwnActive,
    Program,
    "__bpf_prog_enter_recur: bpf_prog_inc_misses_counter",
)];
const FSESSION_YIELDS: &[Yields] = &[yields(
    ALWAYS,
    OwnActive,
    ProgramTwice,
    "__bpf_prog_enter_recur, on entry and, whatever it returned, on return",
)];

/// The inner attach type and the outer context of a pair; `None` for other scenarios.
pub(super) fn pair(scenario: &str) -> Option<(&str, &str)> {
    scenario.split_once(PAIR_IN)
}

/// A pair, of its name.
struct Pair<'a> {
    inner: AttachType,
    /// Of the interrupt in which the hit comes.
    context: Option<&'a str>,
    outer: Outer,
    is_itself: bool,
}

impl<'a> Pair<'a> {
    /// # Panics
    /// If there is no such pair.
    fn of((inner, outer): (&'a str, &'a str)) -> Self {
        let (context, outer) = match outer.split_once("-over-") {
            Some((context, outer)) => (Some(context), outer),
            None => (None, outer),
        };
        let (outer, is_itself) = match outer.strip_prefix("itself-as-") {
            Some(outer) => (outer, true),
            None if outer == "itself" => (inner, true),
            None => (outer, false),
        };
        let (Ok(inner), Some(outer)) = (inner.parse(), Outer::from_name(outer)) else {
            panic!("no pair is a program of type {inner} in {outer}");
        };
        Self {
            inner,
            context,
            outer,
            is_itself,
        }
    }

    /// Returns whether the inner program has a `bpf_prog_active` of its own; in an NMI it
    /// never has.
    fn has_own_prog_active(&self, kernel: &KernelUnderTest) -> Option<bool> {
        match self.context {
            None | Some("nmi") => Some(false),
            Some(_) => are_met(&[has(RunsOverOuterContext)], kernel),
        }
    }
}

/// Returns what a pair counts on this kernel, if its release and patches decide that.
///
/// # Panics
/// If there is no such pair.
pub(super) fn find(names: (&str, &str), kernel: &KernelUnderTest) -> Option<Expectation> {
    let pair = Pair::of(names);
    let inner = pair.inner;
    let mut rows = pair.outer.takes().iter();
    let taken = rows.find(|it| are_met(it.when, kernel) == Some(true))?;
    let mut when = taken.when.to_vec();
    let has_own = pair.has_own_prog_active(kernel)?;
    when.extend(has_own.then_some(has(RunsOverOuterContext)));
    let is_taken = |guard| match guard {
        // Another program has its own.
        OwnActive if !pair.is_itself => false,
        // One per context.
        PerfRecursion if pair.context.is_some() => false,
        ProgActive if has_own => false,
        _ => taken.guards.contains(&guard),
    };
    let mut hit = (ran(inner), "no guard of the inner program is taken");
    for yields in yields_of(inner).iter().filter(|it| is_taken(it.to)) {
        if are_met(yields.when, kernel)? {
            hit = (missed(inner, yields.miss), yields.why);
            when.extend(yields.when);
            break;
        }
    }
    let (counts, then) = hit;
    Some(Expectation {
        counts: if pair.is_itself {
            ran(inner).and(counts)
        } else {
            counts
        },
        why: format!("{}; {then}", taken.why).into(),
        hangs: false,
        when,
    })
}

/// What a hit that runs the program counts.
fn ran(inner: AttachType) -> PerTrigger {
    match inner.link_counter() {
        LinkCounter::Since(_) => RUNS,
        LinkCounter::Patched | LinkCounter::None => UNLINKED_RUNS,
    }
}

/// What a hit that does not run the program counts.
fn missed(inner: AttachType, miss: Miss) -> PerTrigger {
    let counts = match miss {
        Link => LINK_MISSES,
        Program => PROG_MISSES,
        ProgramTwice => PROG_MISSES_TWICE,
        Uncounted => LOST,
    };
    match ran(inner).link_missed {
        Some(_) => counts,
        None => counts.unlinked(),
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;
    use crate::expect::tests::{WITH_COUNTERS, kernel, stack};

    /// The counter of the hit, or `run`, or `lost`.
    fn fate(inner: &str, outer: &str, kernel: &KernelUnderTest) -> &'static str {
        let counts = find((inner, outer), kernel).unwrap().counts;
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
    fn fates(inner: &str, outer: &str, release: &str) -> String {
        ["baseline", "counters", "active", "guarded"]
            .map(|name| fate(inner, outer, &stack(release, name)))
            .join(" ")
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

    /// On baseline, talk, contexts.
    #[test_case("kprobe", "hardirq-over-kprobe" => "L L L")]
    #[test_case("kprobe.multi", "nmi-over-kprobe" => "P run P")]
    #[test_case("kretprobe", "nmi-over-kprobe.multi" => "P run P")]
    #[test_case("fentry", "nmi-over-kprobe" => "run run run")]
    #[test_case("kprobe", "softirq-over-kprobe.multi" => "P run run")]
    #[test_case("kprobe.multi", "hardirq-over-kprobe" => "P run run")]
    #[test_case("kprobe.multi", "hardirq-over-kprobe.multi" => "P run run")]
    #[test_case("kprobe.session", "softirq-over-kprobe.multi" => "P run run")]
    #[test_case("fentry", "hardirq-over-kprobe.multi" => "run run run")]
    fn in_an_interrupt(inner: &str, outer: &str) -> String {
        ["baseline", "talk", "contexts"]
            .map(|name| fate(inner, outer, &stack("7.3", name)))
            .join(" ")
    }

    #[test_case("kprobe.session", "kprobe.multi", "6.12" => "2P P run run")]
    #[test_case("kprobe.session", "kprobe.multi", "7.3" => "P P run run")]
    #[test_case("kprobe", "syscall-tp", "6.12" => "P P P P")]
    #[test_case("kprobe", "syscall-tp", "7.3" => "run run run run")]
    fn on_one_kernel(inner: &str, outer: &str, release: &str) -> String {
        fates(inner, outer, release)
    }

    /// Within a context, `contexts` counts as the kernel without it.
    #[test_case("kprobe", "kprobe.multi" => "P run")]
    #[test_case("kprobe.multi", "kprobe" => "P run")]
    #[test_case("kprobe.multi", "map-syscall" => "P run")]
    #[test_case("kprobe.multi", "itself" => "P P")]
    #[test_case("kprobe.session", "kprobe.multi" => "P run")]
    #[test_case("kprobe", "kprobe" => "L L")]
    #[test_case("perf_event", "kprobe.multi" => "lost run")]
    #[test_case("perf_event", "kprobe" => "lost lost")]
    fn on_contexts_and_talk(inner: &str, outer: &str) -> String {
        let both =
            |release| ["contexts", "talk"].map(|name| fate(inner, outer, &stack(release, name)));
        assert_eq!(both("6.12"), both("7.3"));
        both("7.3").join(" ")
    }

    #[test_case("kprobe", "kprobe.multi", "6.6" => "lost"; "not counted before 6.7")]
    #[test_case("kprobe", "kprobe.multi", "6.18" => "P"; "counted since")]
    #[test_case("kprobe.session", "kprobe", "6.13" => "2P"; "the return is tried before 6.14")]
    #[test_case("kprobe", "syscall-tp", "7.1" => "P"; "taken before 7.2")]
    fn on_a_stock_kernel(inner: &str, outer: &str, release: &str) -> &'static str {
        fate(inner, outer, &kernel(release, ""))
    }

    #[test]
    fn an_outer_context_has_one_row_per_kernel() {
        let contexts = [Outer::Nothing, Outer::MapSyscall, Outer::SyscallTp];
        let programs = AttachType::ALL.iter().map(|it| Outer::Program(*it));
        for outer in contexts.into_iter().chain(programs) {
            let rows: Vec<_> = outer.takes().iter().map(|it| it.when).collect();
            crate::expect::tests::assert_exclusive(&rows, &format!("{outer:?}"));
        }
    }

    #[test_case("6.12")]
    #[test_case("7.3")]
    fn a_patched_kernel_loses_nothing(release: &str) {
        for kernel in WITH_COUNTERS.map(|name| stack(release, name)) {
            let all = AttachType::ALL.iter().flat_map(|it| yields_of(*it));
            let mut rows = all.filter(|it| are_met(it.when, &kernel) == Some(true));
            assert!(rows.all(|it| it.miss != Uncounted));
        }
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
    fn undeclared_patches_leave_open_what_stacks_change() {
        let kernel = kernel("7.3", "?");
        assert!(find(("kprobe", "kprobe.multi"), &kernel).is_none());
        assert!(find(("kprobe", "nothing"), &kernel).is_some());
        assert!(find(("kprobe", "kprobe"), &kernel).is_some());
    }

    #[test]
    #[should_panic(expected = "no pair is a program of type kprobe in typo")]
    fn a_typing_error_is_found() {
        let _ = find(("kprobe", "typo"), &kernel("6.12", ""));
    }
}
