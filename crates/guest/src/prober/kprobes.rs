// SPDX-License-Identifier: GPL-2.0-only
//! How kprobes are armed, as debugfs shows it.

use std::collections::HashMap;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use nmissed_wire::AttachOutcome;

/// All kprobes there are, one per line (`report_probe` in kernel/kprobes.c).
const LIST: &str = "/sys/kernel/debug/kprobes/list";

/// The optimizer starts five ticks after a probe was armed
/// (`OPTIMIZE_DELAY`).
const OPTIMIZER_DELAY: Duration = Duration::from_millis(60);

/// The flavors of all kprobes by address, once the optimizer is through with
/// them.
pub(crate) fn flavors() -> Result<HashMap<u64, AttachOutcome>> {
    let mut list = read()?;
    loop {
        sleep(OPTIMIZER_DELAY);
        let next = read()?;
        if next == list {
            return Ok(parse(&list));
        }
        list = next;
    }
}

fn read() -> Result<String> {
    fs::read_to_string(LIST).with_context(|| format!("cannot read {LIST}"))
}

/// Reads lines like `ffffffff81a04c34  k  name+0x4    [FTRACE]`.
fn parse(list: &str) -> HashMap<u64, AttachOutcome> {
    let probe = |line: &str| {
        let address = line.split_whitespace().next()?;
        Some((u64::from_str_radix(address, 16).ok()?, flavor(line)))
    };
    list.lines().filter_map(probe).collect()
}

fn flavor(line: &str) -> AttachOutcome {
    if line.contains("[FTRACE]") {
        AttachOutcome::Ftrace
    } else if line.contains("[OPTIMIZED]") {
        AttachOutcome::Optimized
    } else {
        AttachOutcome::Int3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_known_by_their_address() {
        let list = "\
ffffffff8104a6a4  k  first+0x4    [FTRACE]
ffffffff8104a6b0  r  second+0x0  [DISABLED][OPTIMIZED]
ffffffff8104a6c0  k  third+0x12
";
        let flavors = parse(list);
        let at = |addr| flavors.get(&addr).copied();
        assert_eq!(at(0xffff_ffff_8104_a6a4), Some(AttachOutcome::Ftrace));
        assert_eq!(at(0xffff_ffff_8104_a6b0), Some(AttachOutcome::Optimized));
        assert_eq!(at(0xffff_ffff_8104_a6c0), Some(AttachOutcome::Int3));
        assert_eq!(flavors.len(), 3);
    }
}
