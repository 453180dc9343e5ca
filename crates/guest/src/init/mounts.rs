// SPDX-License-Identifier: GPL-2.0-only
//! The file systems of the guest.

use std::fs;

use anyhow::{Context, Result};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};

/// Type and mount point of the file systems that PID 1 needs.
const ESSENTIAL: &[(&str, &str)] = &[("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")];

/// Of those that a kernel may lack, in the order of mounting. A test that needs one
/// checks for it.
const OPTIONAL: &[(&str, &str)] = &[
    ("tmpfs", "/run"),
    ("tmpfs", "/tmp"),
    ("debugfs", "/sys/kernel/debug"),
    ("tracefs", "/sys/kernel/tracing"),
    ("securityfs", "/sys/kernel/security"),
    ("bpf", "/sys/fs/bpf"),
    ("cgroup2", "/sys/fs/cgroup"),
];

pub(crate) fn mount_all() -> Result<()> {
    for (kind, target) in ESSENTIAL {
        mount_one(kind, target).with_context(|| format!("cannot mount {kind} on {target}"))?;
    }
    for (kind, target) in OPTIONAL {
        match mount_one(kind, target) {
            Ok(()) | Err(Errno::NODEV | Errno::NOENT) => {}
            Err(errno) => {
                return Err(errno).with_context(|| format!("cannot mount {kind} on {target}"));
            }
        }
    }
    Ok(())
}

/// Mounts what a test has unmounted.
pub(crate) fn mount_again() {
    for (kind, target) in ESSENTIAL {
        // The kernel refuses what is still there (EBUSY).
        let _ = mount_one(kind, target);
    }
}

fn mount_one(kind: &str, target: &str) -> Result<(), Errno> {
    // Fails in sysfs, where the kernel creates the folder if it has the file system.
    let _ = fs::create_dir_all(target);
    mount(kind, target, kind, MountFlags::empty(), None)
}
