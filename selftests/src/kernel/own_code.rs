// SPDX-License-Identifier: GPL-2.0-only
//! The offset of a function of this program in its file.

use std::fs;

use anyhow::{Context, Result};

/// The mappings of this process.
const MAPS: &str = "/proc/self/maps";

/// Returns the offset in this program's file of the code at `address`, in bytes.
///
/// # Errors
/// If no file is mapped there.
pub fn file_offset(address: usize) -> Result<usize> {
    let maps = fs::read_to_string(MAPS).with_context(|| format!("reading {MAPS}"))?;
    maps.lines()
        .find_map(|line| offset_in(line, address))
        .with_context(|| format!("no file is mapped at {address:#x}:\n{maps}"))
}

/// Returns the offset of `address` in the file of a line such as
/// `401000-48f000 r-xp 00001000 00:02 5      /tests/missed`; `None` if the line does not
/// contain it.
fn offset_in(line: &str, address: usize) -> Option<usize> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let hex = |digits| usize::from_str_radix(digits, 16).ok();
    let (start, end) = (hex(start)?, hex(end)?);
    let offset = hex(words.nth(1)?)?;
    let is_file = words.nth(2).is_some();
    (is_file && (start..end).contains(&address)).then(|| address - start + offset)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::{file_offset, offset_in};

    const LINE: &str = "401000-48f000 r-xp 00001000 00:02 5      /tests/missed";

    #[test_case(LINE, 0x40_1000 => Some(0x1000); "its first byte")]
    #[test_case(LINE, 0x48_efff => Some(0x8_efff); "its last byte")]
    #[test_case(LINE, 0x48_f000 => None; "past its end")]
    #[test_case(LINE, 0x40_0fff => None; "before it")]
    #[test_case("401000-48f000 rw-p 00000000 00:00 0", 0x40_1000 => None; "memory of no file")]
    #[test_case("", 0 => None; "no mapping")]
    fn a_mapping_gives_the_offset_in_its_file(line: &str, address: usize) -> Option<usize> {
        offset_in(line, address)
    }

    #[test]
    fn own_code_is_found() {
        assert!(file_offset(own_code_is_found as *const () as usize).is_ok());
    }
}
