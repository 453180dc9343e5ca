// SPDX-License-Identifier: GPL-2.0-only
//! `BPF_TASK_FD_QUERY`: the missed counter of a perf event on which a program was set by
//! ioctl, so that there is no link.

use std::io;
use std::mem::offset_of;
use std::os::fd::{AsFd, AsRawFd};
use std::process;
use std::ptr;

use libbpf_sys::BPF_TASK_FD_QUERY;

use crate::errno::libc_result;
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

/// Bytes of the structure that all kernels with this command have (4.18).
const WITHOUT_MISSED: usize = offset_of!(TaskFdQuery, missed);

/// Returns how many hits of the probe of `event` did not reach the event because the
/// layer below it skipped them; 0 for a tracepoint. `None` if the kernel does not show
/// it (`bpf_task_fd_query`; no released kernel does), and for an event that has no probe.
///
/// A kernel without the counter refuses one that is not zero (`CHECK_ATTR`: `bpf_attr`
/// is longer than the command's part since 4.18) and accepts the query without it.
///
/// # Errors
/// `EPERM` without `CAP_SYS_ADMIN`, `ENOENT` for an event without a program.
pub fn probe_missed(event: impl AsFd) -> io::Result<Option<u64>> {
    let mut query = TaskFdQuery {
        process: process::id(),
        fd: event.as_fd().as_raw_fd().cast_unsigned(),
        missed: UNWRITTEN,
        ..Default::default()
    };
    let mut answer = ask(&mut query, size_of::<TaskFdQuery>());
    if errno(&answer) == Some(libc::EINVAL) {
        answer = ask(&mut query, WITHOUT_MISSED);
    }
    // bpf_get_perf_event_info refuses a program for perf events.
    if errno(&answer) == Some(libc::EOPNOTSUPP) {
        return Ok(None);
    }
    answer.map(|()| written(query.missed))
}

fn errno(answer: &io::Result<()>) -> Option<i32> {
    answer.as_ref().err()?.raw_os_error()
}

/// Passes the first `size` bytes of `query` to the kernel, which fills them in.
fn ask(query: &mut TaskFdQuery, size: usize) -> io::Result<()> {
    assert!(size <= size_of::<TaskFdQuery>());
    // SAFETY: `query` is readable and writable for `size` bytes and may hold
    // any; it points to no buffer for a name.
    let ret =
        unsafe { libc::syscall(libc::SYS_bpf, BPF_TASK_FD_QUERY, ptr::from_mut(query), size) };
    libc_result(ret)
}

#[cfg(test)]
mod tests {
    use std::io::pipe;
    use std::mem::offset_of;

    use super::{TaskFdQuery, WITHOUT_MISSED, probe_missed};

    #[test]
    fn the_query_has_the_layout_of_the_kernel() {
        assert_eq!(offset_of!(TaskFdQuery, name), 16);
        assert_eq!(offset_of!(TaskFdQuery, probe_offset), 32);
        assert_eq!(offset_of!(TaskFdQuery, probe_addr), 40);
        assert_eq!(WITHOUT_MISSED, 48);
        assert_eq!(size_of::<TaskFdQuery>(), 56);
    }

    #[test]
    fn a_pipe_is_an_error() {
        let (no_event, _other_end) = pipe().unwrap();
        assert!(probe_missed(&no_event).is_err());
    }
}
