// SPDX-License-Identifier: GPL-2.0-only
//! fentry, fexit, fmod_ret, fsession, those of several functions, and lsm: what they
//! count, and where they cannot be attached.

use nmissed_wire::AttachType::{self, *};
use nmissed_wire::Behaviour::*;
use rustix::io::Errno;

use super::condition::{ALWAYS, has, lacks};
use super::kprobe::ON_MODULE;
use super::row::*;
use super::tracepoint::OTHERS_MISS;

/// On a function that other users of ftrace are on, too.
const AT_THIRD_LIST: &[&str] = &[
    "fentry/at-third-list",
    "fexit/at-third-list",
    "fmod_ret/at-third-list",
    "fsession/at-third-list",
    "fentry.multi/at-third-list",
    "fexit.multi/at-third-list",
    "fsession.multi/at-third-list",
];

pub(super) const TABLE: &[Row] = &[
    row(
        &[
            "fentry/on-module",
            "fentry/around-all-on-module",
            "fexit/on-module",
            "fsession/on-module",
        ],
        ALWAYS,
        UNLINKED_RUNS,
        ON_MODULE,
    ),
    row(
        &[
            "fentry/in-itself",
            "fexit/in-itself",
            "fmod_ret/in-itself",
            "fentry.multi/in-itself",
            "fexit.multi/in-itself",
        ],
        &[has(ChecksTrampolineRecursion)],
        UNLINKED_RUNS.and(PROG_MISSES),
        "__bpf_prog_enter_recur: this program runs already, on this CPU",
    ),
    row(
        &["fentry/in-itself", "fexit/in-itself", "fmod_ret/in-itself"],
        &[lacks(ChecksTrampolineRecursion)],
        UNLINKED_RUNS.repeated(2),
        "__bpf_prog_enter checks no recursion",
    ),
    row(
        &["fsession/in-itself", "fsession.multi/in-itself"],
        ALWAYS,
        UNLINKED_RUNS.and(PROG_MISSES_TWICE),
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
            "fentry/in-kprobe-on-module",
            "fentry/in-kprobe.multi-on-module",
            "fentry/in-fentry-on-module",
        ],
        ALWAYS,
        UNLINKED_RUNS,
        "__bpf_prog_enter_recur looks at prog->active only",
    ),
    row(
        &[
            "fentry/around-fmod_ret",
            "fmod_ret/skipping",
            "fexit/around-fmod_ret",
        ],
        ALWAYS,
        UNLINKED_RUNS,
        "arch_prepare_bpf_trampoline: fmod_ret skips the function only",
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
        ALWAYS,
        UNLINKED_RUNS,
        "ftrace_modify_code: a lone trampoline is called without ftrace",
    ),
    row(
        AT_THIRD_LIST,
        &[lacks(CallsDirectInRecursion)],
        UNLINKED_LOST,
        "__ftrace_ops_list_func returns before call_direct_funcs, and does not count",
    ),
    row(
        AT_THIRD_LIST,
        &[has(CallsDirectInRecursion)],
        UNLINKED_RUNS,
        "__ftrace_ops_list_func: call_direct_funcs even if recursion is refused",
    ),
    row(
        &[
            "fentry/while-asleep",
            "fexit/while-asleep",
            "fmod_ret/while-asleep",
        ],
        &[has(ChecksTrampolineRecursion)],
        OTHERS_MISS,
        "__bpf_prog_enter_sleepable_recur: prog->active is one per CPU, whichever task takes it",
    ),
    row(
        &[
            "fentry/while-asleep",
            "fexit/while-asleep",
            "fmod_ret/while-asleep",
        ],
        &[lacks(ChecksTrampolineRecursion)],
        UNLINKED_RUNS.repeated(11),
        "__bpf_prog_enter_sleepable checks no recursion",
    ),
    row(
        &["lsm/in-syscall"],
        ALWAYS,
        UNLINKED_RUNS,
        "a task that enters a system call has taken nothing",
    ),
    row(
        &["lsm/around-lsm", "lsm/in-lsm"],
        ALWAYS,
        UNLINKED_RUNS,
        "bpf_prog_check_recur is false: __bpf_prog_enter, __bpf_prog_enter_sleepable; \
         bpf_get_file_xattr calls security_inode_permission (inode_permission)",
    ),
    row(
        &["lsm/while-asleep"],
        &[has(ChecksLsmRecursion)],
        OTHERS_MISS,
        "__bpf_prog_enter_sleepable: prog->active is one per CPU, whichever task takes it",
    ),
    row(
        &["lsm/while-asleep"],
        &[lacks(ChecksLsmRecursion)],
        UNLINKED_RUNS.repeated(11),
        "bpf_prog_check_recur is false: __bpf_prog_enter_sleepable",
    ),
];

/// The error number for an attempt to attach to a function without a call site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) errno: Errno,
    /// The kernel function that makes it so, and how.
    pub(crate) why: &'static str,
}

/// Returns how the kernel refuses an attach type that needs a call site; no release is known
/// to differ.
///
/// # Panics
/// If the attach type has no trampoline.
pub(crate) fn refusal(attach_type: AttachType) -> Refusal {
    let (errno, why) = match attach_type {
        Fentry | Fexit | Fsession => (
            Errno::BUSY,
            "__bpf_arch_text_poke finds no NOP to put a call in",
        ),
        FmodRet => (
            Errno::INVAL,
            "check_attach_modify_return: neither ALLOW_ERROR_INJECTION() nor a hook",
        ),
        FentryMulti | FexitMulti | FsessionMulti => (
            Errno::NOENT,
            "bpf_check_attach_btf_id_multi: ftrace_location() finds none",
        ),
        _ => panic!("{attach_type} has no trampoline"),
    };
    Refusal { errno, why }
}
