// SPDX-License-Identifier: GPL-2.0-only
//! A page of memory that causes a page fault on demand.

use std::ffi::c_int;
use std::io;
use std::ptr::{self, NonNull};

/// A mapped page of this process.
#[derive(Debug)]
pub struct Page {
    memory: NonNull<u8>,
}

/// Bytes of a page on x86.
const SIZE: usize = 4096;

impl Page {
    /// Maps a page of zeroes, readable and writable.
    ///
    /// # Errors
    /// The errno of mmap(2).
    pub fn map() -> io::Result<Self> {
        // SAFETY: a new mapping, at an address that the kernel chooses.
        let memory = unsafe { map(ptr::null_mut(), 0) }?;
        Ok(Self { memory })
    }

    /// Returns its address, a multiple of 4096.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.memory.as_ptr().expose_provenance() as u64
    }

    /// Frees its memory, so that the next access causes one page fault.
    ///
    /// # Errors
    /// The errno of mmap(2).
    pub fn empty(&self) -> io::Result<()> {
        // Not madvise(2), which a kernel may lack (CONFIG_ADVISE_SYSCALLS).
        // SAFETY: the page belongs to `self`, and there is no reference to it.
        unsafe { map(self.memory.as_ptr(), libc::MAP_FIXED) }?;
        Ok(())
    }

    /// Writes a byte to it.
    pub fn touch(&self) {
        // SAFETY: the page belongs to `self`, and there is no reference to it.
        unsafe { self.memory.as_ptr().write_volatile(1) };
    }
}

/// Maps an anonymous page.
///
/// # Safety
/// With `MAP_FIXED` there must be no reference to the mapping at `address` so far.
unsafe fn map(address: *mut u8, flags: c_int) -> io::Result<NonNull<u8>> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags;
    // SAFETY: guaranteed by the caller.
    let memory = unsafe { libc::mmap(address.cast(), SIZE, protection, flags, -1, 0) };
    if memory == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(memory.cast()).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: the page belongs to `self`, and there is no reference to it.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), SIZE) };
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn an_empty_page_can_be_written() {
        let page = Page::map().unwrap();
        page.touch();
        page.empty().unwrap();
        page.touch();
        assert_eq!(page.address() % 4096, 0);
    }
}
