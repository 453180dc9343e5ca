// SPDX-License-Identifier: GPL-2.0-only
//! File descriptors that a system call made.

use std::ffi::c_long;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// Takes what a system call returned that makes a descriptor, or its errno.
pub(crate) fn from_syscall(ret: c_long) -> io::Result<OwnedFd> {
    match i32::try_from(ret) {
        // SAFETY: the kernel just made this descriptor for us.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}
