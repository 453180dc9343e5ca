// SPDX-License-Identifier: GPL-2.0-only
//! Saying how far the work is: a bar on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a piped run says that it is still alive.
const PLAIN_EVERY: Duration = Duration::from_secs(30);

/// Who is told how far the work is. One step at a time: `begin`, any number
/// of `at`, then `end`.
pub trait Progress: Sync {
    /// A step begins: how many units it has if that is known, and how long it
    /// took last time if it was done before.
    fn begin(&self, step: &str, units: Option<u64>, last: Option<Duration>);
    /// So many units are done; `what` is in hand now.
    fn at(&self, done: u64, what: &str);
    /// The step ended; `summary` stays on the screen.
    fn end(&self, summary: &str);
    /// A line that stays on the screen.
    fn say(&self, line: &str);
}

/// The reporter that suits standard error.
#[must_use]
pub fn reporter() -> Box<dyn Progress> {
    if stderr().is_terminal() {
        Box::new(Bar::default())
    } else {
        Box::new(Plain::default())
    }
}

/// Tells nobody.
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

/// A step that is cut short leaves no bar behind.
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
                // A count that turns out too low grows instead of lying at 100 %.
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
    said: Instant,
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
            said: Instant::now(),
        };
        *held(&self.step) = Some(step);
    }

    fn at(&self, done: u64, what: &str) {
        let mut slot = held(&self.step);
        let Some(step) = slot
            .as_mut()
            .filter(|step| step.said.elapsed() >= PLAIN_EVERY)
        else {
            return;
        };
        step.said = Instant::now();
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

/// What is shown is never half-changed, so a panic elsewhere spoils nothing.
fn held<T>(slot: &Mutex<T>) -> MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Standard error may be closed; the work goes on.
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
