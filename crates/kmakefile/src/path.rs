// SPDX-License-Identifier: GPL-2.0-only
//! Paths of a source tree, as text.

/// Returns a path without the parts `.` and `..`, as far as those have a parent.
#[must_use]
pub fn normalized(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("./a/../b//c.c", "b//c.c"; "dots")]
    #[test_case("../../a.c", "../../a.c"; "out of the tree")]
    fn dots_are_resolved(path: &str, wanted: &str) {
        assert_eq!(normalized(path), wanted);
    }
}
