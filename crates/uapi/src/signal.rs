// SPDX-License-Identifier: GPL-2.0-only
//! Being interrupted at a known place.

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;

/// Nobody else here has a use for it.
const SIGNAL: c_int = libc::SIGUSR1;

/// Has a signal interrupt the calling thread, here and now; `handler` has run in
/// it when this returns.
///
/// # Errors
/// What sigaction(2) says.
pub fn interrupt(handler: extern "C" fn(c_int)) -> io::Result<()> {
    // SAFETY: zero is no handler, no flag and the empty mask.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = handler as *const () as libc::sighandler_t;
    let mut before = action;
    // SAFETY: both live until the call returns, and the handler is a function of
    // the type that no flags ask for. raise(3) runs it before it returns, in this
    // thread, which holds no lock: so it may do whatever a function may do.
    unsafe {
        check(libc::sigaction(SIGNAL, &action, &mut before))?;
        check(libc::raise(SIGNAL))?;
        check(libc::sigaction(SIGNAL, &before, std::ptr::null_mut()))
    }
}

/// What a function of libc returns, with its errno.
fn check(ret: c_int) -> io::Result<()> {
    if ret == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

#[cfg(test)]
mod tests {
    use std::ffi::c_int;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::interrupt;

    static RUNS: AtomicUsize = AtomicUsize::new(0);

    extern "C" fn count(_: c_int) {
        RUNS.fetch_add(1, Relaxed);
    }

    #[test]
    fn the_handler_has_run() {
        interrupt(count).unwrap();
        interrupt(count).unwrap();
        assert_eq!(RUNS.load(Relaxed), 2);
    }
}
