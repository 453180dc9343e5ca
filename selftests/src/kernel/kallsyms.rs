// SPDX-License-Identifier: GPL-2.0-only
//! Addresses of the kernel's functions.

use std::fs::File;
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

/// Reads a line such as `ffffffff81a04c30 T name`, with ` [module]` or without.
fn parse(line: &str, function: &str) -> Option<u64> {
    let mut words = line.split_whitespace();
    let (address, kind) = (words.next()?, words.next()?);
    let is_text = kind.eq_ignore_ascii_case("t");
    let address = u64::from_str_radix(address, 16).ok()?;
    (is_text && words.next()? == function && address != 0).then_some(address)
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
