// SPDX-License-Identifier: GPL-2.0-only
//! kprobe and kretprobe: by perf event and by tracefs event, set by link and by ioctl.
//! Where a program is set by ioctl there is no link info. A patched kernel reports the
//! misses in `BPF_TASK_FD_QUERY`; without the patch `kprobe_profile` of tracefs does, for
//! tracefs events only.

use nmissed_wire::Behaviour::*;

use super::condition::{ALWAYS, has, lacks};
use super::row::*;

/// Kprobes through perf that are set by ioctl: without a patch, no source has their misses.
const BY_IOCTL_IN_KPROBE: &[&str] = &["kprobe/by-ioctl-in-kprobe", "kretprobe/by-ioctl-in-kprobe"];

/// One hit per trigger in a kprobe.multi program, with a counter on any kernel.
const IN_KPROBE_MULTI: &[&str] = &[
    "kprobe/in-kprobe.multi-1",
    "kprobe/in-kprobe.multi-2",
    "kprobe/in-kprobe.multi-3",
    "kprobe/event-by-ioctl-in-kprobe.multi",
    "kprobe/event-by-link-in-kprobe.multi",
    "kprobe/event-shared-1-in-kprobe.multi",
    "kprobe/event-shared-2-in-kprobe.multi",
    "kretprobe/in-kprobe.multi",
    "kprobe/in-kprobe.multi-on-module",
    "kretprobe/in-kprobe.multi-on-module",
    "kretprobe/event-by-link-in-kprobe.multi",
    "kretprobe/event-by-ioctl-in-kprobe.multi",
];
const BY_IOCTL_IN_KPROBE_MULTI: &[&str] = &[
    "kprobe/by-ioctl-in-kprobe.multi",
    "kretprobe/by-ioctl-in-kprobe.multi",
];
const EVENT_OF_TWO_IN_KPROBE_MULTI: &[&str] = &[
    "kprobe/event-of-two-by-link-in-kprobe.multi",
    "kprobe/event-of-two-by-ioctl-in-kprobe.multi",
];

pub(super) const ON_MODULE: &str = "no other program runs when bm_status_read is hit";
const IN_FENTRY: &str =
    "trace_call_bpf: __bpf_prog_enter_recur of the outer program takes prog->active only";
const PROG_ACTIVE_IS_TAKEN: &str = "trace_call_bpf counts for each program of the event: \
                                    kprobe_multi_link_prog_run takes bpf_prog_active";
const PROG_ACTIVE_IS_TAKEN_UNCOUNTED: &str = "trace_call_bpf returns and does not count: \
     kprobe_multi_link_prog_run takes bpf_prog_active";
const PROG_ACTIVE_IS_FREE: &str =
    "kprobe_multi_link_prog_run of the outer program does not take bpf_prog_active";
const NO_NODE: &str = "pre_handler_kretprobe counts a hit for which rethook_try_get has no node; \
                       register_kretprobe made max(10, 2 * possible CPUs)";
const NO_INSTANCE: &str = "pre_handler_kretprobe counts a hit for which free_instances is empty; \
                           register_kretprobe made one per possible CPU";

