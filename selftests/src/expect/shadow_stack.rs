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
];
