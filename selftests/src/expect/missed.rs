// SPDX-License-Identifier: GPL-2.0-only
//! What the scenarios of tests/missed.rs count.

use super::kprobe_multi::{RETURN_NOT_TRIED, RETURN_TRIED, SESSION_MISSES_TWICE};
use super::row::*;

pub(super) const TABLE: &[Expected] = &[
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
        On::Only(&["6.12"], UNPATCHED),
        SESSION_MISSES_TWICE,
        RETURN_TRIED,
    ),
    row(
        &["kprobe.session/in-kprobe.multi"],
        On::Only(&["6.12"], COUNTED_STOCK),
        PROG_MISSES,
        RETURN_NOT_TRIED,
    ),
    row(
        &["kprobe.session/in-kprobe.multi"],
        On::Only(&["7.3"], STOCK),
        PROG_MISSES,
        RETURN_NOT_TRIED,
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
];
