// SPDX-License-Identifier: GPL-2.0-only
//! What the scenarios of tests/uprobe.rs count. Links to uprobes, and
//! perf events of uprobes, have a counter where a patch gives them one.

use super::row::*;

/// As deep as returns are kept.
const KEPT: u64 = 64;

const CALLED: &[&str] = &[
    "uprobe/called",
    "uretprobe/called",
    "uprobe.multi/called",
    "uretprobe.multi/called",
    "uprobe.session/called",
];
const FROM_HANDLER: &[&str] = &[
    "uprobe/from-signal-handler",
    "uretprobe/from-signal-handler",
    "uprobe.multi/from-signal-handler",
    "uretprobe.multi/from-signal-handler",
    "uprobe.session/from-signal-handler",
];
const DEEP: &[&str] = &[
    "uprobe/64-deep",
    "uretprobe/64-deep",
    "uprobe.multi/64-deep",
    "uretprobe.multi/64-deep",
    "uprobe.session/64-deep",
    "uprobe/event-by-link-64-deep",
    "uretprobe/event-by-link-64-deep",
    "uprobe/event-by-ioctl-64-deep",
    "uretprobe/event-by-ioctl-64-deep",
    "uretprobe/event-again-64-deep",
];
const ENTRIES_TOO_DEEP: &[&str] = &[
    "uprobe/event-by-link-65-deep",
    "uprobe/event-by-ioctl-65-deep",
];

/// Why all of them run.
const NO_LOOK: &str = "bpf_prog_run_array_uprobe, uprobe_prog_run: no look at what else runs";

pub(super) const TABLE: &[Expected] = &[
    row(CALLED, On::Unpatched, UNLINKED_RUNS, NO_LOOK),
    row(CALLED, On::Only(KNOWN, COUNTED), RUNS, NO_LOOK),
    row(
        FROM_HANDLER,
        On::Unpatched,
        UNLINKED_RUNS.on_links(2),
        NO_LOOK,
    ),
    row(
        FROM_HANDLER,
        On::Only(KNOWN, COUNTED),
        RUNS.on_links(2),
        NO_LOOK,
    ),
    row(
        DEEP,
        On::Unpatched,
        UNLINKED_RUNS.on_links(KEPT),
        "prepare_uretprobe keeps 64 returns of a thread (MAX_URETPROBE_DEPTH)",
    ),
    row(
        DEEP,
        On::Only(KNOWN, COUNTED),
        RUNS.on_links(KEPT),
        "prepare_uretprobe keeps 64 returns of a thread (MAX_URETPROBE_DEPTH)",
    ),
    row(
        ENTRIES_TOO_DEEP,
        On::Unpatched,
        UNLINKED_RUNS.on_links(KEPT + 1),
        "handler_chain runs all that is there for the entry, kept or not",
    ),
    row(
        ENTRIES_TOO_DEEP,
        On::Only(KNOWN, COUNTED),
        RUNS.on_links(KEPT + 1),
        "handler_chain runs all that is there for the entry, kept or not",
    ),
    row(
        &[
            "uretprobe/event-by-link-65-deep",
            "uretprobe/event-by-ioctl-65-deep",
            "uretprobe/event-again-65-deep",
        ],
        On::Unpatched,
        too_deep(None),
        "prepare_uretprobe keeps 64 returns of a thread (MAX_URETPROBE_DEPTH)",
    ),
    row(
        &["uretprobe/event-by-link-65-deep"],
        On::Only(KNOWN, COUNTED),
        too_deep(Some(1)),
        "uretprobe_missed counts for the consumers of a return that is not kept",
    ),
    row(
        &["uretprobe/event-again-65-deep"],
        On::Only(KNOWN, COUNTED),
        too_deep(Some(1)),
        "uretprobe_missed counts for the consumers of a return that is not kept; when \
         trace_uprobe_enable registers that of the event again, consumer_add sets it to 0",
    ),
    row(
        &["uretprobe/event-by-ioctl-65-deep"],
        On::Only(KNOWN, COUNTED),
        too_deep(Some(1)),
        "uretprobe_missed counts for the consumers of a return that is not kept; \
         bpf_task_fd_query tells bpf_get_uprobe_info",
    ),
];

/// One entry more than returns are kept.
pub(super) const fn too_deep(link_missed: Option<u64>) -> PerTrigger {
    PerTrigger {
        hits: KEPT + 1,
        runs: KEPT,
        link_missed,
        prog_missed: 0,
    }
}
