// SPDX-License-Identifier: GPL-2.0-only
//! A program that sleeps while other tasks hit its probe on the same CPU.
//!
//! What it sleeps on is the lock of this process's mappings, which a page fault
//! takes and an mmap(2) on another CPU holds, for as long as a program on its way
//! likes (bpf/syscall.bpf.c). So nobody waits for the scheduler's mood.

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

/// How long threads wait for each other: something is wrong long before.
const PATIENCE: Duration = Duration::from_secs(10);

/// The clock that the kernel goes by.
const CLOCK: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

/// Between two looks: long enough to leave the CPU to others.
const MOMENT: Duration = Duration::from_micros(50);

/// What the BPF programs and the threads tell each other, under the programs'
/// names.
#[derive(Debug)]
#[expect(missing_docs, reason = "bpf/syscall.bpf.c is the documentation")]
pub struct Words<'a> {
    pub holder: &'a AtomicU64,
    pub held: &'a AtomicU64,
    pub sleep: &'a AtomicU64,
    pub asleep: &'a AtomicU64,
    pub over: &'a AtomicU64,
}

/// Hits the probe so many times.
pub type Hit<'a> = &'a (dyn Fn(u64) -> Result<()> + Sync);

/// A thread that hits the probe and falls asleep, and one that holds the lock,
/// each whenever it is told.
pub struct Sleep<'a> {
    words: Words<'a>,
    hit: Hit<'a>,
    /// There is somebody to fall asleep.
    awake: AtomicU64,
    /// There is somebody to hold the lock.
    ready: AtomicU64,
    /// Hold it.
    lock: AtomicU64,
    /// It is free again.
    free: AtomicU64,
    /// Hit the probe.
    go: AtomicU64,
    /// It was hit.
    back: AtomicU64,
    /// There is nothing more to do.
    end: AtomicU64,
}

impl<'a> Sleep<'a> {
    /// With programs that share these words, and a way to hit the probe.
    #[must_use]
    pub fn new(words: Words<'a>, hit: Hit<'a>) -> Self {
        let [awake, ready, lock, free, go, back, end] = Default::default();
        Self {
            words,
            hit,
            awake,
            ready,
            lock,
            free,
            go,
            back,
            end,
        }
    }

    /// Has the threads there while something is done. They hit nothing unless they
    /// are told to.
    ///
    /// # Errors
    /// As `act`, or if there is no other CPU.
    pub fn during(&self, act: impl FnOnce() -> Result<()>) -> Result<()> {
        // No other page fault may come upon the lock.
        mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)
            .context("keeping this process in memory")?;
        thread::scope(|scope| {
            let holder = scope.spawn(|| self.hold());
            scope.spawn(|| self.fall_asleep());
            settle();
            // A thread that begins maps memory, too.
            let acted = if wait_for(&self.awake) && wait_for(&self.ready) {
                act()
            } else {
                Err(late())
            };
            // Whatever came of it, nobody is to be kept.
            self.words.over.store(1, SeqCst);
            self.end.store(1, SeqCst);
            holder.join().expect("the thread does not panic").and(acted)
        })
    }

    /// Hits the probe `times` times while the program sleeps, and once before.
    ///
    /// # Errors
    /// If the threads do not do their part in time.
    pub fn pass(&self, times: u64) -> Result<()> {
        let words = &self.words;
        words.over.store(0, SeqCst);
        self.lock.store(1, SeqCst);
        let held = wait_for(words.held);
        words.sleep.store(1, SeqCst);
        self.go.store(1, SeqCst);
        let asleep = held && wait_for(words.asleep);
        let hit = if asleep { (self.hit)(times) } else { Ok(()) };
        // From here on, not before, this process may ask for memory again.
        words.over.store(1, SeqCst);
        if asleep && wait_for(&self.back) && wait_for(&self.free) {
            hit
        } else {
            Err(late())
        }
    }

    /// On another CPU, which the program that holds the lock does not leave.
    fn hold(&self) -> Result<()> {
        migrate()?;
        self.ready.store(1, SeqCst);
        let me = u64::from(gettid().as_raw_nonzero().get().cast_unsigned());
        while self.is_told(&self.lock) {
            self.words.holder.store(me, SeqCst);
            let mapped = Page::map();
            self.words.holder.store(0, SeqCst);
            mapped?;
            self.free.store(1, SeqCst);
        }
        Ok(())
    }

    fn fall_asleep(&self) -> Result<()> {
        self.awake.store(1, SeqCst);
        while self.is_told(&self.go) {
            (self.hit)(1)?;
            self.back.store(1, SeqCst);
        }
        Ok(())
    }

    /// Waits to be told, or for the end.
    fn is_told(&self, word: &AtomicU64) -> bool {
        loop {
            if self.end.load(SeqCst) != 0 {
                return false;
            }
            if word.swap(0, SeqCst) != 0 {
                return true;
            }
            thread::sleep(MOMENT);
        }
    }
}

/// Waits until somebody sets the word, and takes it back; `false` if nobody does.
fn wait_for(word: &AtomicU64) -> bool {
    let since = Instant::now();
    while word.swap(0, SeqCst) == 0 {
        if since.elapsed() > PATIENCE {
            return false;
        }
        thread::sleep(MOMENT);
    }
    true
}

/// Waits for what the kernel does once, some seconds after it started, and what
/// needs all CPUs at once (`stop_machine`), while one of them is not to be had: the
/// change from its first clock to the better one (`timekeeping_notify`).
fn settle() {
    let since = Instant::now();
    let is_early = || fs::read_to_string(CLOCK).is_ok_and(|name| name.trim_end() == "tsc-early");
    while is_early() && since.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(10));
    }
}

fn late() -> Error {
    anyhow!("a thread, or a program in it, did not come in {PATIENCE:?}")
}
