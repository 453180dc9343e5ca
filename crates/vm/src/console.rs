// SPDX-License-Identifier: GPL-2.0-only
//! Lines of the guest's console.

/// Returns a line without the timestamp and caller that printk puts before it
/// (`[    1.234567] `, `[    1.234567][    T1] `).
pub(crate) fn text(line: &str) -> &str {
    let mut rest = line.trim();
    while let Some((prefix, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        if !is_prefix(prefix.trim()) {
            break;
        }
        rest = after;
    }
    rest.trim_start()
}

/// Checks for seconds since the boot, a task (`T1`) or a processor (`C0`).
fn is_prefix(prefix: &str) -> bool {
    let number = prefix.trim_start_matches(['T', 'C']);
    let digits = |c: char| c.is_ascii_digit() || c == '.';
    !number.is_empty() && number.chars().all(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    #[test_case("BUG: x\r", "BUG: x"; "none")]
    #[test_case("[    1.234567] BUG: x", "BUG: x"; "time")]
    #[test_case("[   12.3][   T71] BUG: x", "BUG: x"; "time and task")]
    #[test_case("[    0.0][    C1] BUG: x", "BUG: x"; "time and processor")]
    #[test_case("[mem 0x20000000-0xffffffff] available", "[mem 0x20000000-0xffffffff] available"; "no prefix")]
    #[test_case("[1.0", "[1.0"; "torn")]
    fn printk_prefixes_are_removed(line: &str, expected: &str) {
        assert_eq!(text(line), expected);
    }
}
