// SPDX-License-Identifier: GPL-2.0-only
//! What the scenarios of tests/shadow_stack.rs count.

use super::row::*;

pub(super) const TABLE: &[Expected] = &[
    row(
        &["kretprobe.multi/32-links"],
        On::Only(KNOWN, ALL_KNOWN),
        RUNS.on_links(32),
        "fgraph_reserve_data has room for 32 words, or each link has its own rethook",
    ),
    row(
        &["kprobe.session/16-links"],
        On::Only(KNOWN, ALL_KNOWN),
        RUNS.on_links(16),
        "fgraph_reserve_data has room for 32 words, or each link has its own rethook",
    ),
    row(
        &["kretprobe.multi/33-links"],
        On::Only(&["6.12"], ALL_KNOWN),
        RUNS.on_links(33),
        "rethook_try_get: each link has its own rethook",
    ),
    row(
        &["kprobe.session/17-links"],
        On::Only(&["6.12"], ALL_KNOWN),
        RUNS.on_links(17),
        "rethook_try_get: each link has its own rethook",
    ),
    row(
        &["kretprobe.multi/33-links"],
        On::Only(&["7.3"], ALL_KNOWN),
        LINK_MISSES.on_links(33),
        "fprobe_fgraph_entry: fgraph_reserve_data has room for 32 words, and so for none",
    ),
    row(
        &["kprobe.session/17-links"],
        On::Only(&["7.3"], ALL_KNOWN),
        LINK_MISSES.on_links(17),
        "fprobe_fgraph_entry: fgraph_reserve_data has room for 32 words, and so for none",
    ),
    row(
        &["kretprobe.multi/16-nested"],
        On::Only(&["6.12"], ALL_KNOWN),
        PerTrigger {
            hits: 16 * 30,
            runs: 4 * 30,
            link_missed: Some(12 * 30),
            prog_missed: 0,
        },
        "fprobe_init_rethook: two nodes for each possible CPU",
    ),
    row(
        &["kretprobe.multi/16-nested"],
        On::Only(&["7.3"], UNPATCHED),
        PerTrigger {
            hits: 16 * 30,
            runs: 14 * 30,
            ..LOST
        },
        "ftrace_push_return_trace: 14 frames of 35 words leave 2 of the 492",
    ),
    row(
        &["kretprobe.multi/16-nested"],
        On::Only(&["7.3"], COUNTED),
        PerTrigger {
            hits: 16 * 30,
            runs: 14 * 30,
            link_missed: Some(2 * 30),
            prog_missed: 0,
        },
        "fprobe_missed_entry hears what function_graph_enter_regs refuses",
    ),
];
