// SPDX-License-Identifier: GPL-2.0-only
//! kprobe.multi, kretprobe.multi and kprobe.session.

use nmissed_wire::Behaviour::*;

use super::condition::{ALWAYS, has, lacks};
use super::kprobe::{ON_MODULE, of_eleven};
use super::row::*;

const IN_KPROBE: &[&str] = &[
    "kprobe.multi/in-kprobe",
    "kprobe.multi/by-address-in-kprobe",
    "kprobe.multi/by-pattern-in-kprobe",
    "kretprobe.multi/in-kprobe",
    "kprobe.multi/in-kprobe-on-module",
    "kretprobe.multi/in-kprobe-on-module",
];
const IN_KPROBE_MULTI: &[&str] = &[
    "kprobe.multi/in-kprobe.multi",
    "kprobe.multi/by-address-in-kprobe.multi",
    "kprobe.multi/by-pattern-in-kprobe.multi",
    "kretprobe.multi/in-kprobe.multi",
    "kprobe.multi/in-kprobe.multi-on-module",
    "kretprobe.multi/in-kprobe.multi-on-module",
];
const IN_ITSELF: &[&str] = &["kprobe.multi/in-itself", "kprobe.multi/on-module-in-itself"];
const SESSION_IN_KPROBE: &[&str] = &[
    "kprobe.session/in-kprobe",
    "kprobe.session/in-kprobe-on-module",
];
const SESSION_IN_KPROBE_MULTI: &[&str] = &[
    "kprobe.session/in-kprobe.multi",
    "kprobe.session/in-kprobe.multi-on-module",
];
const ENTRIES_AT_THIRD_LEVEL: &[&str] = &[
    "kprobe.multi/at-third-level",
    "kprobe.multi/by-address-at-third-level",
    "kprobe.multi/by-pattern-at-third-level",
];
const RETURNS_AT_THIRD_LEVEL: &[&str] = &[
    "kretprobe.multi/at-third-level",
    "kprobe.session/at-third-level",
];
const AT_THIRD_LIST: &[&str] = &[
    "kprobe/at-third-list",
    "kprobe.multi/at-third-list",
    "kretprobe.multi/at-third-list",
];
const DEFAULT_POOL: &[&str] = &[
    "kretprobe.multi/default-pool",
    "kprobe.session/default-pool",
];
const PAIRING: &[&str] = &["kprobe.multi/pairing", "kretprobe.multi/pairing"];
const NESTED_16_TIMES: &[&str] = &["kretprobe.multi/16-nested"];

const OUTER_TAKES_PROG_ACTIVE: &str =
    "kprobe_multi_link_prog_run: that of the outer program takes bpf_prog_active";
const OUTER_DOES_NOT_TAKE_PROG_ACTIVE: &str =
    "kprobe_multi_link_prog_run of the outer program does not take bpf_prog_active";
const YIELDS_TO_EVICTING: &str =
    "kprobe_multi_link_prog_run of the program that fills the map takes bpf_prog_active";
const YIELDS_UNCOUNTED: &str =
    "kprobe_multi_link_prog_run returns if bpf_prog_active is taken, and does not count";
const DOES_NOT_YIELD: &str = "kprobe_multi_link_prog_run does not look at bpf_prog_active";
const FPROBE_COUNTS: &str = "fprobe_handler counts if ftrace_test_recursion_trylock fails";
const FGRAPH_RETURNS: &str =
    "function_graph_enter_regs returns if ftrace_test_recursion_trylock fails";
const RETHOOK_PER_LINK: &str = "rethook_try_get: each link has its own rethooks";
const SHADOW_STACK_IS_FULL: &str =
    "fprobe_fgraph_entry: fgraph_reserve_data has room for 32 words, and reserves all or none";
/// A skipped program is tried again on return.
pub(super) const RETURN_TRIED: &str =
    "kprobe_multi_link_prog_run returns 0 for a miss, so the return is tried, and missed, too";
