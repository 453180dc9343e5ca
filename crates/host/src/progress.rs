// SPDX-License-Identifier: GPL-2.0-only
//! Progress: a bar on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Time between two lines of a step where there is no terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(30);

/// Receives the progress of one step at a time: `begin`, any number of `at`, then `end`.
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

#[derive(Default)]
struct Bar {
    bar: Mutex<Option<ProgressBar>>,
}

impl Bar {
    fn with(&self, act: impl FnOnce(&mut Option<ProgressBar>)) {
        act(&mut held(&self.bar));
    }

    fn clear(&self) {
        self.with(|slot| {
            slot.take()
                .into_iter()
                .for_each(|bar| bar.finish_and_clear())
        });
    }
}

/// Removes the bar of a step that failed.
impl Drop for Bar {
    fn drop(&mut self) {
        self.clear();
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
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.set_prefix(step.to_owned());
        bar.enable_steady_tick(Duration::from_millis(250));
        self.with(|slot| *slot = Some(bar));
    }

    fn at(&self, done: u64, what: &str) {
        self.with(|slot| {
            if let Some(bar) = slot {
                // A total that was estimated too low grows.
                if bar.length().is_some_and(|units| units < done) {
                    bar.set_length(done);
                }
                bar.set_position(done);
                bar.set_message(what.to_owned());
            }
        });
    }

    fn end(&self, summary: &str) {
        self.clear();
        print_line(summary);
    }

    fn say(&self, line: &str) {
        self.with(|slot| match slot {
            Some(bar) => bar.suspend(|| print_line(line)),
            None => print_line(line),
        });
    }
}

#[derive(Default)]
struct Plain {
    step: Mutex<Option<PlainStep>>,
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
        print_line(&format!("{step}...{last}"));
        let step = PlainStep {
            name: step.to_owned(),
            units,
            printed: Instant::now(),
        };
        *held(&self.step) = Some(step);
    }

    fn at(&self, done: u64, what: &str) {
        let mut slot = held(&self.step);
        let Some(step) = slot
            .as_mut()
            .filter(|step| step.printed.elapsed() >= PLAIN_EVERY)
        else {
            return;
        };
        step.printed = Instant::now();
        match step.units {
            Some(units) => print_line(&format!("{}: {done} of {}", step.name, units.max(done))),
            None => print_line(&format!("{}: {what}", step.name)),
        }
    }

    fn end(&self, summary: &str) {
        *held(&self.step) = None;
        print_line(summary);
    }

    fn say(&self, line: &str) {
        print_line(line);
    }
}

/// A panic in another thread leaves no half-changed state.
fn held<T>(slot: &Mutex<T>) -> MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ignores a closed standard error.
fn print_line(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

/// `4:07`, or `12 s` below a minute.
fn clock(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => format!("{}:{:02} min", seconds / 60, seconds % 60),
    }
}
