// SPDX-License-Identifier: GPL-2.0-only
//! perf_event_open(2), for events that libbpf does not open.

use std::ffi::{CStr, c_int};
use std::io;
use std::os::fd::OwnedFd;
use std::ptr;

use libbpf_sys::{
    PERF_COUNT_HW_INSTRUCTIONS, PERF_COUNT_SW_CPU_MIGRATIONS, PERF_COUNT_SW_PAGE_FAULTS,
    PERF_FLAG_FD_CLOEXEC, PERF_TYPE_BREAKPOINT, PERF_TYPE_HARDWARE, PERF_TYPE_SOFTWARE,
    PERF_TYPE_TRACEPOINT, perf_event_attr,
};

use crate::errno::libc_fd;

/// `HW_BREAKPOINT_W` of linux/hw_breakpoint.h.
const ON_WRITE: u32 = 2;
/// `HW_BREAKPOINT_RW`.
const ON_ACCESS: u32 = 3;

/// Opens a perf event that overflows at each write of the calling thread to the eight
/// bytes at `address`, a user or a kernel address. It counts after
/// `PERF_EVENT_IOC_ENABLE`.
///
/// # Errors
/// `EINVAL` for an address that is not aligned, `EPERM` for a kernel address without
/// `CAP_SYS_ADMIN`, `ENOSPC` if all breakpoints of the CPU are in use, `EOPNOTSUPP` or
/// `ENOENT` if it has none.
pub fn write_breakpoint(address: u64) -> io::Result<OwnedFd> {
    breakpoint(address, ON_WRITE)
}

/// As [`write_breakpoint`], also at each read.
///
/// # Errors
/// As [`write_breakpoint`].
pub fn access_breakpoint(address: u64) -> io::Result<OwnedFd> {
    breakpoint(address, ON_ACCESS)
}

fn breakpoint(address: u64, bp_type: u32) -> io::Result<OwnedFd> {
    let mut attr = perf_event_attr {
        bp_type,
        ..disabled(PERF_TYPE_BREAKPOINT, 0)
    };
    attr.__bindgen_anon_1.sample_period = 1;
    attr.__bindgen_anon_3.bp_addr = address;
    attr.__bindgen_anon_4.bp_len = size_of::<u64>() as u64;
    attr.set_pinned(1);
    open(&attr, THIS_THREAD, ANY_CPU)
}

/// An event of the kernel or the processor that a perf event counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountedEvent {
    /// Page faults at user addresses, taken in user space or in the kernel
    /// (`do_user_addr_fault`).
    PageFaults,
    /// Migrations to another CPU (`set_task_cpu`).
    Migrations,
    /// Retired instructions of user space.
    Instructions,
}

/// Opens a perf event that overflows after each `period` of what it counts in the calling
/// thread. It counts after `PERF_EVENT_IOC_ENABLE`.
///
/// # Errors
/// `ENOENT` for instructions, if the machine or the kernel does not count them.
pub fn open_counter(counted: CountedEvent, period: u64) -> io::Result<OwnedFd> {
    let (kind, config) = match counted {
        CountedEvent::PageFaults => (PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS),
        CountedEvent::Migrations => (PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS),
        CountedEvent::Instructions => (PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS),
    };
    let mut attr = disabled(kind, config.into());
    attr.__bindgen_anon_1.sample_period = period;
    attr.set_pinned(1);
    attr.set_exclude_kernel(u64::from(counted == CountedEvent::Instructions));
    open(&attr, THIS_THREAD, ANY_CPU)
}

/// perf's PMU of kprobes, as sysfs describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KprobePmu {
    /// `perf_event_attr.type` (`/sys/bus/event_source/devices/kprobe/type`).
    pub number: u32,
    /// The bit of `config` that makes it a kretprobe (`format/retprobe`).
    pub retprobe_bit: u32,
}

/// Registers and arms a kprobe, or a kretprobe, at an offset into a function
/// (`create_local_trace_kprobe`), until the descriptor is dropped. It counts nothing.
///
/// # Errors
/// The errno of `register_kprobe`, or of trace_kprobe's checks before it.
pub fn open_kprobe(
    pmu: KprobePmu,
    function: &CStr,
    offset: u64,
    on_return: bool,
) -> io::Result<OwnedFd> {
    let mut attr = disabled(pmu.number, u64::from(on_return) << pmu.retprobe_bit);
    attr.__bindgen_anon_3.kprobe_func = function.as_ptr().expose_provenance() as u64;
    attr.__bindgen_anon_4.probe_offset = offset;
    open(&attr, ANY_THREAD, FIRST_CPU)
}

/// Opens a perf event for the tracefs event with this id (`events/*/*/id`). It counts on
/// the first CPU alone, but a program that is set on it runs on all.
///
/// # Errors
/// `EINVAL` if there is no such event.
pub fn open_trace_event(id: u64) -> io::Result<OwnedFd> {
    open(&disabled(PERF_TYPE_TRACEPOINT, id), ANY_THREAD, FIRST_CPU)
}

/// Returns the attributes of an event that counts nothing until it is enabled.
fn disabled(kind: u32, config: u64) -> perf_event_attr {
    let mut attr = perf_event_attr {
        type_: kind,
        size: size_of::<perf_event_attr>() as u32,
        config,
        ..Default::default()
    };
    attr.set_disabled(1);
    attr
}

/// `pid` and `cpu` of perf_event_open(2).
const THIS_THREAD: c_int = 0;
const ANY_THREAD: c_int = -1;
const ANY_CPU: c_int = -1;
const FIRST_CPU: c_int = 0;

fn open(attr: &perf_event_attr, thread: c_int, cpu: c_int) -> io::Result<OwnedFd> {
    let no_group: c_int = -1;
    // SAFETY: the kernel reads `size` bytes of `attr` and the string it may point to,
    // and writes nothing.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            ptr::from_ref(attr),
            thread,
            cpu,
            no_group,
            libc::c_ulong::from(PERF_FLAG_FD_CLOEXEC),
        )
    };
    libc_fd(fd)
}

#[cfg(test)]
mod tests {
    use super::write_breakpoint;

    #[test]
    fn an_address_that_is_not_aligned_is_refused() {
        assert!(write_breakpoint(1).is_err());
    }
}
