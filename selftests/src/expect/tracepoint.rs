// SPDX-License-Identifier: GPL-2.0-only
//! tp, raw_tp and tp_btf, those of system calls included.

use nmissed_wire::Behaviour::*;

use super::condition::{ALWAYS, has, lacks};
use super::row::*;

/// One run sleeps while ten other hits come.
pub(super) const OTHERS_MISS: PerTrigger = RUNS.and(PROG_MISSES.repeated(10)).unlinked();

pub(super) const TABLE: &[Row] = &[
    row(
        &["tp/in-kprobe-1", "tp/in-kprobe-2", "tp/in-kprobe-3"],
        &[has(CountsProgActiveMisses)],
        UNLINKED_PROG_MISSES,
        "trace_call_bpf: that of the outer program takes bpf_prog_active",
    ),
    row(
        &["tp/in-kprobe-1", "tp/in-kprobe-2", "tp/in-kprobe-3"],
        &[lacks(CountsProgActiveMisses)],
        UNLINKED_LOST,
        "trace_call_bpf returns and does not count: that of the outer program takes bpf_prog_active",
    ),
    row(
        &["tp/in-itself"],
        &[lacks(CountsTracepointRecursion)],
        UNLINKED_RUNS.and(LOST),
        "perf_trace_buf_alloc has one buffer per context",
    ),
    row(
        &["tp/in-itself"],
        &[has(CountsTracepointRecursion)],
        UNLINKED_RUNS.and(PROG_MISSES),
        "perf_trace_event_buf_alloc counts for the programs of the event",
    ),
    row(
        &["tp/sys-enter", "tp/sys-exit", "raw_tp/sys-enter"],
        ALWAYS,
        UNLINKED_RUNS,
        "a task that enters a system call has taken nothing",
    ),
    row(
        &["tp/while-asleep"],
        ALWAYS,
        OTHERS_MISS,
        "bpf_prog_run_array_sleepable: prog->active is one per CPU, whichever task takes it",
    ),
    row(
        &["raw_tp/in-itself", "tp_btf/in-itself"],
        &[has(ChecksRawTpRecursion)],
        UNLINKED_RUNS.and(PROG_MISSES),
        "__bpf_trace_run: this program runs already, on this CPU",
    ),
    row(
        &["raw_tp/in-itself", "tp_btf/in-itself"],
        &[lacks(ChecksRawTpRecursion)],
        UNLINKED_RUNS.repeated(2),
        "__bpf_trace_run checks no recursion",
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
        ALWAYS,
        UNLINKED_RUNS,
        "__bpf_trace_run looks at prog->active only",
    ),
    row(
        &["raw_tp/in-test-run"],
        &[lacks(ChecksTestRunRecursion)],
        UNLINKED_RUNS.repeated(2),
        "__bpf_prog_test_run_raw_tp does not take prog->active",
    ),
    row(
        &["raw_tp/in-test-run"],
        &[has(ChecksTestRunRecursion)],
        UNLINKED_RUNS.and(PROG_MISSES),
        "__bpf_trace_run: __bpf_prog_test_run_raw_tp takes prog->active",
    ),
    row(
        &["raw_tp/test-run-while-asleep"],
        ALWAYS,
        OTHERS_MISS,
        "__bpf_prog_test_run_raw_tp: prog->active is one per CPU, whichever task takes it",
    ),
];
