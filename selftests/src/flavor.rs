// SPDX-License-Identifier: GPL-2.0-only
//! How a kprobe is really armed.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};

/// All kprobes there are, one per line (`report_probe` in kernel/kprobes.c).
const LIST: &str = "/sys/kernel/debug/kprobes/list";

/// The optimizer starts five ticks after a probe was armed, and waits for all
/// tasks to have left the bytes (`kprobe_optimizer`). `kprobes/list` shows the
/// probe as optimized from the start.
const OPTIMIZER: Duration = Duration::from_millis(300);

/// What the kernel put at the probed address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// A call through ftrace.
    Ftrace,
    /// A jump, put in place of a breakpoint some time after it.
    Optimized,
    /// A breakpoint.
    Int3,
}

impl Flavor {
    /// The name that records use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ftrace => "ftrace",
            Self::Optimized => "optimized",
            Self::Int3 => "int3",
        }
    }

    /// The flavor of the probe on `function` at `offset`; 0 is the entry,
    /// wherever a probe goes there. One that the kernel is about to optimize is
    /// given the time.
    pub(crate) fn at(function: &str, offset: u64) -> Result<Self> {
        let list = fs::read_to_string(LIST).with_context(|| format!("reading {LIST}"))?;
        let flavor = parse(&list, function, offset)
            .with_context(|| format!("no kprobe on {function}+{offset:#x} in {LIST}:\n{list}"))?;
        if flavor == Self::Optimized {
            sleep(OPTIMIZER);
        }
        Ok(flavor)
    }
}

/// Finds the probe in lines like `ffffffff81a04c34  k  name+0x4    [FTRACE]`.
fn parse(list: &str, function: &str, offset: u64) -> Option<Flavor> {
    let line = list.lines().find(|line| {
        let place = line.split_whitespace().nth(2);
        place
            .and_then(|place| place.split_once('+'))
            .is_some_and(|(name, at)| name == function && is_at(at, offset))
    })?;
    Some(match () {
        () if line.contains("[FTRACE]") => Flavor::Ftrace,
        () if line.contains("[OPTIMIZED]") => Flavor::Optimized,
        () => Flavor::Int3,
    })
}

/// The entry is at 0 or, past an ENDBR, at 4.
fn is_at(place: &str, offset: u64) -> bool {
    let place = u64::from_str_radix(place.trim_start_matches("0x"), 16);
    place.is_ok_and(|place| place == offset || (offset == 0 && place == 4))
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::{Flavor, parse};

    const LIST: &str = "\
ffffffff8104a6a4  k  first+0x4    [FTRACE]
ffffffff8104a6b0  r  second+0x0  [DISABLED][OPTIMIZED]
ffffffff8104a6c0  k  third+0x12
";

    #[test_case("first", 0, Some(Flavor::Ftrace); "behind an endbr")]
    #[test_case("second", 0, Some(Flavor::Optimized); "at the entry")]
    #[test_case("third", 0x12, Some(Flavor::Int3); "further on")]
    #[test_case("third", 0, None; "another place")]
    #[test_case("fir", 0, None; "a prefix is another function")]
    fn the_list_names_the_flavor(function: &str, offset: u64, flavor: Option<Flavor>) {
        assert_eq!(parse(LIST, function, offset), flavor);
    }
}
