// SPDX-License-Identifier: GPL-2.0-only
//! Interrupts the calling thread at a known instruction.

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;

use crate::errno::libc_result;

/// Not used for anything else in the tests.
const SIGNAL: c_int = libc::SIGUSR1;

/// Runs `handler` as a signal handler of the calling thread, before it returns.
///
/// # Errors
/// The errno of sigaction(2).
pub fn interrupt(handler: extern "C" fn(c_int)) -> io::Result<()> {
    // SAFETY: all zero is the default handler, no flags and the empty mask.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = handler as *const () as libc::sighandler_t;
    let mut before = action;
    // SAFETY: both structures live until the calls return, and the handler has the type
    // for `sa_flags` of 0. raise(3) runs it in this thread before it returns, where no
    // lock is held: so the handler may call any function.
    unsafe {
        libc_result(libc::sigaction(SIGNAL, &action, &mut before).into())?;
        libc_result(libc::raise(SIGNAL).into())?;
        libc_result(libc::sigaction(SIGNAL, &before, std::ptr::null_mut()).into())
    }
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
