// SPDX-License-Identifier: GPL-2.0-only
//! What the scenarios of tests/kprobe_multi.rs count.

use super::row::*;

pub(super) const TABLE: &[Expected] = &[
    row(
        &[
            "kprobe.multi/by-address-in-fentry",
            "kprobe.multi/by-pattern-in-fentry",
            "kretprobe.multi/in-fentry",
            "kprobe.session/in-fentry",
        ],
        On::All,
        RUNS,
        "kprobe_multi_link_prog_run: __bpf_prog_enter_recur of the outer program holds \
         prog->active alone",
    ),
    row(
        &[
            "kprobe.multi/by-address-in-kprobe",
            "kprobe.multi/by-pattern-in-kprobe",
            "kretprobe.multi/in-kprobe",
        ],
        On::Only(KNOWN, YIELDING),
        PROG_MISSES,
        "kprobe_multi_link_prog_run: trace_call_bpf holds bpf_prog_active",
    ),
    row(
        &["kprobe.session/in-kprobe"],
        On::Only(&["6.12"], UNPATCHED),
        SESSION_MISSES_TWICE,
        RETURN_TRIED,
    ),
    row(
        &["kprobe.session/in-kprobe"],
        On::Only(&["6.12"], COUNTED_YIELDING),
        PROG_MISSES,
        RETURN_NOT_TRIED,
    ),
    row(
        &["kprobe.session/in-kprobe"],
        On::Only(&["7.3"], YIELDING),
        PROG_MISSES,
        RETURN_NOT_TRIED,
    ),
    row(
        &[
            "kprobe.multi/by-address-in-kprobe",
            "kprobe.multi/by-pattern-in-kprobe",
            "kretprobe.multi/in-kprobe",
            "kprobe.session/in-kprobe",
        ],
        On::Only(KNOWN, ACTIVE),
        RUNS,
        "kprobe_multi_link_prog_run does not look at bpf_prog_active",
    ),
    row(
        &[
            "kprobe.multi/by-address-in-kprobe.multi",
            "kprobe.multi/by-pattern-in-kprobe.multi",
            "kretprobe.multi/in-kprobe.multi",
        ],
        On::Only(KNOWN, STOCK),
        PROG_MISSES,
        "kprobe_multi_link_prog_run: the outer program's holds bpf_prog_active",
    ),
    row(
        &[
            "kprobe.multi/by-address-in-kprobe.multi",
            "kprobe.multi/by-pattern-in-kprobe.multi",
            "kretprobe.multi/in-kprobe.multi",
        ],
        On::Only(KNOWN, PER_PROGRAM),
        RUNS,
        "kprobe_multi_link_prog_run of the outer program leaves bpf_prog_active alone",
    ),
    row(
        &[
            "kprobe.multi/by-address-at-third-level",
            "kprobe.multi/by-pattern-at-third-level",
        ],
        On::Only(&["6.12"], ALL_KNOWN),
        LINK_MISSES,
        "fprobe_handler counts what ftrace_test_recursion_trylock refuses",
    ),
    row(
        &[
            "kprobe.multi/by-address-at-third-level",
            "kprobe.multi/by-pattern-at-third-level",
        ],
        On::Only(&["7.3"], UNPATCHED),
        LOST,
        "fprobe_ftrace_entry returns if ftrace_test_recursion_trylock fails",
    ),
    row(
        &[
            "kprobe.multi/by-address-at-third-level",
            "kprobe.multi/by-pattern-at-third-level",
        ],
        On::Only(&["7.3"], COUNTED),
        LINK_MISSES,
        "fprobe_ftrace_missed counts what ftrace_test_recursion_trylock refuses",
    ),
    row(
        &["kprobe.session/in-itself"],
        On::Only(&["6.12"], UNPATCHED),
        PerTrigger {
            runs: 1,
            hits: 2,
            ..SESSION_MISSES_TWICE
        },
        RETURN_TRIED,
    ),
    row(
        &["kprobe.session/in-itself"],
        On::Only(&["6.12"], COUNTED),
        RUNS_AND_MISSES,
        RETURN_NOT_TRIED,
    ),
    row(
        &["kprobe.session/in-itself"],
        On::Only(&["7.3"], ALL_KNOWN),
        RUNS_AND_MISSES,
        RETURN_NOT_TRIED,
    ),
];

/// A session that is skipped on entry may be tried on return.
pub(super) const RETURN_TRIED: &str =
    "kprobe_multi_link_prog_run returns 0 for a miss, so the return is tried, and missed, too";
/// Or not.
pub(super) const RETURN_NOT_TRIED: &str =
    "kprobe_multi_link_prog_run returns 1 for a miss, so the return is not tried";
/// A miss that is counted on entry and on return.
pub(super) const SESSION_MISSES_TWICE: PerTrigger = PerTrigger {
    prog_missed: 2,
    ..PROG_MISSES
};
/// The hit on the outer function runs the program, the one in it is missed.
const RUNS_AND_MISSES: PerTrigger = PerTrigger {
    hits: 2,
    runs: 1,
    ..PROG_MISSES
};
