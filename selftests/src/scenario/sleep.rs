// SPDX-License-Identifier: GPL-2.0-only
//! A program that sleeps while other tasks hit its probe on the same CPU.
//!
//! It sleeps on the lock of this process's mappings, which a page fault takes and an
//! mmap(2) on another CPU holds, for as long as a program on that CPU says
//! (bpf/syscall.bpf.c). So the order does not depend on the scheduler.

use std::fs;
use std::ptr::null_mut;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow};
use rustix::mm::{MapFlags, MlockAllFlags, ProtFlags, mlockall, mmap_anonymous};
use rustix::thread::gettid;

use super::trigger::migrate;

/// How long threads wait for each other before the test fails.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The clock source of the kernel.
const CLOCK: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

/// Between two looks at what a program on the other CPU sets, which cannot wake a thread.
const POLL_INTERVAL: Duration = Duration::from_micros(10);

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
    signals: Signals,
    /// Both threads end at the next signal.
    end: AtomicBool,
}

#[derive(Default)]
struct Signals {
    /// The sleeping thread has started.
    sleeper_ready: Signal,
    /// The thread that holds the lock has started.
    holder_ready: Signal,
    /// Asks for the lock.
    take_lock: Signal,
    /// The lock is free again.
    lock_free: Signal,
    /// Asks for the hit that sleeps.
    hit_once: Signal,
    /// That hit is over.
    hit_over: Signal,
}

/// What one thread sends another. It polls nothing: under TCG a thread that wakes often
/// takes time from all CPUs. Nor does it ask for memory, as a channel would.
#[derive(Default)]
struct Signal {
    sent: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    fn send(&self) {
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }

    /// Waits until it is sent, and clears it; `false` after `timeout`.
    fn wait(&self, timeout: Duration) -> bool {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_timeout_while(sent, timeout, |sent| !*sent);
        std::mem::take(&mut *waited.unwrap_or_else(PoisonError::into_inner).0)
    }
}

impl<'a> SleepingProgram<'a> {
    /// Returns both threads, not started yet.
    #[must_use]
    pub fn new(flags: SleepFlags<'a>, hit: Trigger<'a>) -> Self {
        Self {
            flags,
            hit,
            signals: Signals::default(),
            end: AtomicBool::new(false),
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
        let signals = &self.signals;
        thread::scope(|scope| {
            let holder = scope.spawn(|| self.hold_lock());
            scope.spawn(|| self.fall_asleep());
            wait_for_last_clock();
            // A thread that starts maps memory, too.
            let ready = [&signals.sleeper_ready, &signals.holder_ready];
            let acted = if ready.iter().all(|it| it.wait(TIMEOUT)) {
                act()
            } else {
                Err(timeout())
            };
            self.flags.released.store(1, SeqCst);
            self.end.store(true, SeqCst);
            signals.take_lock.send();
            signals.hit_once.send();
            holder.join().expect("the thread does not panic").and(acted)
        })
    }

    /// Hits the probe `times` times while the program sleeps in an earlier hit.
    ///
    /// # Errors
    /// If a thread does not do its part in time.
    pub fn hit_while_asleep(&self, times: u64) -> Result<()> {
        let (flags, signals) = (&self.flags, &self.signals);
        flags.released.store(0, SeqCst);
        signals.take_lock.send();
        let held = wait_for(flags.lock_held, || thread::sleep(POLL_INTERVAL));
        flags.sleep_next.store(1, SeqCst);
        signals.hit_once.send();
        // On this CPU.
        let asleep = held && wait_for(flags.asleep, thread::yield_now);
        let hit = if asleep { (self.hit)(times) } else { Ok(()) };
        // This process may not ask for memory before this.
        flags.released.store(1, SeqCst);
        if asleep && signals.hit_over.wait(TIMEOUT) && signals.lock_free.wait(TIMEOUT) {
            hit
        } else {
            Err(timeout())
        }
    }

    /// Runs on another CPU, which the program that holds the lock does not leave.
    fn hold_lock(&self) -> Result<()> {
        migrate()?;
        self.signals.holder_ready.send();
        let me = u64::from(gettid().as_raw_nonzero().get().cast_unsigned());
        while self.is_asked(&self.signals.take_lock) {
            self.flags.lock_holder.store(me, SeqCst);
            map_nothing();
            self.flags.lock_holder.store(0, SeqCst);
            self.signals.lock_free.send();
        }
        Ok(())
    }

    fn fall_asleep(&self) -> Result<()> {
        self.signals.sleeper_ready.send();
        while self.is_asked(&self.signals.hit_once) {
            (self.hit)(1)?;
            self.signals.hit_over.send();
        }
        Ok(())
    }

    /// Waits for `signal`; `false` at the end.
    fn is_asked(&self, signal: &Signal) -> bool {
        while !signal.wait(TIMEOUT) {}
        !self.end.load(SeqCst)
    }
}

/// Takes the lock of the process's mappings and gives it back: `do_mmap` refuses an empty
/// mapping under the lock.
fn map_nothing() {
    // SAFETY: nothing is mapped.
    let refused = unsafe { mmap_anonymous(null_mut(), 0, ProtFlags::empty(), MapFlags::PRIVATE) };
    assert!(refused.is_err(), "an empty mapping exists");
}

/// Waits until a program has set `flag`, and clears it; `false` after [`TIMEOUT`].
fn wait_for(flag: &AtomicU64, pause: fn()) -> bool {
    let since = Instant::now();
    while flag.swap(0, SeqCst) == 0 {
        if since.elapsed() > TIMEOUT {
            return false;
        }
        pause();
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
