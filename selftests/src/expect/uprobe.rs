// SPDX-License-Identifier: GPL-2.0-only
//! uprobe, uretprobe, their tracefs events, uprobe.multi, uretprobe.multi and
//! uprobe.session. Links and perf events of uprobes have a counter on patched kernels only.

use nmissed_wire::Behaviour::*;

use super::condition::{ALWAYS, has, lacks};
use super::row::*;

/// How many returns of a thread are kept.
const KEPT: u64 = 64;
/// One entry more than returns are kept.
const TOO_DEEP: PerTrigger = RUNS.repeated(KEPT).and(LINK_MISSES);

const RETURNS_TOO_DEEP: &[&str] = &[
    "uretprobe/65-deep",
    "uretprobe.multi/65-deep",
    "uprobe.session/65-deep",
    "uretprobe/event-by-link-65-deep",
    "uretprobe/event-by-ioctl-65-deep",
    "uretprobe/event-again-65-deep",
];

const NO_CHECK: &str = "bpf_prog_run_array_uprobe, uprobe_prog_run check no recursion";
const KEEPS_64: &str = "prepare_uretprobe keeps 64 returns of a thread (MAX_URETPROBE_DEPTH)";

pub(super) const TABLE: &[Row] = &[
    row(
        &[
            "uprobe/called",
            "uretprobe/called",
            "uprobe.multi/called",
            "uretprobe.multi/called",
            "uprobe.session/called",
        ],
        ALWAYS,
        RUNS,
        NO_CHECK,
    )
    .link_counter_with(CountsUretprobeDepth),
    row(
        &[
            "uprobe/from-signal-handler",
            "uretprobe/from-signal-handler",
            "uprobe.multi/from-signal-handler",
            "uretprobe.multi/from-signal-handler",
            "uprobe.session/from-signal-handler",
        ],
        ALWAYS,
        RUNS.repeated(2),
        NO_CHECK,
    )
    .link_counter_with(CountsUretprobeDepth),
    row(
        &[
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
        ],
        ALWAYS,
        RUNS.repeated(KEPT),
        KEEPS_64,
    )
    .link_counter_with(CountsUretprobeDepth),
    row(
        &[
            "uprobe/event-by-link-65-deep",
            "uprobe/event-by-ioctl-65-deep",
        ],
        ALWAYS,
        RUNS.repeated(KEPT + 1),
        "handler_chain runs every consumer on entry, whether the return is kept or not",
    )
    .link_counter_with(CountsUretprobeDepth),
    row(
        RETURNS_TOO_DEEP,
        &[lacks(CountsUretprobeDepth)],
        TOO_DEEP.unlinked(),
        KEEPS_64,
    ),
    row(
        RETURNS_TOO_DEEP,
        &[has(CountsUretprobeDepth)],
        TOO_DEEP,
        "uretprobe_missed counts for the consumers of a return that is not kept; \
         bpf_get_uprobe_info reports it, and trace_uprobe_enable starts it from 0 (consumer_add)",
    ),
];
