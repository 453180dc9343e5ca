// SPDX-License-Identifier: GPL-2.0-only
//! What the scenarios of tests/kprobe_event.rs count. Where a program is set by
//! ioctl, a patched kernel tells of the perf event what the link would; without the
//! patch tracefs stands in, and for its own event only.

use super::row::*;

pub(super) const TABLE: &[Expected] = &[
    row(
        &["kprobe/by-ioctl-in-fentry"],
        On::Unpatched,
        UNLINKED_RUNS,
        "trace_call_bpf: __bpf_prog_enter_recur of the outer program holds prog->active alone",
    ),
    row(
        &["kprobe/by-ioctl-in-fentry"],
        On::Only(KNOWN, COUNTED),
        RUNS,
        "trace_call_bpf: __bpf_prog_enter_recur of the outer program holds prog->active alone",
    ),
    row(
        &[
            "kprobe/event-by-ioctl-in-fentry",
            "kprobe/event-by-link-in-fentry",
            "kprobe/event-shared-1-in-fentry",
            "kprobe/event-shared-2-in-fentry",
        ],
        On::All,
        RUNS,
        "trace_call_bpf: __bpf_prog_enter_recur of the outer program holds prog->active alone",
    ),
    row(
        &[
            "kprobe/event-of-two-by-link-in-fentry",
            "kprobe/event-of-two-by-ioctl-in-fentry",
        ],
        On::All,
        RUNS.on_links(2),
        "trace_call_bpf: __bpf_prog_enter_recur of the outer program holds prog->active alone",
    ),
    row(
        &["kprobe/by-ioctl-in-kprobe"],
        On::Unpatched,
        UNLINKED_LOST,
        "kprobe_ftrace_handler counts it by kprobes_inc_nmissed_count, in a kprobe that nothing \
         but a link can be asked about",
    ),
    row(
        &["kprobe/by-ioctl-in-kprobe"],
        On::Only(KNOWN, COUNTED),
        LINK_MISSES,
        "kprobe_ftrace_handler: kprobe_running(), so kprobes_inc_nmissed_count; \
         bpf_task_fd_query tells trace_kprobe_event_missed",
    ),
    row(
        &[
            "kprobe/event-by-ioctl-in-kprobe",
            "kprobe/event-by-link-in-kprobe",
            "kprobe/event-shared-1-in-kprobe",
            "kprobe/event-shared-2-in-kprobe",
        ],
        On::All,
        LINK_MISSES,
        "kprobe_ftrace_handler: kprobe_running(), so kprobes_inc_nmissed_count for each kprobe \
         on the function",
    ),
    row(
        &["kprobe/event-of-two-by-link-in-kprobe"],
        On::Only(KNOWN, COUNTED),
        LINK_MISSES.on_links(2),
        "trace_kprobe_event_missed sums up all kprobes of the event",
    ),
    row(
        &["kprobe/event-of-two-by-link-in-kprobe"],
        On::Only(KNOWN, UNPATCHED),
        PerTrigger {
            hits: 2,
            ..LINK_MISSES
        },
        "bpf_get_kprobe_info asks the first kprobe of the event; what reenter_kprobe counts in \
         the second one is seen in kprobe_profile only",
    ),
    row(
        &["kprobe/event-of-two-by-ioctl-in-kprobe"],
        On::All,
        LINK_MISSES.on_links(2),
        "kprobe_ftrace_handler, reenter_kprobe: kprobe_running(), so kprobes_inc_nmissed_count; \
         kprobe_profile has a line for each kprobe of the event",
    ),
    row(
        &["kprobe/by-ioctl-in-kprobe.multi"],
        On::Only(KNOWN, UNPATCHED),
        TP_MISSES,
        "trace_call_bpf: kprobe_multi_link_prog_run holds bpf_prog_active",
    ),
    row(
        &["kprobe/by-ioctl-in-kprobe.multi"],
        On::Only(KNOWN, COUNTED_STOCK),
        PROG_MISSES,
        "trace_call_bpf: kprobe_multi_link_prog_run holds bpf_prog_active",
    ),
    row(
        &[
            "kprobe/event-by-ioctl-in-kprobe.multi",
            "kprobe/event-by-link-in-kprobe.multi",
            "kprobe/event-shared-1-in-kprobe.multi",
            "kprobe/event-shared-2-in-kprobe.multi",
        ],
        On::Only(KNOWN, STOCK),
        PROG_MISSES,
        "trace_call_bpf counts for each program of the event: kprobe_multi_link_prog_run holds \
         bpf_prog_active",
    ),
    row(
        &[
            "kprobe/event-of-two-by-link-in-kprobe.multi",
            "kprobe/event-of-two-by-ioctl-in-kprobe.multi",
        ],
        On::Only(KNOWN, STOCK),
        PROG_MISSES.on_links(2),
        "trace_call_bpf: kprobe_multi_link_prog_run holds bpf_prog_active",
    ),
    row(
        &[
            "kprobe/by-ioctl-in-kprobe.multi",
            "kprobe/event-by-ioctl-in-kprobe.multi",
            "kprobe/event-by-link-in-kprobe.multi",
            "kprobe/event-shared-1-in-kprobe.multi",
            "kprobe/event-shared-2-in-kprobe.multi",
        ],
        On::Only(KNOWN, PER_PROGRAM),
        RUNS,
        "kprobe_multi_link_prog_run of the outer program leaves bpf_prog_active alone",
    ),
    row(
        &[
            "kprobe/event-of-two-by-link-in-kprobe.multi",
            "kprobe/event-of-two-by-ioctl-in-kprobe.multi",
        ],
        On::Only(KNOWN, PER_PROGRAM),
        RUNS.on_links(2),
        "kprobe_multi_link_prog_run of the outer program leaves bpf_prog_active alone",
    ),
];
