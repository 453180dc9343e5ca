// SPDX-License-Identifier: GPL-2.0-only
//! All boots of one run: a kernel that dies is booted again for what is left.

use anyhow::Result;
use nmissed_evidence::Run;
use nmissed_wire::Outcome;

use crate::plan::bootable::Bootable;

/// How often a kernel is booted again in one run.
const FURTHER_BOOTS: u32 = 10;

/// One boot of a run.
pub(crate) struct Booted {
    pub(crate) run: Run,
    /// How many of its tests began; the last of them is the one that the machine did not
    /// survive, if it died in a test.
    pub(crate) begun: usize,
}

/// Boots a kernel with `boot`, and again after each crash, hang or loss of the machine for
/// what is left; `boot` returns whether anything is. Ends with a boot that died before its
/// first test, and after [`FURTHER_BOOTS`].
///
/// # Errors
/// Of the first boot. Where a further one is not possible, the tests that are left have the
/// error as the reason: what was seen before is evidence.
pub(crate) fn boot_all(
    kernel: &Bootable,
    mut boot: impl FnMut(&Bootable) -> Result<(Booted, bool)>,
) -> Result<Run> {
    let (mut all, mut is_left) = boot(kernel)?;
    let (mut last, mut last_begun) = (all.run.machine.clone(), all.begun);
    for number in 2..=1 + FURTHER_BOOTS {
        if !is_left || !last.is_failure() || last_begun == 0 {
            break;
        }
        match boot(&kernel.boot(number)) {
            Ok((next, left)) => {
                (last, last_begun, is_left) = (next.run.machine.clone(), next.begun, left);
                all.run = all.run.continued(all.begun, next.run);
                all.begun += next.begun;
            }
            Err(error) => {
                let why = format!("not run: {error:#}");
                let rest = all.run.tests.iter_mut().skip(all.begun);
                rest.for_each(|test| test.outcome = Outcome::Infra(why.clone()));
                break;
            }
        }
    }
    Ok(all.run)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use nmissed_wire::TestResult;
    use test_case::test_case;

    use super::*;

    /// A boot of `tests` tests, of which `begun` began and the last died; all passed if
    /// that many did.
    fn booted(tests: usize, begun: usize, died: bool) -> Booted {
        let crash = || Outcome::Crash("BUG".to_owned());
        let test = |place: usize| TestResult {
            name: format!("x::{}", tests - place),
            outcome: match place + 1 {
                next if next > begun => Outcome::default(),
                next if next == begun && died => crash(),
                _ => Outcome::Pass,
            },
            seconds: 0.0,
        };
        let run = Run {
            machine: if died { crash() } else { Outcome::Pass },
            tests: (0..tests).map(test).collect(),
            ..Run::default()
        };
        Booted { run, begun }
    }

    /// Each boot dies in its test number `dies_in`.
    #[test_case(3, 0 => (1, 3, 0); "before any test")]
    #[test_case(3, 1 => (3, 3, 3); "in each test")]
    #[test_case(5, 2 => (3, 5, 5); "in every second one, and the last passes")]
    #[test_case(20, 1 => (11, 20, 11); "at most ten further boots")]
    fn a_kernel_that_dies_is_booted_for_the_rest(
        tests: usize,
        dies_in: usize,
    ) -> (usize, usize, usize) {
        let kernel = Bootable::stock("6.18", Path::new("x"));
        let (mut left, mut boots) = (tests, 0);
        let run = boot_all(&kernel, |_| {
            boots += 1;
            let all = left;
            let died = dies_in <= all;
            let begun = if died { dies_in } else { all };
            left -= begun;
            Ok((booted(all, begun, died), left > 0))
        });
        let run = run.unwrap();
        let names: Vec<_> = run.tests.iter().map(|test| &test.name).collect();
        assert!(names.is_sorted_by_key(|name| usize::MAX - name[3..].parse::<usize>().unwrap()));
        assert!(run.machine.is_failure());
        let ran = run
            .tests
            .iter()
            .filter(|it| it.outcome != Outcome::default());
        (boots, run.tests.len(), ran.count())
    }

    #[test]
    fn what_was_seen_before_an_error_is_kept() {
        let kernel = Bootable::stock("6.18", Path::new("x"));
        let mut first = Some(booted(2, 1, true));
        let run = boot_all(&kernel, |_| {
            let booted = first.take().ok_or(anyhow::anyhow!("no space left"));
            Ok((booted?, true))
        });
        let run = run.unwrap();
        assert_eq!(run.tests[0].outcome, Outcome::Crash("BUG".to_owned()));
        let why = "not run: no space left".to_owned();
        assert_eq!(run.tests[1].outcome, Outcome::Infra(why));
    }
}
