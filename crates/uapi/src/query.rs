// SPDX-License-Identifier: GPL-2.0-only
//! What `BPF_TASK_FD_QUERY` tells about a perf event, though a program was set
//! on it by ioctl and there is no link to ask.

use std::io;
use std::mem::offset_of;
use std::os::fd::{AsFd, AsRawFd};
use std::process;
use std::ptr;

use libbpf_sys::BPF_TASK_FD_QUERY;

use crate::info::{UNWRITTEN, written};

/// `bpf_attr.task_fd_query`, with the counter that no released header has.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct TaskFdQuery {
    process: u32,
    fd: u32,
    flags: u32,
    name_size: u32,
    name: u64,
    program: u32,
    fd_type: u32,
    probe_offset: u64,
    probe_addr: u64,
    missed: u64,
}

/// Bytes of the structure that all kernels with this command know (4.18).
const WITHOUT_MISSED: usize = offset_of!(TaskFdQuery, missed);

/// Hits of the probe behind `event`, a perf event that a program is set on,
/// that never reached the event because the layer below dropped them; 0 for a
/// tracepoint. `None` where the running kernel does not tell
/// (`bpf_task_fd_query`; no released kernel does).
///
/// For a kernel that does not know the counter it is a part of `bpf_attr` that
/// the command has no use for, and that has to be zero (`CHECK_ATTR`; `bpf_attr`
/// has been longer than that since there is the command). So it refuses a
/// counter that is not zero, and answers the same question without it.
///
/// # Errors
/// What bpf(2) says: `EPERM` without `CAP_SYS_ADMIN`, `ENOENT` for an event
/// without a program, `EOPNOTSUPP` for one with a program for perf events.
pub fn probe_missed(event: impl AsFd) -> io::Result<Option<u64>> {
    let mut query = TaskFdQuery {
        process: process::id(),
        fd: event.as_fd().as_raw_fd().cast_unsigned(),
        missed: UNWRITTEN,
        ..Default::default()
    };
    match ask(&mut query, size_of::<TaskFdQuery>()) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            ask(&mut query, WITHOUT_MISSED)?;
        }
        answer => answer?,
    }
    Ok(written(query.missed))
}

/// Shows the kernel the first `size` bytes of `query`, which it fills in.
fn ask(query: &mut TaskFdQuery, size: usize) -> io::Result<()> {
    assert!(size <= size_of::<TaskFdQuery>());
    // SAFETY: `query` is readable and writable for `size` bytes and may hold
    // any; it points to no buffer for a name.
    let ret =
        unsafe { libc::syscall(libc::SYS_bpf, BPF_TASK_FD_QUERY, ptr::from_mut(query), size) };
    if ret < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::pipe;
    use std::mem::offset_of;

    use super::{TaskFdQuery, WITHOUT_MISSED, probe_missed};

    #[test]
    fn the_fields_lie_where_the_kernel_reads_and_writes_them() {
        assert_eq!(offset_of!(TaskFdQuery, name), 16);
        assert_eq!(offset_of!(TaskFdQuery, probe_offset), 32);
        assert_eq!(offset_of!(TaskFdQuery, probe_addr), 40);
        assert_eq!(WITHOUT_MISSED, 48);
        assert_eq!(size_of::<TaskFdQuery>(), 56);
    }

    #[test]
    fn no_perf_event_has_no_answer() {
        let (no_event, _other_end) = pipe().unwrap();
        assert!(probe_missed(&no_event).is_err());
    }
}
