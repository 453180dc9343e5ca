// SPDX-License-Identifier: GPL-2.0-only
//! Return values of libc and libbpf, as results that keep the errno.

use std::ffi::{c_int, c_long};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// Takes what a function of libc returned: -1 stands for `errno`.
pub(crate) fn libc_result(ret: c_long) -> io::Result<()> {
    if ret < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Takes what a function of libbpf returned: a negative number is `-errno`.
pub(crate) fn libbpf_result(ret: c_int) -> io::Result<()> {
    if ret < 0 {
        return Err(io::Error::from_raw_os_error(-ret));
    }
    Ok(())
}

/// As [`libc_result`], for a system call that creates a file descriptor.
pub(crate) fn libc_fd(ret: c_long) -> io::Result<OwnedFd> {
    libc_result(ret)?;
    // SAFETY: the kernel has just created the descriptor, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(ret as c_int) })
}

/// As [`libbpf_result`], for a function that creates a file descriptor.
pub(crate) fn libbpf_fd(ret: c_int) -> io::Result<OwnedFd> {
    libbpf_result(ret)?;
    // SAFETY: the kernel has just created the descriptor, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(ret) })
}

#[cfg(test)]
mod tests {
    use super::libbpf_result;

    #[test]
    fn an_error_keeps_its_errno() {
        assert_eq!(libbpf_result(-22).unwrap_err().raw_os_error(), Some(22));
        assert!(libbpf_result(0).is_ok());
    }
}
