// SPDX-License-Identifier: GPL-2.0-only
//! How a kprobe is armed.

use anyhow::{Context, Result};
use nmissed_wire::{Flavor, kprobes_list};

/// Returns the flavor of the kprobe on `function` at `offset`, 0 being the entry with or
/// without an ENDBR; an optimized one is a jump by then.
pub(crate) fn flavor_at(function: &str, offset: u64) -> Result<Flavor> {
    let list = kprobes_list::read()?;
    let flavor = find(&list, function, offset).with_context(|| {
        let path = kprobes_list::PATH;
        format!("no kprobe on {function}+{offset:#x} in {path}:\n{list}")
    })?;
    if flavor == Flavor::Optimized {
        kprobes_list::wait_for_optimizer();
    }
    Ok(flavor)
}

fn find(list: &str, function: &str, offset: u64) -> Option<Flavor> {
    let is_there = |at: u64| at == offset || (offset == 0 && at == 4);
    kprobes_list::parse(list)
        .find(|probe| probe.function == function && is_there(probe.offset))
        .map(|probe| probe.flavor)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

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
        assert_eq!(find(LIST, function, offset), flavor);
    }
}
