// SPDX-License-Identifier: GPL-2.0-only
//! What the scenarios of tests/perf_event.rs count.

use super::row::*;

pub(super) const TABLE: &[Expected] = &[
    row(
        &["perf_event/in-fentry"],
        On::All,
        UNLINKED_RUNS,
        "__bpf_prog_enter_recur holds prog->active alone",
    ),
    row(
        &["perf_event/in-kprobe", "perf_event/in-map-syscall"],
        On::Only(KNOWN, UNPATCHED),
        PerTrigger {
            link_missed: None,
            ..LOST
        },
        "bpf_overflow_handler returns if bpf_prog_active is held",
    ),
    row(
        &["perf_event/in-kprobe", "perf_event/in-map-syscall"],
        On::Only(KNOWN, COUNTED),
        TP_MISSES,
        "bpf_overflow_handler counts what bpf_prog_active keeps out",
    ),
    row(
        &["perf_event/breakpoint-in-itself"],
        On::All,
        PerTrigger {
            hits: 2,
            ..UNLINKED_RUNS
        },
        "exc_debug_kernel has breakpoints off (local_db_save) while the program runs: the \
         processor raises no second one, and no kernel could count it",
    ),
    row(
        &["perf_event/page-fault", "perf_event/migration"],
        On::All,
        UNLINKED_RUNS,
        "perf_swevent_overflow does not throttle the first overflow of a hit",
    ),
    row(
        &["perf_event/page-fault-in-fentry"],
        On::All,
        UNLINKED_RUNS,
        "__bpf_prog_enter_sleepable_recur holds prog->active alone",
    ),
    row(
        &["perf_event/instructions"],
        On::All,
        UNLINKED_RUNS,
        "max_samples_per_tick is far away: 1000 overflows take some 10^9 instructions",
    ),
];
