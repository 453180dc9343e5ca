// SPDX-License-Identifier: GPL-2.0-only
//! What the scenarios of tests/uretprobe.rs count.

use super::row::*;

pub(super) const TABLE: &[Expected] = &[
    row(
        &[
            "uretprobe/65-deep",
            "uretprobe.multi/65-deep",
            "uprobe.session/65-deep",
        ],
        On::Only(KNOWN, UNPATCHED),
        PerTrigger {
            hits: 65,
            runs: 64,
            link_missed: None,
            prog_missed: 0,
        },
        "prepare_uretprobe keeps 64 returns of a thread (MAX_URETPROBE_DEPTH)",
    ),
    row(
        &[
            "uretprobe/65-deep",
            "uretprobe.multi/65-deep",
            "uprobe.session/65-deep",
        ],
        On::Only(KNOWN, COUNTED),
        PerTrigger {
            hits: 65,
            runs: 64,
            link_missed: Some(1),
            prog_missed: 0,
        },
        "uretprobe_missed counts for the consumers of a return that is not kept",
    ),
];
