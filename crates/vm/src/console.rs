// SPDX-License-Identifier: GPL-2.0-only
//! What a line of the console is without its decoration.

/// The line without the timestamp and caller that printk may put before it
/// (`[    1.234567] `, `[    1.234567][    T1] `).
pub(crate) fn text(line: &str) -> &str {
    let mut rest = line.trim();
    while let Some((mark, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        if !is_mark(mark.trim()) {
            break;
        }
        rest = after;
    }
    rest.trim_start()
}

/// Seconds since the boot, or a task (`T1`) or processor (`C0`).
fn is_mark(mark: &str) -> bool {
    let number = mark.trim_start_matches(['T', 'C']);
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
    #[test_case("[mem 0x20000000-0xffffffff] available", "[mem 0x20000000-0xffffffff] available"; "not a mark")]
    #[test_case("[1.0", "[1.0"; "torn")]
    fn decoration_goes(line: &str, expected: &str) {
        assert_eq!(text(line), expected);
    }
}
