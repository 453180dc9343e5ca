// SPDX-License-Identifier: GPL-2.0-only
//! Locks between processes.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::{Error, Result, check_interrupt};

/// An exclusive lock on a file or a folder, held until it is dropped. Programs that are
/// started meanwhile inherit it: if this process is killed, the kernel releases the lock
/// when the last of them has ended, too. So no lock is stale.
#[derive(Debug)]
pub struct Lock {
    file: File,
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
        while !take(&file, path)? {
            waiting.take().into_iter().for_each(|call| call());
            check_interrupt()?;
            sleep(Duration::from_millis(100));
        }
        Self::inherited(file, path)
    }

    /// Takes the lock of a folder, which needs no file in it; `None` if another
    /// process holds it.
    ///
    /// # Errors
    /// [`Error::Io`] if there is no such folder.
    pub fn of_folder(dir: &Path) -> Result<Option<Self>> {
        let folder = File::open(dir).map_err(Error::io("open", dir))?;
        take(&folder, dir)?
            .then(|| Self::inherited(folder, dir))
            .transpose()
    }

    fn inherited(file: File, path: &Path) -> Result<Self> {
        let keep_on_exec = rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty());
        keep_on_exec.map_err(|error| Error::io("lock", path)(error.into()))?;
        Ok(Self { file })
    }
}

/// Tries to take the lock.
fn take(file: &File, path: &Path) -> Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(source)) => Err(Error::io("lock", path)(source)),
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing it would leave the lock to programs that still run.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command, Stdio};

    #[test]
    fn the_second_waits_until_the_first_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = Lock::acquire(&path, || panic!("the lock is free")).unwrap();
        let mut called = false;
        let (send, receive) = std::sync::mpsc::channel();
        let second = std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                Lock::acquire(&path, || {
                    called = true;
                    send.send(()).unwrap();
                })
            });
            receive.recv().unwrap();
            drop(first);
            waiter.join().unwrap()
        });
        assert!(second.is_ok());
        assert!(called);
    }

    #[test]
    fn a_folder_is_locked_once() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::of_folder(dir.path()).unwrap();
        assert!(first.is_some());
        assert!(Lock::of_folder(dir.path()).unwrap().is_none());
        drop(first);
        assert!(Lock::of_folder(dir.path()).unwrap().is_some());
    }

    /// A program that runs until its standard input is closed.
    fn cat() -> Child {
        Command::new("cat").stdin(Stdio::piped()).spawn().unwrap()
    }

    fn is_held(path: &Path) -> bool {
        matches!(
            File::open(path).unwrap().try_lock(),
            Err(TryLockError::WouldBlock)
        )
    }

    #[test]
    fn it_is_held_for_what_a_killed_process_started() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let mut lock = Lock::acquire(&path, || ()).unwrap();
        let mut child = cat();
        // Closed and not unlocked, as when the process is killed.
        lock.file = File::open("/dev/null").unwrap();
        assert!(is_held(&path));
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn it_is_dropped_although_a_program_still_runs() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let lock = Lock::acquire(&path, || ()).unwrap();
        let mut child = cat();
        assert!(is_held(&path));
        drop(lock);
        assert!(!is_held(&path));
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
