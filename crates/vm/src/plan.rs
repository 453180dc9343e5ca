// SPDX-License-Identifier: GPL-2.0-only
//! What there is to run.
//!
//! Test programs are static and of the host's own architecture, so they can be
//! asked here: a filter that matches nothing is known before any boot, and
//! tests that never got their turn can be named.

use std::path::PathBuf;
use std::time::Duration;

use nmissed_host::Cmd;
use nmissed_wire::PlannedTest;

use crate::Result;

/// Listing runs no test.
const LISTING: Duration = Duration::from_secs(30);

/// Asks test programs, given as name and path, for their tests, and keeps
/// those whose full name (`<program>::<test>`) `keep` likes. Tests marked
/// `#[ignore]` are left out. Each may take `deadline`.
///
/// # Errors
/// [`crate::Error::Host`] if a program cannot say what it holds.
pub fn plan(
    programs: &[(String, PathBuf)],
    keep: impl Fn(&str) -> bool,
    deadline: Duration,
) -> Result<Vec<PlannedTest>> {
    let mut plan = Vec::new();
    for (binary, path) in programs {
        let list = Cmd::new(path)
            .args(["--list", "--format", "terse"])
            .deadline(LISTING);
        let all = list.run()?;
        let ignored = list.arg("--ignored").run()?;
        let tests = all.iter().filter(|line| !ignored.contains(line));
        plan.extend(
            tests
                .filter_map(|line| test_name(line))
                .map(|test| PlannedTest {
                    binary: binary.clone(),
                    test: test.to_owned(),
                    deadline_s: deadline.as_secs_f64(),
                }),
        );
    }
    plan.retain(|test| keep(&test.name()));
    Ok(plan)
}

/// libtest's terse listing: `path::to::test: test`; benchmarks end in
/// `: benchmark`.
fn test_name(line: &str) -> Option<&str> {
    line.strip_suffix(": test")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This very program is a test program.
    fn ourselves() -> Vec<(String, PathBuf)> {
        vec![("vm".to_owned(), std::env::current_exe().unwrap())]
    }

    #[test]
    fn a_program_names_its_tests() {
        let plan = plan(
            &ourselves(),
            |name| name.contains("plan::"),
            Duration::from_secs(7),
        )
        .unwrap();
        let expected = PlannedTest {
            binary: "vm".to_owned(),
            test: "plan::tests::a_program_names_its_tests".to_owned(),
            deadline_s: 7.0,
        };
        assert!(plan.contains(&expected), "{plan:?}");
        assert!(
            plan.iter()
                .all(|test| test.name().starts_with("vm::plan::"))
        );
    }

    #[test]
    #[ignore = "is here to be left out"]
    fn ignored() {}

    #[test]
    fn ignored_tests_are_left_out() {
        let plan = plan(
            &ourselves(),
            |name| name.ends_with("::ignored"),
            Duration::ZERO,
        );
        assert_eq!(plan.unwrap(), []);
    }
}
