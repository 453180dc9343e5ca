// SPDX-License-Identifier: GPL-2.0-only
//! The file systems of the guest.

use std::fs;

use anyhow::{Context, Result};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};

struct Mount {
    fs: &'static str,
    target: &'static str,
    /// Whether PID 1 needs it. Others are skipped on a kernel that lacks them; a test
    /// that needs one checks for it.
    essential: bool,
}

impl Mount {
    const fn essential(fs: &'static str, target: &'static str) -> Self {
        Self {
            fs,
            target,
            essential: true,
        }
    }

    const fn optional(fs: &'static str, target: &'static str) -> Self {
        Self {
            fs,
            target,
            essential: false,
        }
    }
}

/// In the order of mounting: a mount point lies in a file system before it.
const MOUNTS: &[Mount] = &[
    Mount::essential("proc", "/proc"),
    Mount::essential("sysfs", "/sys"),
    Mount::essential("devtmpfs", "/dev"),
    Mount::optional("tmpfs", "/run"),
    Mount::optional("tmpfs", "/tmp"),
    Mount::optional("debugfs", "/sys/kernel/debug"),
    Mount::optional("tracefs", "/sys/kernel/tracing"),
    Mount::optional("securityfs", "/sys/kernel/security"),
    Mount::optional("bpf", "/sys/fs/bpf"),
    Mount::optional("cgroup2", "/sys/fs/cgroup"),
];

pub(crate) fn mount_all() -> Result<()> {
    MOUNTS.iter().try_for_each(mount_one)
}

fn mount_one(entry: &Mount) -> Result<()> {
    // Fails in sysfs, where the kernel creates the folder if it has the file system.
    let _ = fs::create_dir_all(entry.target);
    match mount(entry.fs, entry.target, entry.fs, MountFlags::empty(), None) {
        Ok(()) => Ok(()),
        Err(Errno::NODEV | Errno::NOENT) if !entry.essential => Ok(()),
        Err(errno) => {
            Err(errno).with_context(|| format!("cannot mount {} on {}", entry.fs, entry.target))
        }
    }
}
