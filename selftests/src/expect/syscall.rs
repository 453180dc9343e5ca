// SPDX-License-Identifier: GPL-2.0-only
//! What the scenarios of tests/syscall.rs count.

use super::row::*;

/// One run sleeps while ten other hits come.
const MISSES_OTHERS: PerTrigger = PerTrigger {
    hits: 11,
    runs: 1,
    link_missed: None,
    prog_missed: 10,
};

pub(super) const TABLE: &[Expected] = &[
    row(
        &[
            "tp/sys-enter",
            "tp/sys-exit",
            "raw_tp/sys-enter",
            "lsm/in-syscall",
        ],
        On::All,
        UNLINKED_RUNS,
        "a task that comes from user space holds nothing",
    ),
    row(
        &["lsm/around-lsm", "lsm/in-lsm"],
        On::All,
        UNLINKED_RUNS,
        "bpf_prog_check_recur is false: __bpf_prog_enter, __bpf_prog_enter_sleepable; \
         bpf_get_file_xattr gets to security_inode_permission (inode_permission)",
    ),
    row(
        &["tp/while-asleep"],
        On::All,
        MISSES_OTHERS,
        "bpf_prog_run_array_sleepable: prog->active is the CPU's, whichever task raised it",
    ),
    row(
        &[
            "fentry/while-asleep",
            "fexit/while-asleep",
            "fmod_ret/while-asleep",
        ],
        On::All,
        MISSES_OTHERS,
        "__bpf_prog_enter_sleepable_recur: prog->active is the CPU's, whichever task raised it",
    ),
    row(
        &["raw_tp/test-run-while-asleep"],
        On::All,
        MISSES_OTHERS,
        "__bpf_prog_test_run_raw_tp: prog->active is the CPU's, whichever task raised it",
    ),
    row(
        &["lsm/while-asleep"],
        On::All,
        PerTrigger {
            hits: 11,
            runs: 11,
            ..UNLINKED_RUNS
        },
        "bpf_prog_check_recur is false: __bpf_prog_enter_sleepable",
    ),
];
