// SPDX-License-Identifier: GPL-2.0-only
//! The counters of a program, and its test runs.

use std::io;
use std::mem::offset_of;
use std::os::fd::{AsFd, AsRawFd};

use libbpf_sys::{bpf_test_run_opts, size_t};

use crate::bindings::bpf_prog_info;
use crate::info::{Fillable, Info, check};

// SAFETY: a C struct of integers, bit fields of integers and a char array.
unsafe impl Fillable for bpf_prog_info {}

/// Times since the program behind `fd` was loaded that it was not run because
/// a program, itself or any, was running already
/// (`bpf_prog_inc_misses_counter`, since 5.12); `None` before that.
///
/// # Errors
/// What bpf(2) says: `EINVAL` where `fd` is no BPF object.
pub fn recursion_misses(fd: impl AsFd) -> io::Result<Option<u64>> {
    let info = query(fd)?;
    Ok(info
        .reaches(offset_of!(bpf_prog_info, recursion_misses))
        .then_some(info.data.recursion_misses))
}

/// Times that the program behind `fd` was run while the kernel counted that
/// (`bpf_stats_enabled_key`, the sysctl kernel.bpf_stats_enabled, since 5.1); `None`
/// before that.
///
/// # Errors
/// What bpf(2) says: `EINVAL` where `fd` is no BPF object.
pub fn run_count(fd: impl AsFd) -> io::Result<Option<u64>> {
    let info = query(fd)?;
    Ok(info
        .reaches(offset_of!(bpf_prog_info, run_cnt))
        .then_some(info.data.run_cnt))
}

fn query(fd: impl AsFd) -> io::Result<Info<bpf_prog_info>> {
    // SAFETY: all zero.
    unsafe { Info::query(fd.as_fd(), bpf_prog_info::default()) }
}

/// Has the kernel run the program behind `fd` once, with nothing to work on
/// (`BPF_PROG_TEST_RUN`). Unlike libbpf-rs' programs, a descriptor is there for
/// any thread.
///
/// # Errors
/// What bpf(2) says: `ENOTSUPP` for programs that have no test runs.
pub fn test_run(fd: impl AsFd) -> io::Result<()> {
    let mut opts = bpf_test_run_opts {
        sz: size_of::<bpf_test_run_opts>() as size_t,
        ..Default::default()
    };
    // SAFETY: `opts` points to no memory, and lives until the call returns.
    check(unsafe { libbpf_sys::bpf_prog_test_run_opts(fd.as_fd().as_raw_fd(), &mut opts) })
}
