// SPDX-License-Identifier: GPL-2.0-only
//! `BPF_OBJ_GET_INFO_BY_FD`, for any kind of object.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// A structure the kernel may fill with any bytes.
///
/// # Safety
/// Every pattern of bytes must be a valid value of the type, and the default
/// must hold no address: the kernel writes to the ones it finds.
pub(crate) unsafe trait Fillable: Default {}

/// What the kernel said about an object, and how much of it.
#[derive(Clone, Copy)]
pub(crate) struct Info<T> {
    /// The answer; zero from `len` on.
    pub(crate) data: T,
    /// Bytes of `data` that the kernel knows. What the header has beyond them
    /// is newer than the kernel.
    len: usize,
}

impl<T: Fillable> Info<T> {
    /// Asks the kernel about the object behind `fd`.
    pub(crate) fn query(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let mut data = T::default();
        let mut len = u32::try_from(size_of::<T>()).map_err(io::Error::other)?;
        // SAFETY: `data` is writable for `len` bytes, and Fillable says that
        // it may hold any bytes and leads to no other memory.
        let ret = unsafe {
            libbpf_sys::bpf_obj_get_info_by_fd(fd.as_raw_fd(), (&raw mut data).cast(), &mut len)
        };
        check(ret)?;
        Ok(Self {
            data,
            len: len as usize,
        })
    }

    /// The counter `value`, read at `offset`, if the kernel's own structure
    /// reaches that far.
    pub(crate) fn counter(&self, offset: usize, value: u64) -> Option<u64> {
        (offset + size_of_val(&value) <= self.len).then_some(value)
    }
}

/// Turns libbpf's `-errno` into an error that still has it.
fn check(ret: c_int) -> io::Result<()> {
    if ret < 0 {
        return Err(io::Error::from_raw_os_error(-ret));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Info, check};

    #[test]
    fn a_counter_beyond_the_kernels_structure_is_absent() {
        let info = Info {
            data: crate::bindings::bpf_prog_info::default(),
            len: 24,
        };
        assert_eq!(info.counter(16, 7), Some(7));
        assert_eq!(info.counter(17, 7), None);
        assert_eq!(info.counter(24, 7), None);
    }

    #[test]
    fn an_error_keeps_its_errno() {
        assert_eq!(check(-22).unwrap_err().raw_os_error(), Some(22));
        assert!(check(0).is_ok());
    }
}
