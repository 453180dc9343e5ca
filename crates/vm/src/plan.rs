// SPDX-License-Identifier: GPL-2.0-only
//! The tests to run, as the test programs list them.
//!
//! The programs are static and run on the host too, so a filter without a match is
//! reported before any boot, and tests that did not run have names.

use std::path::PathBuf;
use std::time::Duration;

use nmissed_host::Cmd;
use nmissed_wire::PlannedTest;

use crate::error::Result;

const LIST_DEADLINE: Duration = Duration::from_secs(30);

/// Lists the tests of programs, given as name and path, without those marked
/// `#[ignore]`, and keeps those for whose full name (`<program>::<test>`) `keep`
/// returns true. `deadline` is for each test.
///
/// # Errors
/// [`crate::Error::Host`] if a program does not list its tests.
pub fn plan(
    programs: &[(String, PathBuf)],
    keep: impl Fn(&str) -> bool,
    deadline: Duration,
) -> Result<Vec<PlannedTest>> {
    let mut plan = Vec::new();
    for (binary, path) in programs {
        let list = Cmd::new(path)
            .args(["--list", "--format", "terse"])
            .deadline(LIST_DEADLINE);
        let all = list.run()?;
        let ignored = list.arg("--ignored").run()?;
        let tests = all.iter().filter(|line| !ignored.contains(line));
        plan.extend(tests.filter_map(|line| {
            Some(PlannedTest {
                binary: binary.clone(),
                test: test_name(line)?.to_owned(),
                deadline_s: deadline.as_secs_f64(),
            })
        }));
    }
    plan.retain(|test| keep(&test.name()));
    Ok(plan)
}

/// Parses a line of libtest's terse list (`path::to::test: test`); benchmarks end in
/// `: benchmark`.
fn test_name(line: &str) -> Option<&str> {
    line.strip_suffix(": test")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The program that runs these tests.
    fn this_program() -> Vec<(String, PathBuf)> {
        vec![("vm".to_owned(), std::env::current_exe().unwrap())]
    }

    #[test]
    fn a_program_lists_its_tests() {
        let plan = plan(
            &this_program(),
            |name| name.contains("plan::"),
            Duration::from_secs(7),
        )
        .unwrap();
        let expected = PlannedTest {
            binary: "vm".to_owned(),
            test: "plan::tests::a_program_lists_its_tests".to_owned(),
            deadline_s: 7.0,
        };
        assert!(plan.contains(&expected), "{plan:?}");
        assert!(
            plan.iter()
                .all(|test| test.name().starts_with("vm::plan::"))
        );
    }

    #[test]
    #[ignore = "for the test below"]
    fn ignored() {}

    #[test]
    fn ignored_tests_are_left_out() {
        let plan = plan(
            &this_program(),
            |name| name.ends_with("::ignored"),
            Duration::ZERO,
        );
        assert_eq!(plan.unwrap(), []);
    }
}
