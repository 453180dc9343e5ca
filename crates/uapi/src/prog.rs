// SPDX-License-Identifier: GPL-2.0-only
//! What the kernel says about a program.

use std::io;
use std::mem::offset_of;
use std::os::fd::AsFd;

use crate::bindings::bpf_prog_info;
use crate::info::{Fillable, Info};

// SAFETY: a C struct of integers, bit fields of integers and a char array.
unsafe impl Fillable for bpf_prog_info {}

/// `struct bpf_prog_info` of one program at one moment.
#[derive(Clone, Copy)]
pub struct ProgInfo(Info<bpf_prog_info>);

impl ProgInfo {
    /// Asks the kernel about the program behind `fd`
    /// (`bpf_prog_get_info_by_fd`).
    ///
    /// # Errors
    /// What bpf(2) says: `EINVAL` where `fd` is no BPF object.
    pub fn of(fd: impl AsFd) -> io::Result<Self> {
        Info::query(fd.as_fd()).map(Self)
    }

    /// Times since the program was loaded that it was not run because a
    /// program, itself or any, was running already
    /// (`bpf_prog_inc_misses_counter`, since 5.12).
    #[must_use]
    pub fn recursion_misses(&self) -> Option<u64> {
        self.0.counter(
            offset_of!(bpf_prog_info, recursion_misses),
            self.0.data.recursion_misses,
        )
    }
}