pub(super) const TABLE: &[Row] = &[
    row(
        &[
            "kprobe/on-module",
            "kprobe/around-all-on-module",
            "kretprobe/on-module",
        ],
        ALWAYS,
        RUNS,
        ON_MODULE,
    ),
    row(
        &[
            "kprobe/around-kprobe",
            "kprobe/around-kprobe.multi",
            "kprobe/around-tp",
        ],
        ALWAYS,
        RUNS,
        "no other program runs when bpf_fentry_test1 is hit",
    ),
    row(
        &[
            "kprobe/event-by-ioctl-in-fentry",
            "kprobe/event-by-link-in-fentry",
            "kprobe/event-shared-1-in-fentry",
            "kprobe/event-shared-2-in-fentry",
            "kretprobe/in-fentry",
            "kprobe/in-fentry-on-module",
            "kretprobe/in-fentry-on-module",
            "kretprobe/event-by-link-in-fentry",
            "kretprobe/event-by-ioctl-in-fentry",
        ],
        ALWAYS,
        RUNS,
        IN_FENTRY,
    ),
    row(
        &["kprobe/by-ioctl-in-fentry", "kretprobe/by-ioctl-in-fentry"],
        ALWAYS,
        RUNS,
        IN_FENTRY,
    )
    .link_counter_with(ReportsMissesInFdQuery),
    row(
        &[
            "kprobe/event-of-two-by-link-in-fentry",
            "kprobe/event-of-two-by-ioctl-in-fentry",
        ],
        ALWAYS,
        RUNS.repeated(2),
        IN_FENTRY,
    ),
    row(
        &["kprobe/in-kprobe", "kprobe/in-kprobe-on-module"],
        ALWAYS,
        LINK_MISSES,
        "kprobe_ftrace_handler, kprobe_int3_handler (reenter_kprobe), optimized_callback: \
         kprobe_running(), so kprobes_inc_nmissed_count",
    ),
    row(
        &[
            "kprobe/event-by-ioctl-in-kprobe",
            "kprobe/event-by-link-in-kprobe",
            "kprobe/event-shared-1-in-kprobe",
            "kprobe/event-shared-2-in-kprobe",
            "kretprobe/in-kprobe",
            "kretprobe/in-kprobe-on-module",
            "kretprobe/event-by-link-in-kprobe",
            "kretprobe/event-by-ioctl-in-kprobe",
        ],
        ALWAYS,
        LINK_MISSES,
        "kprobe_ftrace_handler, of a kretprobe on entry: kprobe_running(), so \
         kprobes_inc_nmissed_count for each kprobe on the function",
    ),
    row(
        BY_IOCTL_IN_KPROBE,
        &[lacks(ReportsMissesInFdQuery)],
        UNLINKED_LOST,
        "kprobe_ftrace_handler: kprobes_inc_nmissed_count in a kprobe whose counter only the \
         info of a link has",
    ),
    row(
        BY_IOCTL_IN_KPROBE,
        &[has(ReportsMissesInFdQuery)],
        LINK_MISSES,
        "kprobe_ftrace_handler: kprobe_running(), so kprobes_inc_nmissed_count; bpf_task_fd_query \
         reports trace_kprobe_event_missed",
    ),
    row(
        &["kprobe/event-of-two-by-link-in-kprobe"],
        &[
            lacks(ReportsMissesInLinkInfo),
            lacks(ReportsAllProbesOfEvent),
        ],
        LINK_MISSES.repeated(2),
        "kprobe_profile, the only source, has a line for each kprobe of the event",
    ),
    row(
        &["kprobe/event-of-two-by-link-in-kprobe"],
        &[has(ReportsMissesInLinkInfo), lacks(ReportsAllProbesOfEvent)],
        LINK_MISSES.and(LOST),
        "bpf_get_kprobe_info reports the first kprobe of the event; what reenter_kprobe counts in \
         the second one is in kprobe_profile only",
    ),
    row(
        &["kprobe/event-of-two-by-link-in-kprobe"],
        &[has(ReportsAllProbesOfEvent)],
        LINK_MISSES.repeated(2),
        "trace_kprobe_event_missed adds up all kprobes of the event",
    ),
    row(
        &["kprobe/event-of-two-by-ioctl-in-kprobe"],
        ALWAYS,
        LINK_MISSES.repeated(2),
        "kprobe_ftrace_handler, reenter_kprobe: kprobe_running(), so kprobes_inc_nmissed_count; \
         kprobe_profile has a line for each kprobe of the event",
    ),
    row(
        IN_KPROBE_MULTI,
        &[has(CountsProgActiveMisses), lacks(PerProgramRecursion)],
        PROG_MISSES,
        PROG_ACTIVE_IS_TAKEN,
    ),
    row(
        IN_KPROBE_MULTI,
        &[lacks(CountsProgActiveMisses), lacks(PerProgramRecursion)],
        LOST,
        PROG_ACTIVE_IS_TAKEN_UNCOUNTED,
    ),
    row(
        IN_KPROBE_MULTI,
        &[has(PerProgramRecursion)],
        RUNS,
        PROG_ACTIVE_IS_FREE,
    ),
    row(
        BY_IOCTL_IN_KPROBE_MULTI,
        &[has(CountsProgActiveMisses), lacks(PerProgramRecursion)],
        PROG_MISSES,
        PROG_ACTIVE_IS_TAKEN,
    )
    .link_counter_with(ReportsMissesInFdQuery),
    row(
        BY_IOCTL_IN_KPROBE_MULTI,
        &[lacks(CountsProgActiveMisses), lacks(PerProgramRecursion)],
        UNLINKED_LOST,
        PROG_ACTIVE_IS_TAKEN_UNCOUNTED,
    ),
    row(
        BY_IOCTL_IN_KPROBE_MULTI,
        &[has(PerProgramRecursion)],
        RUNS,
        PROG_ACTIVE_IS_FREE,
    )
    .link_counter_with(ReportsMissesInFdQuery),
    row(
        EVENT_OF_TWO_IN_KPROBE_MULTI,
        &[has(CountsProgActiveMisses), lacks(PerProgramRecursion)],
        PROG_MISSES.repeated(2),
        PROG_ACTIVE_IS_TAKEN,
    ),
    row(
        EVENT_OF_TWO_IN_KPROBE_MULTI,
        &[lacks(CountsProgActiveMisses), lacks(PerProgramRecursion)],
        LOST.repeated(2),
        PROG_ACTIVE_IS_TAKEN_UNCOUNTED,
    ),
    row(
        EVENT_OF_TWO_IN_KPROBE_MULTI,
        &[has(PerProgramRecursion)],
        RUNS.repeated(2),
        PROG_ACTIVE_IS_FREE,
    ),
    row(
        &["kprobe/at-third-level"],
        &[lacks(CountsKprobeRecursion)],
        LOST,
        "kprobe_ftrace_handler returns if ftrace_test_recursion_trylock fails",
    ),
    row(
        &["kprobe/at-third-level"],
        &[has(CountsKprobeRecursion)],
        LINK_MISSES,
        "kprobe_ftrace_missed counts if ftrace_test_recursion_trylock fails",
    ),
    row(
        &["kprobe/pairing", "kretprobe/pairing"],
        ALWAYS,
        RUNS.and(LINK_MISSES.repeated(2)),
        "X(A) Y(A): kprobe_ftrace_handler skips every kprobe while it, or \
         kretprobe_rethook_handler, runs a program (kprobe_running)",
    ),
    row(
        &["kretprobe/default-pool"],
        &[has(TenKretprobeInstances)],
        of_eleven(10),
        NO_NODE,
    ),
    row(
        &["kretprobe/default-pool"],
        &[lacks(TenKretprobeInstances), has(PreemptRt)],
        of_eleven(10),
        NO_NODE,
    ),
    row(
        &["kretprobe/default-pool"],
        &[lacks(TenKretprobeInstances), lacks(PreemptRt)],
        of_eleven(2),
        NO_INSTANCE,
    ),
    row(
        &["kretprobe/default-pool-by-ioctl"],
        &[lacks(TenKretprobeInstances), lacks(PreemptRt)],
        of_eleven(2).unlinked(),
        NO_INSTANCE,
    ),
    row(
        &["kretprobe/default-pool-by-ioctl"],
        &[lacks(TenKretprobeInstances), has(PreemptRt)],
        of_eleven(10).unlinked(),
        NO_NODE,
    ),
    row(
        &["kretprobe/default-pool-by-ioctl"],
        &[has(TenKretprobeInstances), lacks(ReportsMissesInFdQuery)],
        of_eleven(10).unlinked(),
        "pre_handler_kretprobe counts it, in a kretprobe whose counter only the info of a link \
         has",
    ),
    row(
        &["kretprobe/default-pool-by-ioctl"],
        &[has(TenKretprobeInstances), has(ReportsMissesInFdQuery)],
        of_eleven(10),
        "pre_handler_kretprobe counts a hit for which rethook_try_get has no node; \
         bpf_task_fd_query reports trace_kprobe_event_missed",
    ),
    row(
        &[
            "kretprobe/event-pool-of-3-by-link",
            "kretprobe/event-pool-of-3-by-ioctl",
        ],
        ALWAYS,
        of_eleven(3),
        "pre_handler_kretprobe counts a hit for which rethook_try_get has no node; \
         register_kretprobe made as many as the event says",
    ),
];

/// Eleven calls are in the function at once: `runs` of them find a node, the others are
/// counted by the layer under the link.
pub(super) const fn of_eleven(runs: u64) -> PerTrigger {
    RUNS.repeated(runs).and(LINK_MISSES.repeated(11 - runs))
}
