// SPDX-License-Identifier: GPL-2.0-only
//! What the scenarios of tests/pairing.rs count: per trigger A is called once,
//! and B by each of the two programs on it.

use super::row::*;

pub(super) const TABLE: &[Expected] = &[
    row(
        &["kprobe/pairing", "kretprobe/pairing"],
        On::All,
        PerTrigger {
            hits: 3,
            runs: 1,
            link_missed: Some(2),
            prog_missed: 0,
        },
        "X(A) Y(A): kprobe_ftrace_handler lets none in while it, or kretprobe_rethook_handler, \
         runs a program (kprobe_running)",
    ),
    row(
        &["kprobe.multi/pairing", "kretprobe.multi/pairing"],
        On::Only(KNOWN, STOCK),
        PerTrigger {
            hits: 3,
            runs: 1,
            link_missed: Some(0),
            prog_missed: 2,
        },
        "X(A) Y(A): kprobe_multi_link_prog_run of either holds bpf_prog_active",
    ),
    row(
        &["kprobe.multi/pairing", "kretprobe.multi/pairing"],
        On::Only(KNOWN, PER_PROGRAM),
        PerTrigger {
            hits: 3,
            runs: 2,
            link_missed: Some(0),
            prog_missed: 1,
        },
        "X(A) Y(B) Y(A) X(B): kprobe_multi_link_prog_run keeps each program out of itself only",
    ),
];
