// SPDX-License-Identifier: GPL-2.0-only
//! Hands over the lists that the kernel keeps.

use std::fs;
use std::io::ErrorKind;

use anyhow::{Context, Result};
use nmissed_wire::{KernelList, ProberReply};

use crate::say;

/// What one answer holds at most: PID 1 cuts longer lines in pieces.
const BYTES: usize = 24 * 1024;

pub(crate) fn tell_all() -> Result<()> {
    KernelList::ALL.into_iter().try_for_each(tell)
}

/// Tells one list; a kernel may not have it.
fn tell(list: KernelList) -> Result<()> {
    let text = match fs::read_to_string(list.path()) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return say::answer(&ProberReply::NoList { absent: list });
        }
        text => text.with_context(|| format!("cannot read {}", list.path()))?,
    };
    let mut lines = text.lines().filter(|line| is_wanted(list, line)).peekable();
    while lines.peek().is_some() {
        let mut size = 0;
        let part = std::iter::from_fn(|| {
            let line = lines.next_if(|_| size < BYTES)?;
            size += line.len();
            Some(line.to_owned())
        });
        let lines = part.collect();
        say::answer(&ProberReply::List { list, lines })?;
    }
    let end = Vec::new();
    say::answer(&ProberReply::List { list, lines: end })
}

/// Of kallsyms only functions, and neither those of modules nor those that
/// the kernel made up after boot, which name their owner in brackets.
fn is_wanted(list: KernelList, line: &str) -> bool {
    let text = || {
        let kind = line.split_whitespace().nth(1);
        matches!(kind, Some("t" | "T" | "w" | "W")) && !line.ends_with(']')
    };
    list != KernelList::Symbols || text()
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("ffffffff81000000 T _stext" => true; "a function")]
    #[test_case("ffffffff81000000 W weak" => true; "a weak one")]
    #[test_case("ffffffff82000000 D data" => false; "data")]
    #[test_case("ffffffffa0000000 t f\t[bpf]" => false; "a program")]
    fn of_kallsyms_only_functions(line: &str) -> bool {
        is_wanted(KernelList::Symbols, line)
    }
}
