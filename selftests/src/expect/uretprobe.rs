// SPDX-License-Identifier: GPL-2.0-only
//! What the scenarios of tests/uretprobe.rs count.

use super::row::*;
use super::uprobe::too_deep;

const TOO_DEEP: &[&str] = &[
    "uretprobe/65-deep",
    "uretprobe.multi/65-deep",
    "uprobe.session/65-deep",
];

pub(super) const TABLE: &[Expected] = &[
    row(
        TOO_DEEP,
        On::Only(KNOWN, UNPATCHED),
        too_deep(None),
        "prepare_uretprobe keeps 64 returns of a thread (MAX_URETPROBE_DEPTH)",
    ),
    row(
        TOO_DEEP,
        On::Only(KNOWN, COUNTED),
        too_deep(Some(1)),
        "uretprobe_missed counts for the consumers of a return that is not kept",
    ),
];
