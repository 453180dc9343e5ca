// SPDX-License-Identifier: GPL-2.0-only
//! debugfs `kprobes/list`: which kprobes there are, and how each is armed.

use std::fs;
use std::io;
use std::thread::sleep;
use std::time::Duration;

use crate::Flavor;

/// All kprobes there are, one per line (`report_probe` in kernel/kprobes.c).
pub const PATH: &str = "/sys/kernel/debug/kprobes/list";

/// The optimizer starts five ticks after a probe was armed (`OPTIMIZE_DELAY`).
const OPTIMIZER_DELAY: Duration = Duration::from_millis(60);
/// And waits until all tasks have left the bytes (`kprobe_optimizer`, measured under TCG).
const OPTIMIZER_RUN: Duration = Duration::from_millis(240);

/// One kprobe of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKprobe<'a> {
    /// Where it sits.
    pub address: u64,
    /// The function, without `+offset`.
    pub function: &'a str,
    /// Bytes from the function's start: 4 at the entry of a function that begins with
    /// ENDBR.
    pub offset: u64,
    /// How it is armed.
    pub flavor: Flavor,
}

/// Reads the list.
///
/// # Errors
/// If debugfs is not mounted; the error names the file.
pub fn read() -> io::Result<String> {
    fs::read_to_string(PATH)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot read {PATH}: {error}")))
}

/// Reads the list once the optimizer has changed nothing for its delay.
///
/// # Errors
/// As [`read`].
pub fn read_settled() -> io::Result<String> {
    let mut list = read()?;
    loop {
        sleep(OPTIMIZER_DELAY);
        let next = read()?;
        if next == list {
            return Ok(list);
        }
        list = next;
    }
}

/// Waits until each kprobe that the list shows as optimized is a jump:
/// `KPROBE_FLAG_OPTIMIZED` is set before the optimizer starts, so that the list settles
/// too early for who hits the probe.
pub fn wait_for_optimizer() {
    sleep(OPTIMIZER_DELAY + OPTIMIZER_RUN);
}

/// Parses lines like `ffffffff81a04c34  k  name+0x4    [FTRACE]`; other lines are
/// passed over.
pub fn parse(list: &str) -> impl Iterator<Item = ListedKprobe<'_>> {
    list.lines().filter_map(parse_line)
}

fn parse_line(line: &str) -> Option<ListedKprobe<'_>> {
    let mut words = line.split_whitespace();
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    let (function, offset) = words.nth(1)?.split_once('+')?;
    let offset = u64::from_str_radix(offset.trim_start_matches("0x"), 16).ok()?;
    let flavor = match () {
        () if line.contains("[FTRACE]") => Flavor::Ftrace,
        () if line.contains("[OPTIMIZED]") => Flavor::Optimized,
        () => Flavor::Int3,
    };
    Some(ListedKprobe {
        address,
        function,
        offset,
        flavor,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    #[test_case("ffffffff8104a6a4  k  first+0x4    [FTRACE]", "first", 4, Flavor::Ftrace; "behind an endbr")]
    #[test_case("ffffffff8104a6b0  r  second+0x0  [DISABLED][OPTIMIZED]", "second", 0, Flavor::Optimized; "a disabled return probe")]
    #[test_case("ffffffff8104a6c0  k  third+0x12", "third", 0x12, Flavor::Int3; "neither")]
    fn a_line_is_a_kprobe(line: &str, function: &str, offset: u64, flavor: Flavor) {
        let seen: Vec<_> = parse(line).collect();
        let address = u64::from_str_radix(&line[..16], 16).unwrap();
        let expected = ListedKprobe {
            address,
            function,
            offset,
            flavor,
        };
        assert_eq!(seen, [expected]);
    }

    proptest! {
        #[test]
        fn any_text_is_kprobes_or_nothing(text in "\\PC*") {
            let _ = parse(&text).count();
        }
    }
}
