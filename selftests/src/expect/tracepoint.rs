// SPDX-License-Identifier: GPL-2.0-only
//! What the scenarios of tests/tracepoint.rs count.

use super::row::*;

pub(super) const TABLE: &[Expected] = &[
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
        &["raw_tp/in-itself", "tp_btf/in-itself"],
        On::All,
        PerTrigger {
            hits: 2,
            runs: 1,
            ..TP_MISSES
        },
        "__bpf_trace_run: this very program runs already, on this CPU",
    ),
    row(
        &[
            "raw_tp/in-kprobe-1",
            "raw_tp/in-kprobe-2",
            "tp_btf/in-kprobe",
            "raw_tp/in-kprobe.multi-1",
            "raw_tp/in-kprobe.multi-2",
            "tp_btf/in-kprobe.multi",
        ],
        On::All,
        UNLINKED_RUNS,
        "__bpf_trace_run looks at prog->active alone",
    ),
    row(
        &["raw_tp/in-test-run"],
        On::Only(&["6.12"], ALL_KNOWN),
        PerTrigger {
            hits: 2,
            runs: 2,
            ..UNLINKED_RUNS
        },
        "__bpf_prog_test_run_raw_tp leaves prog->active alone",
    ),
    row(
        &["raw_tp/in-test-run"],
        On::Only(&["7.3"], ALL_KNOWN),
        PerTrigger {
            hits: 2,
            runs: 1,
            ..TP_MISSES
        },
        "__bpf_trace_run: __bpf_prog_test_run_raw_tp holds prog->active",
    ),
];
