// SPDX-License-Identifier: GPL-2.0-only
//! Sends the lists that the kernel keeps about its functions.

use std::fs;
use std::io::ErrorKind;

use anyhow::{Context, Result};
use nmissed_wire::output::write_line;
use nmissed_wire::{KernelList, ProberReply};

/// Bytes of lines in one reply: PID 1 splits lines over 64 KiB.
const REPLY_BYTES: usize = 24 * 1024;

pub(crate) fn send_all() -> Result<()> {
    KernelList::ALL.into_iter().try_for_each(send)
}

/// Sends one list in parts and an empty last part, or that the kernel does not have it.
fn send(list: KernelList) -> Result<()> {
    let text = match fs::read_to_string(list.path()) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(write_line(&ProberReply::NoList { absent: list })?);
        }
        text => text.with_context(|| format!("cannot read {}", list.path()))?,
    };
    let mut lines = text.lines().filter(|line| is_wanted(list, line)).peekable();
    while lines.peek().is_some() {
        let mut size = 0;
        let part = std::iter::from_fn(|| {
            let line = lines.next_if(|_| size < REPLY_BYTES)?;
            size += line.len();
            Some(line.to_owned())
        });
        let lines = part.collect();
        write_line(&ProberReply::List { list, lines })?;
    }
    let lines = Vec::new();
    Ok(write_line(&ProberReply::List { list, lines })?)
}

/// Of kallsyms only the functions of the image: those of modules and those generated
/// after boot name their owner in brackets.
fn is_wanted(list: KernelList, line: &str) -> bool {
    let is_image_text = || {
        let kind = line.split_whitespace().nth(1);
        matches!(kind, Some("t" | "T" | "w" | "W")) && !line.ends_with(']')
    };
    list != KernelList::Symbols || is_image_text()
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("ffffffff81000000 T _stext" => true; "a function")]
    #[test_case("ffffffff81000000 W weak" => true; "a weak one")]
    #[test_case("ffffffff82000000 D data" => false; "data")]
    #[test_case("ffffffffa0000000 t f\t[bpf]" => false; "a program")]
    fn only_functions_of_the_image_are_taken_from_kallsyms(line: &str) -> bool {
        is_wanted(KernelList::Symbols, line)
    }
}
