// SPDX-License-Identifier: GPL-2.0-only
//! Memory that faults whenever that is wanted.

use std::ffi::c_int;
use std::io;
use std::ptr::{self, NonNull};

/// A page of this process.
#[derive(Debug)]
pub struct Page {
    memory: NonNull<u8>,
}

/// Bytes of a page on x86.
const SIZE: usize = 4096;

impl Page {
    /// Maps one.
    ///
    /// # Errors
    /// What mmap(2) says.
    pub fn map() -> io::Result<Self> {
        // SAFETY: a new mapping, wherever there is room.
        let memory = unsafe { map(ptr::null_mut(), 0) }?;
        Ok(Self { memory })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.memory.as_ptr().expose_provenance() as u64
    }

    /// Gives its memory back, so that whoever reads or writes it next takes one
    /// page fault.
    ///
    /// # Errors
    /// What mmap(2) says.
    pub fn empty(&self) -> io::Result<()> {
        // A kernel may be without madvise(2).
        // SAFETY: our own mapping, to which nobody has a reference.
        unsafe { map(self.memory.as_ptr(), libc::MAP_FIXED) }?;
        Ok(())
    }

    /// Writes to it.
    pub fn touch(&self) {
        // SAFETY: our own mapping, to which nobody has a reference.
        unsafe { self.memory.as_ptr().write_volatile(1) };
    }
}

/// Maps a page of nothing.
///
/// # Safety
/// With `MAP_FIXED` nobody may use what is mapped there so far.
unsafe fn map(place: *mut u8, how: c_int) -> io::Result<NonNull<u8>> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | how;
    // SAFETY: says the caller.
    let memory = unsafe { libc::mmap(place.cast(), SIZE, protection, flags, -1, 0) };
    if memory == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(memory.cast()).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: nobody has a reference to the mapping, which ends here.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), SIZE) };
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn an_empty_page_is_there_all_the_same() {
        let page = Page::map().unwrap();
        page.touch();
        page.empty().unwrap();
        page.touch();
        assert_eq!(page.address() % 4096, 0);
    }
}
