// SPDX-License-Identifier: GPL-2.0-only
//! What tests may rely on: open kernel settings and no resource limits.

use std::fs;

use rustix::process::{Resource, Rlimit, setrlimit};

/// Below `/proc/sys`. One that the kernel lacks is nothing to set; some take
/// no value without a newline (`devkmsg_sysctl_set_loglvl`).
const SYSCTLS: &[(&str, &str)] = &[
    // Addresses in /proc/kallsyms and in debugfs.
    ("kernel/kptr_restrict", "0"),
    ("kernel/perf_event_paranoid", "-1"),
    // The kernel drops most of what is written to /dev/kmsg otherwise.
    ("kernel/printk_devkmsg", "on"),
    ("net/core/bpf_jit_enable", "1"),
    // Counts the runs of programs: one more source for the tests to compare. What is
    // run and what is missed is the same with it.
    ("kernel/bpf_stats_enabled", "1"),
];

/// Open files: a test may hold a link for each of many probes.
const FILES: u64 = 65536;

pub(crate) fn apply() {
    for (name, value) in SYSCTLS {
        let _ = fs::write(format!("/proc/sys/{name}"), format!("{value}\n"));
    }
    // Before 5.11 BPF memory counts against the first of them.
    raise(Resource::Memlock, None);
    raise(Resource::Nofile, Some(FILES));
}

/// PID 1 has CAP_SYS_RESOURCE: these limits cannot be refused.
fn raise(resource: Resource, limit: Option<u64>) {
    let _ = setrlimit(
        resource,
        Rlimit {
            current: limit,
            maximum: limit,
        },
    );
}
