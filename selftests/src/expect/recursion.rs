// SPDX-License-Identifier: GPL-2.0-only
//! What the scenarios of tests/recursion.rs count.

use super::row::*;

pub(super) const TABLE: &[Expected] = &[
    row(
        &["kprobe/at-third-level"],
        On::Only(KNOWN, UNPATCHED),
        LOST,
        "kprobe_ftrace_handler returns if ftrace_test_recursion_trylock fails",
    ),
    row(
        &["kprobe/at-third-level"],
        On::Only(KNOWN, COUNTED),
        LINK_MISSES,
        "kprobe_ftrace_missed counts what ftrace_test_recursion_trylock refuses",
    ),
    row(
        &[
            "kprobe.multi/at-third-level",
            "kretprobe.multi/at-third-level",
            "kprobe.session/at-third-level",
        ],
        On::Only(&["6.12"], ALL_KNOWN),
        LINK_MISSES,
        "fprobe_handler counts what ftrace_test_recursion_trylock refuses",
    ),
    row(
        &["kprobe.multi/at-third-level"],
        On::Only(&["7.3"], UNPATCHED),
        LOST,
        "fprobe_ftrace_entry returns if ftrace_test_recursion_trylock fails",
    ),
    row(
        &["kprobe.multi/at-third-level"],
        On::Only(&["7.3"], COUNTED),
        LINK_MISSES,
        "fprobe_ftrace_missed counts what ftrace_test_recursion_trylock refuses",
    ),
    row(
        &[
            "kretprobe.multi/at-third-level",
            "kprobe.session/at-third-level",
        ],
        On::Only(&["7.3"], UNPATCHED),
        LOST,
        "function_graph_enter_regs returns if ftrace_test_recursion_trylock fails",
    ),
    row(
        &[
            "kretprobe.multi/at-third-level",
            "kprobe.session/at-third-level",
        ],
        On::Only(&["7.3"], COUNTED),
        LINK_MISSES,
        "fprobe_missed_entry hears what function_graph_enter_regs refuses",
    ),
    row(
        &[
            "kprobe/at-third-list",
            "kprobe.multi/at-third-list",
            "kretprobe.multi/at-third-list",
        ],
        On::Only(KNOWN, UNPATCHED),
        LOST,
        "__ftrace_ops_list_func returns if trace_test_and_set_recursion fails",
    ),
    row(
        &[
            "kprobe/at-third-list",
            "kprobe.multi/at-third-list",
            "kretprobe.multi/at-third-list",
        ],
        On::Only(KNOWN, COUNTED),
        LINK_MISSES,
        "ftrace_ops_list_missed calls those that __ftrace_ops_list_func does not",
    ),
];
