// SPDX-License-Identifier: GPL-2.0-only
//! What the scenarios of tests/kretprobe.rs count: of eleven threads in a
//! function, where there are some.

use super::row::*;

pub(super) const TABLE: &[Expected] = &[
    row(
        &[
            "kretprobe/in-fentry",
            "kretprobe/event-by-link-in-fentry",
            "kretprobe/event-by-ioctl-in-fentry",
        ],
        On::All,
        RUNS,
        "trace_call_bpf: __bpf_prog_enter_recur of the outer program holds prog->active alone",
    ),
    row(
        &["kretprobe/by-ioctl-in-fentry"],
        On::Unpatched,
        UNLINKED_RUNS,
        "trace_call_bpf: __bpf_prog_enter_recur of the outer program holds prog->active alone",
    ),
    row(
        &["kretprobe/by-ioctl-in-fentry"],
        On::Only(KNOWN, COUNTED),
        RUNS,
        "trace_call_bpf: __bpf_prog_enter_recur of the outer program holds prog->active alone",
    ),
    row(
        &[
            "kretprobe/in-kprobe",
            "kretprobe/event-by-link-in-kprobe",
            "kretprobe/event-by-ioctl-in-kprobe",
        ],
        On::All,
        LINK_MISSES,
        "kprobe_ftrace_handler on entry: kprobe_running(), so kprobes_inc_nmissed_count",
    ),
    row(
        &["kretprobe/by-ioctl-in-kprobe"],
        On::Unpatched,
        UNLINKED_LOST,
        "kprobe_ftrace_handler counts it by kprobes_inc_nmissed_count, in a kprobe that nothing \
         but a link can be asked about",
    ),
    row(
        &["kretprobe/by-ioctl-in-kprobe"],
        On::Only(KNOWN, COUNTED),
        LINK_MISSES,
        "kprobe_ftrace_handler on entry: kprobe_running(), so kprobes_inc_nmissed_count; \
         bpf_task_fd_query tells trace_kprobe_event_missed",
    ),
    row(
        &[
            "kretprobe/in-kprobe.multi",
            "kretprobe/event-by-link-in-kprobe.multi",
            "kretprobe/event-by-ioctl-in-kprobe.multi",
        ],
        On::Only(KNOWN, STOCK),
        PROG_MISSES,
        "trace_call_bpf on return: kprobe_multi_link_prog_run holds bpf_prog_active",
    ),
    row(
        &["kretprobe/by-ioctl-in-kprobe.multi"],
        On::Only(KNOWN, UNPATCHED),
        TP_MISSES,
        "trace_call_bpf on return: kprobe_multi_link_prog_run holds bpf_prog_active",
    ),
    row(
        &["kretprobe/by-ioctl-in-kprobe.multi"],
        On::Only(KNOWN, COUNTED_STOCK),
        PROG_MISSES,
        "trace_call_bpf on return: kprobe_multi_link_prog_run holds bpf_prog_active",
    ),
    row(
        &[
            "kretprobe/in-kprobe.multi",
            "kretprobe/event-by-link-in-kprobe.multi",
            "kretprobe/event-by-ioctl-in-kprobe.multi",
            "kretprobe/by-ioctl-in-kprobe.multi",
        ],
        On::Only(KNOWN, PER_PROGRAM),
        RUNS,
        "kprobe_multi_link_prog_run of the outer program leaves bpf_prog_active alone",
    ),
    row(
        &["kretprobe/default-pool"],
        On::All,
        of_eleven(10, Some(1)),
        "pre_handler_kretprobe counts what rethook_try_get has no node for; \
         register_kretprobe made max(10, 2 * possible CPUs)",
    ),
    row(
        &["kretprobe/default-pool-by-ioctl"],
        On::Unpatched,
        of_eleven(10, None),
        "pre_handler_kretprobe counts it, in a kretprobe that nothing but a link can be asked \
         about",
    ),
    row(
        &["kretprobe/default-pool-by-ioctl"],
        On::Only(KNOWN, COUNTED),
        of_eleven(10, Some(1)),
        "pre_handler_kretprobe counts what rethook_try_get has no node for; \
         bpf_task_fd_query tells trace_kprobe_event_missed",
    ),
    row(
        &[
            "kretprobe/event-pool-of-3-by-link",
            "kretprobe/event-pool-of-3-by-ioctl",
        ],
        On::All,
        of_eleven(3, Some(8)),
        "pre_handler_kretprobe counts what rethook_try_get has no node for; \
         register_kretprobe made as many as the event says",
    ),
    row(
        &[
            "kretprobe.multi/default-pool",
            "kprobe.session/default-pool",
        ],
        On::Only(&["6.12"], ALL_KNOWN),
        of_eleven(4, Some(7)),
        "fprobe_handler_common counts what rethook_try_get has no node for; \
         fprobe_init_rethook made 2 * possible CPUs for the function",
    ),
    row(
        &[
            "kretprobe.multi/default-pool",
            "kprobe.session/default-pool",
        ],
        On::Only(&["7.3"], ALL_KNOWN),
        of_eleven(11, Some(0)),
        "function_graph_enter_regs keeps returns on the shadow stack of each task",
    ),
];

/// Eleven hits, which end so.
const fn of_eleven(runs: u64, link_missed: Option<u64>) -> PerTrigger {
    PerTrigger {
        hits: 11,
        runs,
        link_missed,
        prog_missed: 0,
    }
}
