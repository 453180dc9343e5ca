// SPDX-License-Identifier: GPL-2.0-only
//! Where each processor is when a kernel hangs: the backtraces that a panic prints of all
//! (`panic_print=0x40`, kernel/panic.c).

use std::collections::BTreeMap;

/// Begins the lines of a processor (lib/nmi_backtrace.c).
const PROCESSOR: &str = "NMI backtrace for cpu ";
/// Behind the number of one that has nothing to do.
const IDLE: &str = " skipped: idling at ";
/// The address of the next instruction, by the segment of the kernel or of a program
/// (arch/x86/kernel/dumpstack.c).
const KERNEL: &str = "RIP: 0010:";
const PROGRAM: &str = "RIP: 0033:";

/// The function in which each processor is.
#[derive(Debug, Default)]
pub(super) struct Places {
    places: BTreeMap<u32, String>,
    /// The processor whose lines these are, until its place is known.
    current: Option<u32>,
}

impl Places {
    /// Takes a line of the console, without its prefix.
    pub(super) fn line(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix(PROCESSOR) {
            let (number, idle) = rest.split_once(IDLE).map_or((rest, None), |(number, at)| {
                (number, Some(format!("idle in {}", function(at))))
            });
            self.current = number.trim().parse().ok();
            self.is_in(idle);
        } else if let Some(at) = line.strip_prefix(KERNEL) {
            self.is_in(Some(format!("in {}", function(at))));
        } else if line.starts_with(PROGRAM) {
            self.is_in(Some("in a program".to_owned()));
        }
    }

    fn is_in(&mut self, place: Option<String>) {
        if let (Some(processor), Some(place)) = (self.current, place) {
            self.places.insert(processor, place);
            self.current = None;
        }
    }

    /// Returns `; CPU 0 in f, CPU 1 in a program`, or nothing.
    pub(super) fn text(&self) -> String {
        let places = self.places.iter();
        let places: Vec<_> = places.map(|(cpu, at)| format!("CPU {cpu} {at}")).collect();
        match places.is_empty() {
            true => String::new(),
            false => format!("; {}", places.join(", ")),
        }
    }
}

/// Returns the name in `name+0x1/0x2`.
fn function(at: &str) -> &str {
    at.split(['+', ' ']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    #[test_case(&[] => ""; "no backtrace")]
    #[test_case(&["NMI backtrace for cpu 0", "RIP: 0010:queued_spin_lock_slowpath+0x5e/0x2b0", "RIP: 0033:0x7f25cab2c1f4"] => "; CPU 0 in queued_spin_lock_slowpath"; "a system call in the kernel")]
    #[test_case(&["NMI backtrace for cpu 1", "RIP: 0033:0x7ffff7ee9cdf"] => "; CPU 1 in a program"; "a program")]
    #[test_case(&["NMI backtrace for cpu 1 skipped: idling at default_idle+0xb/0x10", "RIP: 0010:f+0x1/0x2"] => "; CPU 1 idle in default_idle"; "an idle one, and a task after it")]
    #[test_case(&["RIP: 0010:f+0x1/0x2"] => ""; "an earlier oops")]
    #[test_case(&["NMI backtrace for cpu x", "RIP: 0010:f"] => ""; "no number")]
    #[test_case(&["NMI backtrace for cpu 1", "RIP: 0010:g+0x1", "NMI backtrace for cpu 0", "RIP: 0010:f"] => "; CPU 0 in f, CPU 1 in g"; "two")]
    fn places_of_processors(lines: &[&str]) -> String {
        let mut places = Places::default();
        lines.iter().for_each(|line| places.line(line));
        places.text()
    }
}
