// SPDX-License-Identifier: GPL-2.0-only
//! perf_event: breakpoints, software events and instructions.

use nmissed_wire::Behaviour::*;

use super::condition::{ALWAYS, has, lacks};
use super::row::*;

const PROG_ACTIVE_IS_TAKEN: &[&str] = &["perf_event/in-kprobe", "perf_event/in-map-syscall"];

pub(super) const TABLE: &[Row] = &[
    row(
        &["perf_event/in-fentry"],
        ALWAYS,
        UNLINKED_RUNS,
        "__bpf_prog_enter_recur takes prog->active only",
    ),
    row(
        PROG_ACTIVE_IS_TAKEN,
        &[lacks(CountsPerfEventMisses)],
        UNLINKED_LOST,
        "bpf_overflow_handler returns if bpf_prog_active is taken",
    ),
    row(
        PROG_ACTIVE_IS_TAKEN,
        &[has(CountsPerfEventMisses)],
        UNLINKED_PROG_MISSES,
        "bpf_overflow_handler counts if bpf_prog_active is taken",
    ),
    row(
        &["perf_event/in-hash-update"],
        &[lacks(PerProgramRecursion), lacks(CountsPerfEventMisses)],
        UNLINKED_LOST.repeated(2),
        "kprobe_multi_link_prog_run of the program that updates the map keeps this one out: \
         bpf_overflow_handler returns",
    ),
    row(
        &["perf_event/in-hash-update"],
        &[lacks(PerProgramRecursion), has(CountsPerfEventMisses)],
        UNLINKED_PROG_MISSES.repeated(2),
        "kprobe_multi_link_prog_run of the program that updates the map keeps this one out: \
         bpf_overflow_handler counts",
    ),
    row(
        &["perf_event/in-hash-update"],
        &[has(PerProgramRecursion)],
        UNLINKED_RUNS.repeated(2),
        "alloc_htab_elem puts one element into two buckets, and lookup_nulls_elem_raw goes round",
    )
    .hangs(),
    row(
        &["perf_event/breakpoint-in-itself"],
        ALWAYS,
        UNLINKED_RUNS.and(LOST),
        "exc_debug_kernel has breakpoints off (local_db_save) while the program runs: the \
         processor raises no second one, and no kernel could count it",
    ),
    row(
        &["perf_event/page-fault", "perf_event/migration"],
        ALWAYS,
        UNLINKED_RUNS,
        "perf_swevent_overflow does not throttle the first overflow of a hit",
    ),
    row(
        &["perf_event/page-fault-in-fentry"],
        ALWAYS,
        UNLINKED_RUNS,
        "__bpf_prog_enter_sleepable_recur takes prog->active only",
    ),
    row(
        &["perf_event/instructions"],
        ALWAYS,
        UNLINKED_RUNS,
        "max_samples_per_tick is far away: 1000 overflows take about 10^9 instructions",
    ),
];
