// SPDX-License-Identifier: GPL-2.0-only
//! Perf events that libbpf does not open.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr;

use libbpf_sys::{PERF_FLAG_FD_CLOEXEC, PERF_TYPE_BREAKPOINT, perf_event_attr};

/// `HW_BREAKPOINT_W` of linux/hw_breakpoint.h.
const ON_WRITE: u32 = 2;

/// A perf event for every write to the eight bytes at `address` by the calling
/// thread, be it in user space or, as far as the caller may ask for that, in
/// the kernel. It counts from the first `PERF_EVENT_IOC_ENABLE` on.
///
/// # Errors
/// What perf_event_open(2) says: `EINVAL` for an address that is not aligned,
/// `EPERM` for one of the kernel and a caller without `CAP_SYS_ADMIN`,
/// `ENOSPC` when all breakpoints of the CPU are in use, `EOPNOTSUPP` or
/// `ENOENT` where there are none.
pub fn write_breakpoint(address: u64) -> io::Result<OwnedFd> {
    let mut attr = perf_event_attr {
        type_: PERF_TYPE_BREAKPOINT,
        size: u32::try_from(size_of::<perf_event_attr>()).map_err(io::Error::other)?,
        bp_type: ON_WRITE,
        ..Default::default()
    };
    attr.__bindgen_anon_1.sample_period = 1;
    attr.__bindgen_anon_3.bp_addr = address;
    attr.__bindgen_anon_4.bp_len = size_of::<u64>() as u64;
    attr.set_disabled(1);
    attr.set_pinned(1);
    open_for_this_thread(&attr)
}

/// Opens the event for the calling thread, on whatever CPU it runs.
fn open_for_this_thread(attr: &perf_event_attr) -> io::Result<OwnedFd> {
    let (this_thread, any_cpu, no_group) = (0, -1, -1);
    // SAFETY: the kernel reads `size` bytes of `attr` and writes none here.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            ptr::from_ref(attr),
            this_thread,
            any_cpu,
            no_group,
            libc::c_ulong::from(PERF_FLAG_FD_CLOEXEC),
        )
    };
    match i32::try_from(fd) {
        // SAFETY: the kernel just made this descriptor for us.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::write_breakpoint;

    #[test]
    fn an_address_that_is_not_aligned_is_refused() {
        assert!(write_breakpoint(1).is_err());
    }
}
