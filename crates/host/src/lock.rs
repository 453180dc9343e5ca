// SPDX-License-Identifier: GPL-2.0-only
//! Two runs at once take turns.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::{Error, Result, check_interrupt};

/// An exclusive lock on a file, held until dropped. The kernel releases it
/// when the process dies, so none is ever stale.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock; calls `waiting` once if another process holds it.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be made, [`Error::Interrupted`] while
    /// waiting.
    pub fn acquire(path: &Path, waiting: impl FnOnce()) -> Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(Error::io("open the lock", path))?;
        let mut waiting = Some(waiting);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(source)) => {
                    return Err(Error::Io { action: "lock", path: path.to_owned(), source });
                }
                Err(TryLockError::WouldBlock) => {
                    waiting.take().into_iter().for_each(|tell| tell());
                    check_interrupt()?;
                    sleep(Duration::from_millis(100));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_waits_until_the_first_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = Lock::acquire(&path, || panic!("nobody holds it")).unwrap();
        let mut told = false;
        let (send, receive) = std::sync::mpsc::channel();
        let second = std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                Lock::acquire(&path, || {
                    told = true;
                    send.send(()).unwrap();
                })
            });
            receive.recv().unwrap();
            drop(first);
            waiter.join().unwrap()
        });
        assert!(second.is_ok());
        assert!(told);
    }
}
