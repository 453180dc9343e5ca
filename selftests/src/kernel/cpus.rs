// SPDX-License-Identifier: GPL-2.0-only
//! The number of CPUs: of possible ones, with which some pools grow, and of those that run.

use std::fs;

use anyhow::{Context, Result};

const POSSIBLE: &str = "/sys/devices/system/cpu/possible";

const ONLINE: &str = "/sys/devices/system/cpu/online";

/// Returns the number of CPUs that run.
pub(crate) fn online() -> Result<usize> {
    read(ONLINE)
}

/// Returns the number of CPUs that may ever be present (`num_possible_cpus`).
pub(crate) fn possible() -> Result<usize> {
    read(POSSIBLE)
}

fn read(file: &str) -> Result<usize> {
    let list = fs::read_to_string(file).with_context(|| format!("reading {file}"))?;
    count(list.trim()).with_context(|| format!("{file} holds {list:?}"))
}

/// Returns the length of a list such as `0-3,5`.
fn count(list: &str) -> Option<usize> {
    list.split(',').map(count_range).sum()
}

fn count_range(range: &str) -> Option<usize> {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
    Some(last.checked_sub(first)? + 1)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::count;

    #[test_case("0", Some(1); "one")]
    #[test_case("0-1", Some(2); "a range")]
    #[test_case("0-3,5,8-9", Some(7); "several")]
    #[test_case("", None; "nothing")]
    #[test_case("3-1", None; "backwards")]
    fn all_ranges_of_a_list_count(list: &str, length: Option<usize>) {
        assert_eq!(count(list), length);
    }
}
