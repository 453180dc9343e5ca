// SPDX-License-Identifier: GPL-2.0-only
//! Progress: a bar on a terminal, plain lines elsewhere.

use std::collections::HashMap;
use std::io::{IsTerminal, Write, stderr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Time between two lines of a step where there is no terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(30);

/// Receives the progress of one step at a time and thread: `begin`, any number of `at`, then
/// `end`.
pub trait Progress: Sync {
    /// A step begins. `units` is their number if that is known, `last` the time that the
    /// step took before.
    fn begin(&self, step: &str, units: Option<u64>, last: Option<Duration>);
    /// `done` units are finished; `what` is under way.
    fn at(&self, done: u64, what: &str);
    /// The step ended; prints `summary`.
    fn end(&self, summary: &str);
    /// Prints a line.
    fn say(&self, line: &str);
    /// Calls `print`, which may write to standard output, without a bar in its way.
    fn aside(&self, print: &mut dyn FnMut()) {
        print();
    }
}

/// Returns the reporter for standard error: a bar if that is a terminal.
#[must_use]
pub fn reporter() -> Box<dyn Progress> {
    if stderr().is_terminal() {
        Box::new(Bar::default())
    } else {
        Box::new(Plain::default())
    }
}

/// Reports nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: Option<u64>, _: Option<Duration>) {}
    fn at(&self, _: u64, _: &str) {}
    fn end(&self, _: &str) {}
    fn say(&self, _: &str) {}
}

/// A bar for each thread that has a step.
#[derive(Default)]
struct Bar {
    all: MultiProgress,
    bars: Mutex<HashMap<ThreadId, ProgressBar>>,
}

impl Bar {
    /// Removes the bar of this thread.
    fn clear(&self) {
        let bar = held(&self.bars).remove(&thread::current().id());
        bar.into_iter().for_each(|bar| bar.finish_and_clear());
    }
}

/// Removes the bars of steps that failed.
impl Drop for Bar {
    fn drop(&mut self) {
        held(&self.bars)
            .drain()
            .for_each(|(_, bar)| bar.finish_and_clear());
    }
}

impl Progress for Bar {
    fn begin(&self, step: &str, units: Option<u64>, last: Option<Duration>) {
        self.clear();
        let last = last
            .map(|last| format!(", last time {}", clock(last)))
            .unwrap_or_default();
        let template = if units.is_some() {
            format!("{{prefix}} {{wide_bar}} {{pos}}/{{len}} {{elapsed}}{last}")
        } else {
            format!("{{spinner}} {{prefix}} {{wide_msg}} {{elapsed}}{last}")
        };
        let bar = units.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let bar = self.all.add(bar);
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.set_prefix(step.to_owned());
        bar.enable_steady_tick(Duration::from_millis(250));
        held(&self.bars).insert(thread::current().id(), bar);
    }

    fn at(&self, done: u64, what: &str) {
        if let Some(bar) = held(&self.bars).get(&thread::current().id()) {
            // A total that was estimated too low grows.
            if bar.length().is_some_and(|units| units < done) {
                bar.set_length(done);
            }
            bar.set_position(done);
            bar.set_message(what.to_owned());
        }
    }

    fn end(&self, summary: &str) {
        self.clear();
        self.say(summary);
    }

    fn say(&self, line: &str) {
        self.all.suspend(|| print_error(line));
    }

    fn aside(&self, print: &mut dyn FnMut()) {
        self.all.suspend(print);
    }
}

#[derive(Default)]
struct Plain {
    steps: Mutex<HashMap<ThreadId, PlainStep>>,
}

struct PlainStep {
    name: String,
    units: Option<u64>,
    printed: Instant,
}

impl Progress for Plain {
    fn begin(&self, step: &str, units: Option<u64>, last: Option<Duration>) {
        let last = last
            .map(|last| format!(" (last time {})", clock(last)))
            .unwrap_or_default();
        print_error(&format!("{step}...{last}"));
        let step = PlainStep {
            name: step.to_owned(),
            units,
            printed: Instant::now(),
        };
        held(&self.steps).insert(thread::current().id(), step);
    }

    fn at(&self, done: u64, what: &str) {
        let mut steps = held(&self.steps);
        let Some(step) = steps
            .get_mut(&thread::current().id())
            .filter(|step| step.printed.elapsed() >= PLAIN_EVERY)
        else {
            return;
        };
        step.printed = Instant::now();
        match step.units {
            Some(units) => print_error(&format!("{}: {done} of {}", step.name, units.max(done))),
            None => print_error(&format!("{}: {what}", step.name)),
        }
    }

    fn end(&self, summary: &str) {
        held(&self.steps).remove(&thread::current().id());
        print_error(summary);
    }

    fn say(&self, line: &str) {
        print_error(line);
    }
}

/// A panic in another thread leaves no half-changed state.
fn held<T>(slot: &Mutex<T>) -> MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Prints a line on standard error, and ignores a closed one.
pub fn print_error(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

/// `4:07`, or `12 s` below a minute.
fn clock(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => format!("{}:{:02} min", seconds / 60, seconds % 60),
    }
}
