// SPDX-License-Identifier: GPL-2.0-only
//! Many calls of one function of the kernel that have not returned yet.

use std::env;
use std::fs::{self, File};
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::thread::{self, ScopedJoinHandle};

use anyhow::{Context, Result, ensure};

/// All locks of files and, marked by an arrow, who waits for one.
const LOCKS: &str = "/proc/locks";

/// Threads that meet in `locks_lock_inode_wait`, which flock(2) calls and does
/// not leave before it has the lock. Each meeting is before a file of its own.
///
/// Nothing else calls it once the crowd is there: to close a locked file takes
/// the lock back by `locks_remove_flock`.
pub struct Crowd {
    files: Vec<Locked>,
}

impl Crowd {
    /// Locks a file for each of `times` meetings.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn new(times: u64) -> Result<Self> {
        let files = (0..times).map(Locked::new).collect::<Result<_>>()?;
        Ok(Self { files })
    }

    /// Meets so many times: has `threads` threads wait for a file, until all of
    /// them do, and lets them go.
    ///
    /// # Errors
    /// If one of them gets no lock, or no file is left.
    pub fn meet(&mut self, times: u64, threads: u64) -> Result<()> {
        (0..times).try_for_each(|_| {
            let file = self.files.pop().context("no file is left to meet before")?;
            file.draw(threads)
        })
    }
}

/// A file that this process has locked.
struct Locked {
    path: PathBuf,
    file: File,
}

impl Locked {
    fn new(number: u64) -> Result<Self> {
        let path = env::temp_dir().join(format!("nmissed-crowd-{number}"));
        let locked = File::create(&path).and_then(|file| {
            file.lock()?;
            Ok(file)
        });
        let file = locked.with_context(|| format!("locking {}", path.display()))?;
        Ok(Self { path, file })
    }

    /// Has the threads, which run on the CPU of this one, wait and go.
    fn draw(self, threads: u64) -> Result<()> {
        let path = &self.path;
        let lock = || File::open(path)?.lock_shared();
        thread::scope(|scope| {
            let crowd: Vec<_> = (0..threads).map(|_| scope.spawn(lock)).collect();
            let all_here = wait_for(&crowd);
            drop(self.file);
            for thread in crowd {
                let ended = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
                ended.with_context(|| format!("waiting for {}", path.display()))?;
            }
            all_here
        })?;
        fs::remove_file(path).with_context(|| format!("removing {}", path.display()))
    }
}

/// Waits until each thread waits for a lock.
fn wait_for<T>(crowd: &[ScopedJoinHandle<'_, T>]) -> Result<()> {
    while waiting()? < crowd.len() {
        let left = crowd.iter().any(ScopedJoinHandle::is_finished);
        ensure!(!left, "a thread does not wait for its lock");
        thread::yield_now();
    }
    Ok(())
}

/// How many wait for a lock of any file.
fn waiting() -> Result<usize> {
    let locks = fs::read_to_string(LOCKS).with_context(|| format!("reading {LOCKS}"))?;
    Ok(locks.lines().filter(|line| line.contains("->")).count())
}

#[cfg(test)]
mod tests {
    use super::Crowd;

    #[test]
    fn a_crowd_meets_and_leaves() {
        Crowd::new(3).unwrap().meet(3, 5).unwrap();
    }
}
