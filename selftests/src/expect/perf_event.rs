// SPDX-License-Identifier: GPL-2.0-only
//! What the scenarios of tests/perf_event.rs count.

use super::row::*;

pub(super) const TABLE: &[Expected] = &[
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
];
