// SPDX-License-Identifier: GPL-2.0-only
//! The counters of a program, and its test runs.

use std::io;
use std::mem::offset_of;
use std::os::fd::{AsFd, AsRawFd};

use libbpf_sys::{bpf_test_run_opts, size_t};

use crate::bindings::bpf_prog_info;
use crate::errno::libbpf_result;
use crate::info::{Fillable, Info};

// SAFETY: a C struct of integers, bit fields of integers and a char array.
unsafe impl Fillable for bpf_prog_info {}

/// Returns how often the program was skipped because it, or another program, was already
/// running (`bpf_prog_inc_misses_counter`, since 5.12); `None` before 5.12.
///
/// # Errors
/// `EINVAL` if `fd` is no BPF object.
pub fn recursion_misses(fd: impl AsFd) -> io::Result<Option<u64>> {
    let offset = offset_of!(bpf_prog_info, recursion_misses);
    counter(fd, offset, |info| info.recursion_misses)
}

/// Returns how often the program ran while the sysctl kernel.bpf_stats_enabled was set
/// (`bpf_stats_enabled_key`, since 5.1); `None` before 5.1.
///
/// # Errors
/// `EINVAL` if `fd` is no BPF object.
pub fn run_count(fd: impl AsFd) -> io::Result<Option<u64>> {
    let offset = offset_of!(bpf_prog_info, run_cnt);
    counter(fd, offset, |info| info.run_cnt)
}

fn counter(
    fd: impl AsFd,
    offset: usize,
    value: fn(&bpf_prog_info) -> u64,
) -> io::Result<Option<u64>> {
    // SAFETY: all zero.
    let info = unsafe { Info::query(fd.as_fd(), bpf_prog_info::default()) }?;
    Ok(info.reaches(offset).then(|| value(&info.data)))
}

/// Runs the program once, without input (`BPF_PROG_TEST_RUN`). Unlike a program of
/// libbpf-rs, a descriptor can be used from all threads.
///
/// # Errors
/// `ENOTSUPP` for a program type without test runs.
pub fn test_run(fd: impl AsFd) -> io::Result<()> {
    let mut opts = bpf_test_run_opts {
        sz: size_of::<bpf_test_run_opts>() as size_t,
        ..Default::default()
    };
    // SAFETY: `opts` points to no memory, and lives until the call returns.
    libbpf_result(unsafe { libbpf_sys::bpf_prog_test_run_opts(fd.as_fd().as_raw_fd(), &mut opts) })
}
