// SPDX-License-Identifier: GPL-2.0-only
//! What the kernel printed while a test ran.

/// Lines that are kept of each end of an excerpt.
const KEPT: usize = 30;

/// The lines of a console from the first that says that a test starts to the one that says
/// how it ended, or to the end of the console; `None` if it never started. Of a long excerpt
/// both ends are kept.
pub(super) fn excerpt(console: &str, test: &str) -> Option<String> {
    let starts = format!("nmissed: {test} starts");
    let ended = format!("nmissed: {test}: ");
    let mut excerpt = Vec::new();
    let mut lines = console
        .lines()
        .skip_while(|line| !line.trim_end().ends_with(&starts));
    for line in lines.by_ref() {
        excerpt.push(line.trim_end());
        if line.contains(&ended) {
            break;
        }
    }
    let more = excerpt.len().saturating_sub(2 * KEPT);
    if more > 0 {
        let note = format!("[{more} more lines in console.log]");
        let tail = excerpt.split_off(excerpt.len() - KEPT);
        excerpt.truncate(KEPT);
        return Some([excerpt.join("\n"), note, tail.join("\n")].join("\n"));
    }
    (!excerpt.is_empty()).then(|| excerpt.join("\n"))
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    const CONSOLE: &str = "[ 1] boot\n[ 2] nmissed: a::b starts\n[ 3] x\n\
        [ 4] nmissed: a::b: pass after 1 s\n[ 5] nmissed: a::c starts\n[ 6] BUG: y\r\n";

    #[test_case("a::b" => Some("[ 2] nmissed: a::b starts\n[ 3] x\n[ 4] nmissed: a::b: pass after 1 s".to_owned()); "that ended")]
    #[test_case("a::c" => Some("[ 5] nmissed: a::c starts\n[ 6] BUG: y".to_owned()); "that the kernel did not survive")]
    #[test_case("a::d" => None; "that did not run")]
    fn excerpt_of_a_test(test: &str) -> Option<String> {
        excerpt(CONSOLE, test)
    }

    #[test]
    fn both_ends_of_a_long_excerpt_are_kept() {
        let middle: String = (0..100).map(|line| format!("line {line}\n")).collect();
        let console = format!("nmissed: a::b starts\n{middle}nmissed: a::b: fail\n");
        let excerpt = excerpt(&console, "a::b").unwrap();
        assert_eq!(excerpt.lines().count(), 61);
        assert!(excerpt.contains("line 28\n[42 more lines in console.log]\nline 71\n"));
        assert!(excerpt.ends_with("nmissed: a::b: fail"));
    }
}