/// A skipped program is not tried again on return.
pub(super) const RETURN_NOT_TRIED: &str =
    "kprobe_multi_link_prog_run returns 1 for a miss, so the return is not tried";

/// 30 links, on a function that is nested 16 deep.
const LINKS: u64 = 30;

pub(super) const TABLE: &[Row] = &[
    row(
        &[
            "kprobe.multi/on-module",
            "kprobe.multi/around-all-on-module",
            "kretprobe.multi/on-module",
            "kprobe.session/on-module",
        ],
        ALWAYS,
        RUNS,
        ON_MODULE,
    ),
    row(
        &["kprobe.multi/around-all"],
        ALWAYS,
        RUNS,
        "no other program runs when bpf_fentry_test1 is hit",
    ),
    row(
        &[
            "kprobe.multi/by-address-in-fentry",
            "kprobe.multi/by-pattern-in-fentry",
            "kretprobe.multi/in-fentry",
            "kprobe.session/in-fentry",
            "kprobe.multi/in-fentry-on-module",
            "kretprobe.multi/in-fentry-on-module",
            "kprobe.session/in-fentry-on-module",
        ],
        ALWAYS,
        RUNS,
        "kprobe_multi_link_prog_run: __bpf_prog_enter_recur of the outer program takes \
         prog->active only",
    ),
    row(
        &["kprobe.multi/in-lru-eviction"],
        &[has(CountsProgActiveMisses), lacks(PerProgramRecursion)],
        PROG_MISSES,
        YIELDS_TO_EVICTING,
    ),
    row(
        &["kprobe.multi/in-lru-eviction"],
        &[lacks(CountsProgActiveMisses), lacks(PerProgramRecursion)],
        LOST,
        YIELDS_UNCOUNTED,
    ),
    row(
        &["kprobe.multi/in-lru-eviction"],
        &[has(PerProgramRecursion), lacks(LruLockMayFail)],
        LOST,
        "bpf_percpu_lru_pop_free waits for the lock of the LRU list, which its CPU holds",
    )
    .hangs(),
    row(
        &["kprobe.multi/in-lru-eviction"],
        &[has(PerProgramRecursion), has(LruLockMayFail)],
        RUNS,
        "raw_res_spin_lock_irqsave fails in bpf_percpu_lru_pop_free, so the update does",
    ),
    row(
        IN_KPROBE,
        &[has(CountsProgActiveMisses), has(YieldsToProgActive)],
        PROG_MISSES,
        "kprobe_multi_link_prog_run: trace_call_bpf takes bpf_prog_active",
    ),
    row(
        IN_KPROBE,
        &[lacks(CountsProgActiveMisses), has(YieldsToProgActive)],
        LOST,
        YIELDS_UNCOUNTED,
    ),
    row(
        IN_KPROBE,
        &[lacks(YieldsToProgActive)],
        RUNS,
        DOES_NOT_YIELD,
    ),
    row(
        &["kprobe.multi/in-map-syscall"],
        &[has(CountsProgActiveMisses), has(YieldsToProgActive)],
        PROG_MISSES,
        "kprobe_multi_link_prog_run: map_delete_elem takes bpf_prog_active \
         (bpf_disable_instrumentation)",
    ),
    row(
        &["kprobe.multi/in-map-syscall"],
        &[lacks(CountsProgActiveMisses), has(YieldsToProgActive)],
        LOST,
        YIELDS_UNCOUNTED,
    ),
    row(
        &["kprobe.multi/in-map-syscall"],
        &[lacks(YieldsToProgActive)],
        RUNS,
        DOES_NOT_YIELD,
    ),
    row(
        IN_KPROBE_MULTI,
        &[has(CountsProgActiveMisses), lacks(PerProgramRecursion)],
        PROG_MISSES,
        OUTER_TAKES_PROG_ACTIVE,
    ),
    row(
        IN_KPROBE_MULTI,
        &[lacks(CountsProgActiveMisses), lacks(PerProgramRecursion)],
        LOST,
        YIELDS_UNCOUNTED,
    ),
    row(
        IN_KPROBE_MULTI,
        &[has(PerProgramRecursion)],
        RUNS,
        OUTER_DOES_NOT_TAKE_PROG_ACTIVE,
    ),
    row(
        IN_ITSELF,
        &[has(CountsProgActiveMisses)],
        RUNS.and(PROG_MISSES),
        "kprobe_multi_link_prog_run: this program runs already, on this CPU",
    ),
    row(
        IN_ITSELF,
        &[lacks(CountsProgActiveMisses)],
        RUNS.and(LOST),
        YIELDS_UNCOUNTED,
    ),
    row(
        SESSION_IN_KPROBE,
        &[has(YieldsToProgActive), lacks(SkipsReturnOfMissedSession)],
        PROG_MISSES_TWICE,
        RETURN_TRIED,
    ),
    row(
        SESSION_IN_KPROBE,
        &[has(YieldsToProgActive), has(SkipsReturnOfMissedSession)],
        PROG_MISSES,
        RETURN_NOT_TRIED,
    ),
    row(
        SESSION_IN_KPROBE,
        &[lacks(YieldsToProgActive)],
        RUNS,
        DOES_NOT_YIELD,
    ),
    row(
        SESSION_IN_KPROBE_MULTI,
        &[
            lacks(PerProgramRecursion),
            lacks(SkipsReturnOfMissedSession),
        ],
        PROG_MISSES_TWICE,
        RETURN_TRIED,
    ),
    row(
        SESSION_IN_KPROBE_MULTI,
        &[lacks(PerProgramRecursion), has(SkipsReturnOfMissedSession)],
        PROG_MISSES,
        RETURN_NOT_TRIED,
    ),
    row(
        SESSION_IN_KPROBE_MULTI,
        &[has(PerProgramRecursion)],
        RUNS,
        OUTER_DOES_NOT_TAKE_PROG_ACTIVE,
    ),
    row(
        &["kprobe.session/in-itself"],
        &[lacks(SkipsReturnOfMissedSession)],
        RUNS.and(PROG_MISSES_TWICE),
        RETURN_TRIED,
    ),
    row(
        &["kprobe.session/in-itself"],
        &[has(SkipsReturnOfMissedSession)],
        RUNS.and(PROG_MISSES),
        RETURN_NOT_TRIED,
    ),
    row(
        PAIRING,
        &[has(CountsProgActiveMisses), lacks(PerProgramRecursion)],
        RUNS.and(PROG_MISSES.repeated(2)),
        "X(A) Y(A): kprobe_multi_link_prog_run of either takes bpf_prog_active",
    ),
    row(
        PAIRING,
        &[lacks(CountsProgActiveMisses), lacks(PerProgramRecursion)],
        RUNS.and(LOST.repeated(2)),
        YIELDS_UNCOUNTED,
    ),
    row(
        PAIRING,
        &[has(PerProgramRecursion)],
        RUNS.repeated(2).and(PROG_MISSES),
        "X(A) Y(B) Y(A) X(B): kprobe_multi_link_prog_run keeps each program out of itself only",
    ),
    row(
        ENTRIES_AT_THIRD_LEVEL,
        &[lacks(FprobeOnFgraph), has(CountsFprobeRecursion)],
        LINK_MISSES,
        FPROBE_COUNTS,
    ),
    row(
        ENTRIES_AT_THIRD_LEVEL,
        &[has(FprobeOnFgraph), lacks(CountsFprobeRecursion)],
        LOST,
        "fprobe_ftrace_entry returns if ftrace_test_recursion_trylock fails, and so does \
         function_graph_enter_regs, which calls entry-only fprobes before 2c67dc457bc6",
    ),
    row(
        ENTRIES_AT_THIRD_LEVEL,
        &[has(FprobeOnFgraph), has(CountsFprobeRecursion)],
        LINK_MISSES,
        "fprobe_ftrace_missed counts if ftrace_test_recursion_trylock fails",
    ),
    row(
        RETURNS_AT_THIRD_LEVEL,
        &[lacks(FprobeOnFgraph), has(CountsFprobeRecursion)],
        LINK_MISSES,
        FPROBE_COUNTS,
    ),
    row(
        RETURNS_AT_THIRD_LEVEL,
        &[has(FprobeOnFgraph), lacks(CountsFgraphRecursion)],
        LOST,
        FGRAPH_RETURNS,
    ),
    row(
        RETURNS_AT_THIRD_LEVEL,
        &[has(FprobeOnFgraph), has(CountsFgraphRecursion)],
        LINK_MISSES,
        "fprobe_missed_entry counts if function_graph_enter_regs fails",
    ),
    row(
        AT_THIRD_LIST,
        &[lacks(CountsListRecursion)],
        LOST,
        "__ftrace_ops_list_func returns if trace_test_and_set_recursion fails",
    ),
    row(
        AT_THIRD_LIST,
        &[has(CountsListRecursion)],
        LINK_MISSES,
        "ftrace_ops_list_missed calls those that __ftrace_ops_list_func does not",
    ),
    row(
        DEFAULT_POOL,
        &[lacks(FprobeOnFgraph)],
        of_eleven(4),
        "fprobe_handler_common counts a hit for which rethook_try_get has no node; \
         fprobe_init_rethook made 2 * possible CPUs for the function",
    ),
    row(
        DEFAULT_POOL,
        &[has(FprobeOnFgraph)],
        of_eleven(11),
        "function_graph_enter_regs keeps returns on the shadow stack of each task",
    ),
    row(
        &["kretprobe.multi/32-links"],
        ALWAYS,
        RUNS.repeated(32),
        "fgraph_reserve_data has room for 32 words, or each link has its own rethooks",
    ),
    row(
        &["kprobe.session/16-links"],
        ALWAYS,
        RUNS.repeated(16),
        "fgraph_reserve_data has room for 32 words, or each link has its own rethooks",
    ),
    row(
        &["kretprobe.multi/33-links"],
        &[lacks(FprobeOnFgraph)],
        RUNS.repeated(33),
        RETHOOK_PER_LINK,
    ),
    row(
        &["kretprobe.multi/33-links"],
        &[has(FprobeOnFgraph)],
        LINK_MISSES.repeated(33),
        SHADOW_STACK_IS_FULL,
    ),
    row(
        &["kprobe.session/17-links"],
        &[lacks(FprobeOnFgraph)],
        RUNS.repeated(17),
        RETHOOK_PER_LINK,
    ),
    row(
        &["kprobe.session/17-links"],
        &[has(FprobeOnFgraph)],
        LINK_MISSES.repeated(17),
        SHADOW_STACK_IS_FULL,
    ),
    row(
        NESTED_16_TIMES,
        &[lacks(FprobeOnFgraph)],
        RUNS.repeated(4 * LINKS)
            .and(LINK_MISSES.repeated(12 * LINKS)),
        "fprobe_init_rethook: two nodes for each possible CPU",
    ),
    row(
        NESTED_16_TIMES,
        &[has(FprobeOnFgraph), lacks(CountsFgraphRecursion)],
        RUNS.repeated(14 * LINKS).and(LOST.repeated(2 * LINKS)),
        "ftrace_push_return_trace: 14 frames of 35 words leave 2 of the 492",
    ),
    row(
        NESTED_16_TIMES,
        &[has(FprobeOnFgraph), has(CountsFgraphRecursion)],
        RUNS.repeated(14 * LINKS)
            .and(LINK_MISSES.repeated(2 * LINKS)),
        "fprobe_missed_entry counts if function_graph_enter_regs fails",
    ),
];
