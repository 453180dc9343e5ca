// SPDX-License-Identifier: GPL-2.0-only
//! A program that sleeps while other tasks hit its probe on the same CPU.
//!
//! It sleeps on the lock of this process's mappings, which a page fault takes and an
//! mmap(2) on another CPU holds, for as long as a program on that CPU says
//! (bpf/syscall.bpf.c). So the order does not depend on the scheduler.

use std::fs;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow};
use nmissed_uapi::Page;
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::thread::gettid;

use super::trigger::migrate;

/// How long threads wait for each other before the test fails.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The clock source of the kernel.
const CLOCK: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

/// Between two looks: long enough to leave the CPU to others.
const POLL_INTERVAL: Duration = Duration::from_micros(50);

/// The variables of bpf/syscall.bpf.c that programs and threads share.
#[derive(Debug)]
#[expect(missing_docs, reason = "bpf/syscall.bpf.c is the documentation")]
pub struct SleepFlags<'a> {
    pub lock_holder: &'a AtomicU64,
    pub lock_held: &'a AtomicU64,
    pub sleep_next: &'a AtomicU64,
    pub asleep: &'a AtomicU64,
    pub released: &'a AtomicU64,
}

/// Hits the probe so many times.
pub type Trigger<'a> = &'a (dyn Fn(u64) -> Result<()> + Sync);

/// A thread that hits the probe and falls asleep, and one that holds the lock.
pub struct SleepingProgram<'a> {
    flags: SleepFlags<'a>,
    hit: Trigger<'a>,
    /// The sleeping thread has started.
    sleeper_ready: AtomicU64,
    /// The thread that holds the lock has started.
    holder_ready: AtomicU64,
    /// Asks for the lock.
    take_lock: AtomicU64,
    /// The lock is free again.
    lock_free: AtomicU64,
    /// Asks for the hit that sleeps.
    hit_once: AtomicU64,
    /// That hit is over.
    hit_over: AtomicU64,
    /// Both threads end.
    end: AtomicU64,
}

impl<'a> SleepingProgram<'a> {
    /// Returns both threads, not started yet.
    #[must_use]
    pub fn new(flags: SleepFlags<'a>, hit: Trigger<'a>) -> Self {
        let [
            sleeper_ready,
            holder_ready,
            take_lock,
            lock_free,
            hit_once,
            hit_over,
            end,
        ] = Default::default();
        Self {
            flags,
            hit,
            sleeper_ready,
            holder_ready,
            take_lock,
            lock_free,
            hit_once,
            hit_over,
            end,
        }
    }

    /// Calls `act` while the threads exist. They hit nothing before
    /// [`SleepingProgram::hit_while_asleep`].
    ///
    /// # Errors
    /// As `act`, or if there is no other CPU.
    pub fn with_threads(&self, act: impl FnOnce() -> Result<()>) -> Result<()> {
        // No other page fault may wait for the lock.
        mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)
            .context("keeping this process in memory")?;
        thread::scope(|scope| {
            let holder = scope.spawn(|| self.hold_lock());
            scope.spawn(|| self.fall_asleep());
            wait_for_last_clock();
            // A thread that starts maps memory, too.
            let acted = if wait_for(&self.sleeper_ready) && wait_for(&self.holder_ready) {
                act()
            } else {
                Err(timeout())
            };
            self.flags.released.store(1, SeqCst);
            self.end.store(1, SeqCst);
            holder.join().expect("the thread does not panic").and(acted)
        })
    }

    /// Hits the probe `times` times while the program sleeps in an earlier hit.
    ///
    /// # Errors
    /// If a thread does not do its part in time.
    pub fn hit_while_asleep(&self, times: u64) -> Result<()> {
        let flags = &self.flags;
        flags.released.store(0, SeqCst);
        self.take_lock.store(1, SeqCst);
        let held = wait_for(flags.lock_held);
        flags.sleep_next.store(1, SeqCst);
        self.hit_once.store(1, SeqCst);
        let asleep = held && wait_for(flags.asleep);
        let hit = if asleep { (self.hit)(times) } else { Ok(()) };
        // This process may not ask for memory before this.
        flags.released.store(1, SeqCst);
        if asleep && wait_for(&self.hit_over) && wait_for(&self.lock_free) {
            hit
        } else {
            Err(timeout())
        }
    }

    /// Runs on another CPU, which the program that holds the lock does not leave.
    fn hold_lock(&self) -> Result<()> {
        migrate()?;
        self.holder_ready.store(1, SeqCst);
        let me = u64::from(gettid().as_raw_nonzero().get().cast_unsigned());
        while self.is_asked(&self.take_lock) {
            self.flags.lock_holder.store(me, SeqCst);
            let mapped = Page::map();
            self.flags.lock_holder.store(0, SeqCst);
            mapped?;
            self.lock_free.store(1, SeqCst);
        }
        Ok(())
    }

    fn fall_asleep(&self) -> Result<()> {
        self.sleeper_ready.store(1, SeqCst);
        while self.is_asked(&self.hit_once) {
            (self.hit)(1)?;
            self.hit_over.store(1, SeqCst);
        }
        Ok(())
    }

    /// Waits until `flag` is set, and clears it; `false` at the end.
    fn is_asked(&self, flag: &AtomicU64) -> bool {
        loop {
            if self.end.load(SeqCst) != 0 {
                return false;
            }
            if flag.swap(0, SeqCst) != 0 {
                return true;
            }
            thread::sleep(POLL_INTERVAL);
        }
    }
}

/// Waits until `flag` is set, and clears it; `false` after [`TIMEOUT`].
fn wait_for(flag: &AtomicU64) -> bool {
    let since = Instant::now();
    while flag.swap(0, SeqCst) == 0 {
        if since.elapsed() > TIMEOUT {
            return false;
        }
        thread::sleep(POLL_INTERVAL);
    }
    true
}

/// Waits until the kernel has changed from its first clock to the better one, some
/// seconds after its start. That needs all CPUs at once (`timekeeping_notify`,
/// `stop_machine`), and the test keeps one busy.
fn wait_for_last_clock() {
    let since = Instant::now();
    let is_early = || fs::read_to_string(CLOCK).is_ok_and(|name| name.trim_end() == "tsc-early");
    while is_early() && since.elapsed() < TIMEOUT {
        thread::sleep(Duration::from_millis(10));
    }
}

fn timeout() -> Error {
    anyhow!("a thread, or a program in it, was not ready within {TIMEOUT:?}")
}

/// Returns a variable of a BPF program as one that threads can write, too.
pub fn shared(variable: &mut u64) -> &AtomicU64 {
    // SAFETY: a unique reference is valid for as long as the result is, and
    // aligned as an atomic of the same size has to be on x86-64.
    unsafe { AtomicU64::from_ptr(variable) }
}
