// SPDX-License-Identifier: GPL-2.0-only
//! Addresses of the kernel's functions.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};

use anyhow::{Context, Result, bail};

/// One symbol per line; the addresses are zero for others than root.
const LIST: &str = "/proc/kallsyms";

/// Returns the address of `function` in the running kernel.
///
/// # Errors
/// If there is no such function, or its address is hidden (`kptr_restrict`).
pub fn address_of(function: &str) -> Result<u64> {
    let list = File::open(LIST).with_context(|| format!("opening {LIST}"))?;
    for line in BufReader::new(list).lines() {
        let line = line.with_context(|| format!("reading {LIST}"))?;
        if let Some(address) = parse(&line, function) {
            return Ok(address);
        }
    }
    bail!("{LIST} has no address of {function}")
}

/// Returns `function+0x1a` for each address of a call chain, innermost first; zeros end it.
pub(crate) fn symbolize(frames: &[u64]) -> Result<Vec<String>> {
    let list = fs::read_to_string(LIST).with_context(|| format!("reading {LIST}"))?;
    let symbols: BTreeMap<u64, &str> = list.lines().filter_map(text_symbol).collect();
    let frames = frames.iter().take_while(|address| **address != 0);
    let named = frames.map(|address| match symbols.range(..=address).next_back() {
        Some((start, name)) => format!("{name}+{:#x}", address - start),
        None => format!("{address:#x}"),
    });
    Ok(named.collect())
}

fn text_symbol(line: &str) -> Option<(u64, &str)> {
    let mut words = line.split_whitespace();
    let (address, kind, name) = (words.next()?, words.next()?, words.next()?);
    let address = u64::from_str_radix(address, 16).ok()?;
    kind.eq_ignore_ascii_case("t").then_some((address, name))
}

/// Reads a line such as `ffffffff81a04c30 T name`, with ` [module]` or without.
fn parse(line: &str, function: &str) -> Option<u64> {
    let (address, name) = text_symbol(line)?;
    (name == function && address != 0).then_some(address)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::parse;

    #[test_case("ffffffff81a04c30 T one", Some(0xffff_ffff_81a0_4c30); "a global function")]
    #[test_case("ffffffff81a04c30 t one\t[module]", Some(0xffff_ffff_81a0_4c30); "of a module")]
    #[test_case("ffffffff81a04c30 d one", None; "data")]
    #[test_case("ffffffff81a04c30 T one.cold", None; "another function")]
    #[test_case("0000000000000000 T one", None; "hidden")]
    #[test_case("", None; "nothing")]
    fn a_line_of_the_function_has_its_address(line: &str, address: Option<u64>) {
        assert_eq!(parse(line, "one"), address);
    }
}
