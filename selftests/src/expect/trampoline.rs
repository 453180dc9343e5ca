// SPDX-License-Identifier: GPL-2.0-only
//! What the scenarios of tests/trampoline.rs count, and what is refused.

use rustix::io::Errno;

use super::row::*;

/// Trampolines on a function that other users of ftrace are on, too.
const AT_THIRD_LIST: &[&str] = &[
    "fentry/at-third-list",
    "fexit/at-third-list",
    "fmod_ret/at-third-list",
    "fsession/at-third-list",
    "fentry.multi/at-third-list",
    "fexit.multi/at-third-list",
    "fsession.multi/at-third-list",
];

pub(super) const TABLE: &[Expected] = &[
    row(
        &[
            "fentry/in-itself",
            "fexit/in-itself",
            "fmod_ret/in-itself",
            "fentry.multi/in-itself",
            "fexit.multi/in-itself",
        ],
        On::All,
        PerTrigger {
            hits: 2,
            runs: 1,
            ..TP_MISSES
        },
        "__bpf_prog_enter_recur: this very program runs already, on this CPU",
    ),
    row(
        &["fsession/in-itself", "fsession.multi/in-itself"],
        On::All,
        PerTrigger {
            hits: 2,
            runs: 1,
            link_missed: None,
            prog_missed: 2,
        },
        "__bpf_prog_enter_recur counts the entry that is skipped, and its return as well",
    ),
    row(
        &[
            "fentry/in-kprobe",
            "fexit/in-kprobe",
            "fmod_ret/in-kprobe",
            "fsession/in-kprobe",
            "fentry.multi/in-kprobe",
            "fexit.multi/in-kprobe",
            "fsession.multi/in-kprobe",
            "fentry/in-kprobe.multi",
            "fexit/in-kprobe.multi",
            "fmod_ret/in-kprobe.multi",
            "fsession/in-kprobe.multi",
            "fentry.multi/in-kprobe.multi",
            "fexit.multi/in-kprobe.multi",
            "fsession.multi/in-kprobe.multi",
        ],
        On::All,
        UNLINKED_RUNS,
        "__bpf_prog_enter_recur looks at prog->active alone",
    ),
    row(
        &[
            "fentry/around-fmod_ret",
            "fmod_ret/skipping",
            "fexit/around-fmod_ret",
        ],
        On::All,
        UNLINKED_RUNS,
        "arch_prepare_bpf_trampoline: fmod_ret skips the function alone",
    ),
    row(
        &[
            "fentry/at-third-level",
            "fexit/at-third-level",
            "fmod_ret/at-third-level",
            "fsession/at-third-level",
            "fentry.multi/at-third-level",
            "fexit.multi/at-third-level",
            "fsession.multi/at-third-level",
        ],
        On::All,
        UNLINKED_RUNS,
        "ftrace_modify_code: a lone trampoline is called without ftrace",
    ),
    row(
        AT_THIRD_LIST,
        On::Only(KNOWN, UNPATCHED),
        UNLINKED_LOST,
        "__ftrace_ops_list_func returns before call_direct_funcs, which nobody counts",
    ),
    row(
        AT_THIRD_LIST,
        On::Only(KNOWN, COUNTED),
        UNLINKED_RUNS,
        "ftrace_ops_list_direct: call_direct_funcs, whatever recursion says",
    ),
];

/// What the kernel says to whoever wants to attach where there is no call site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    attach_types: &'static [&'static str],
    pub(crate) errno: Errno,
    /// The kernel function that makes it so, and how.
    pub(crate) why: &'static str,
}

const REFUSALS: &[Refusal] = &[
    Refusal {
        attach_types: &["fentry", "fexit", "fsession"],
        errno: Errno::BUSY,
        why: "__bpf_arch_text_poke finds no NOP to put a call in",
    },
    Refusal {
        attach_types: &["fmod_ret"],
        errno: Errno::INVAL,
        why: "check_attach_modify_return: neither ALLOW_ERROR_INJECTION() nor a hook",
    },
    Refusal {
        attach_types: &["fentry.multi", "fexit.multi", "fsession.multi"],
        errno: Errno::NOENT,
        why: "bpf_check_attach_btf_id_multi: ftrace_location() knows none",
    },
];

/// What is said of programs of this type.
///
/// # Panics
/// If there is no such type.
pub(crate) fn refusal(attach_type: &str) -> &'static Refusal {
    let mut all = REFUSALS.iter();
    all.find(|it| it.attach_types.contains(&attach_type))
        .unwrap_or_else(|| panic!("no refusal names {attach_type}"))
}
