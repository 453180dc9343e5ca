// SPDX-License-Identifier: GPL-2.0-only
//! The sysctls and resource limits of the tests.

use std::fs;

use rustix::process::{Resource, Rlimit, setrlimit};

/// Files below `/proc/sys` and their values. A kernel may lack some; some need the newline
/// after the value (`devkmsg_sysctl_set_loglvl`).
const SYSCTLS: &[(&str, &str)] = &[
    // Addresses in /proc/kallsyms and in debugfs.
    ("kernel/kptr_restrict", "0"),
    ("kernel/perf_event_paranoid", "-1"),
    // Otherwise the kernel drops most lines that are written to /dev/kmsg.
    ("kernel/printk_devkmsg", "on"),
    ("net/core/bpf_jit_enable", "1"),
    // A program at the same address each time: QEMU translates its code once.
    ("kernel/randomize_va_space", "0"),
    // The kernel counts runs of programs, which tests compare with their own count. It
    // does not change which hits are missed.
    ("kernel/bpf_stats_enabled", "1"),
];

/// Open files: a test may hold a link for each of many probes.
const FILES: u64 = 65536;

pub(crate) fn apply() {
    for (name, value) in SYSCTLS {
        let _ = fs::write(format!("/proc/sys/{name}"), format!("{value}\n"));
    }
    // Before 5.11 BPF memory counts against RLIMIT_MEMLOCK.
    raise(Resource::Memlock, None);
    raise(Resource::Nofile, Some(FILES));
}

/// Ignores the error: PID 1 has CAP_SYS_RESOURCE.
fn raise(resource: Resource, limit: Option<u64>) {
    let _ = setrlimit(
        resource,
        Rlimit {
            current: limit,
            maximum: limit,
        },
    );
}
