// SPDX-License-Identifier: GPL-2.0-only
//! `BPF_OBJ_GET_INFO_BY_FD`, for BPF objects of all kinds.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::errno::libbpf_result;

/// The value of a counter that the kernel has not written.
pub(crate) const UNWRITTEN: u64 = u64::MAX;

/// Returns a count, if the kernel has written one.
pub(crate) fn written(count: u64) -> Option<u64> {
    (count != UNWRITTEN).then_some(count)
}

/// A structure that the kernel may fill with any bytes.
///
/// # Safety
/// All byte patterns must be valid values of the type.
pub(crate) unsafe trait Fillable: Copy + Default {}

/// The kernel's description of an object.
#[derive(Clone, Copy)]
pub(crate) struct Info<T> {
    pub(crate) data: T,
    /// Bytes of `data` that the kernel knows: the header may be newer and longer.
    len: usize,
}

impl<T: Fillable> Info<T> {
    /// Asks for the description of `fd`; the kernel fills in `data`.
    ///
    /// # Safety
    /// `data` must hold no address: the kernel writes to those that it finds.
    pub(crate) unsafe fn query(fd: BorrowedFd<'_>, mut data: T) -> io::Result<Self> {
        let mut len = u32::try_from(size_of::<T>()).map_err(io::Error::other)?;
        // SAFETY: `data` is writable for `len` bytes and may hold any (Fillable); the
        // caller guarantees that the kernel finds no other address to write to.
        let ret = unsafe {
            libbpf_sys::bpf_obj_get_info_by_fd(fd.as_raw_fd(), (&raw mut data).cast(), &mut len)
        };
        libbpf_result(ret)?;
        Ok(Self {
            data,
            len: len as usize,
        })
    }

    /// Checks whether the kernel's structure includes the counter at `offset`.
    pub(crate) fn reaches(&self, offset: usize) -> bool {
        offset + size_of::<u64>() <= self.len
    }
}

#[cfg(test)]
mod tests {
    use super::Info;
    use crate::bindings::bpf_prog_info;

    #[test]
    fn a_counter_beyond_the_kernels_structure_is_not_reached() {
        let info = Info {
            data: bpf_prog_info::default(),
            len: 24,
        };
        assert!(info.reaches(16));
        assert!(!info.reaches(17));
    }
}
