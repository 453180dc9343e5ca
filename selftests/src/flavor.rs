// SPDX-License-Identifier: GPL-2.0-only
//! How a kprobe is really armed.

use std::fs;

use anyhow::{Context, Result};

/// All kprobes there are, one per line (`report_probe` in kernel/kprobes.c).
const LIST: &str = "/sys/kernel/debug/kprobes/list";

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

    /// The flavor of the probe at the entry of `function`.
    pub(crate) fn at(function: &str) -> Result<Self> {
        let list = fs::read_to_string(LIST).with_context(|| format!("reading {LIST}"))?;
        parse(&list, function)
            .with_context(|| format!("no kprobe on {function} in {LIST}:\n{list}"))
    }
}

/// Finds `function` in lines like `ffffffff81a04c34  k  name+0x4    [FTRACE]`.
///
/// Any offset will do: the entry is at 0 or, past an ENDBR, at 4.
fn parse(list: &str, function: &str) -> Option<Flavor> {
    let line = list.lines().find(|line| {
        let place = line.split_whitespace().nth(2);
        place.and_then(|place| place.split('+').next()) == Some(function)
    })?;
    Some(match () {
        () if line.contains("[FTRACE]") => Flavor::Ftrace,
        () if line.contains("[OPTIMIZED]") => Flavor::Optimized,
        () => Flavor::Int3,
    })
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

    #[test_case("first", Some(Flavor::Ftrace))]
    #[test_case("second", Some(Flavor::Optimized))]
    #[test_case("third", Some(Flavor::Int3))]
    #[test_case("fir", None; "a prefix is another function")]
    fn the_list_names_the_flavor(function: &str, flavor: Option<Flavor>) {
        assert_eq!(parse(LIST, function), flavor);
    }
}
