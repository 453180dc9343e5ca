// SPDX-License-Identifier: GPL-2.0-only
//! Many calls of one kernel function that have not returned yet.

use std::env;
use std::fs::{self, File};
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::thread::{self, ScopedJoinHandle};

use anyhow::{Context, Result, ensure};

/// All locks of files; `->` marks those that wait for one.
const LOCKS: &str = "/proc/locks";

/// Calls of `locks_lock_inode_wait`, which flock(2) makes and which do not return before
/// they have the lock. Each round waits for a file of its own.
///
/// No other call is made during a round: to close a locked file releases the lock by
/// `locks_remove_flock`.
pub struct PendingCalls {
    files: Vec<LockedFile>,
}

impl PendingCalls {
    /// Locks a file for each of `rounds` rounds.
    ///
    /// # Errors
    /// If a file cannot be made or locked.
    pub fn new(rounds: u64) -> Result<Self> {
        let files = (0..rounds).map(LockedFile::new).collect::<Result<_>>()?;
        Ok(Self { files })
    }

    /// In each of `rounds` rounds has `calls` threads wait for a lock, until all of them
    /// do, and releases it.
    ///
    /// # Errors
    /// If one of them gets no lock, or no file is left.
    pub fn make(&mut self, rounds: u64, calls: u64) -> Result<()> {
        (0..rounds).try_for_each(|_| {
            let file = self.files.pop().context("no locked file is left")?;
            file.wait_and_release(calls)
        })
    }
}

/// A file that this process has locked.
struct LockedFile {
    path: PathBuf,
    file: File,
}

impl LockedFile {
    fn new(number: u64) -> Result<Self> {
        let path = env::temp_dir().join(format!("nmissed-pending-{number}"));
        let locked = File::create(&path).and_then(|file| {
            file.lock()?;
            Ok(file)
        });
        let file = locked.with_context(|| format!("locking {}", path.display()))?;
        Ok(Self { path, file })
    }

    /// Has threads wait, which run on the CPU of this one.
    fn wait_and_release(self, threads: u64) -> Result<()> {
        let path = &self.path;
        let lock = || File::open(path)?.lock_shared();
        thread::scope(|scope| {
            let waiters: Vec<_> = (0..threads).map(|_| scope.spawn(lock)).collect();
            let all_wait = until_all_wait(&waiters);
            drop(self.file);
            for thread in waiters {
                let ended = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
                ended.with_context(|| format!("waiting for {}", path.display()))?;
            }
            all_wait
        })?;
        fs::remove_file(path).with_context(|| format!("removing {}", path.display()))
    }
}

fn until_all_wait<T>(threads: &[ScopedJoinHandle<'_, T>]) -> Result<()> {
    while waiting()? < threads.len() {
        let left = threads.iter().any(ScopedJoinHandle::is_finished);
        ensure!(!left, "a thread does not wait for its lock");
        thread::yield_now();
    }
    Ok(())
}

/// Returns how many threads wait for a lock of any file.
fn waiting() -> Result<usize> {
    let locks = fs::read_to_string(LOCKS).with_context(|| format!("reading {LOCKS}"))?;
    Ok(locks.lines().filter(|line| line.contains("->")).count())
}

#[cfg(test)]
mod tests {
    use super::PendingCalls;

    #[test]
    fn all_calls_return_after_each_round() {
        PendingCalls::new(3).unwrap().make(3, 5).unwrap();
    }
}
