// SPDX-License-Identifier: GPL-2.0-only
//! `BPF_OBJ_GET_INFO_BY_FD`, for any kind of object.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// No count: what the kernel has to overwrite.
pub(crate) const UNWRITTEN: u64 = u64::MAX;

/// A count, if the kernel wrote one.
pub(crate) fn written(count: u64) -> Option<u64> {
    (count != UNWRITTEN).then_some(count)
}

/// A structure the kernel may fill with any bytes.
///
/// # Safety
/// Every pattern of bytes must be a valid value of the type.
pub(crate) unsafe trait Fillable: Copy + Default {}

/// What the kernel said about an object, and how much of it.
#[derive(Clone, Copy)]
pub(crate) struct Info<T> {
    /// The answer.
    pub(crate) data: T,
    /// Bytes of `data` that the kernel knows. What the header has beyond them
    /// is newer than the kernel.
    len: usize,
}

impl<T: Fillable> Info<T> {
    /// Asks the kernel about the object behind `fd`; it fills in `data`.
    ///
    /// # Safety
    /// `data` must hold no address: the kernel writes to the ones it finds.
    pub(crate) unsafe fn query(fd: BorrowedFd<'_>, mut data: T) -> io::Result<Self> {
        let mut len = u32::try_from(size_of::<T>()).map_err(io::Error::other)?;
        // SAFETY: `data` is writable for `len` bytes and may hold any
        // (Fillable); the kernel writes nowhere else, says the caller.
        let ret = unsafe {
            libbpf_sys::bpf_obj_get_info_by_fd(fd.as_raw_fd(), (&raw mut data).cast(), &mut len)
        };
        check(ret)?;
        Ok(Self {
            data,
            len: len as usize,
        })
    }

    /// Whether the kernel's own structure has the counter at `offset`.
    pub(crate) fn reaches(&self, offset: usize) -> bool {
        offset + size_of::<u64>() <= self.len
    }
}

/// Turns libbpf's `-errno` into an error that still has it.
pub(crate) fn check(ret: c_int) -> io::Result<()> {
    if ret < 0 {
        return Err(io::Error::from_raw_os_error(-ret));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Info, check};
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

    #[test]
    fn an_error_keeps_its_errno() {
        assert_eq!(check(-22).unwrap_err().raw_os_error(), Some(22));
        assert!(check(0).is_ok());
    }
}
