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
];
