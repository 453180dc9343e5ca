// SPDX-License-Identifier: GPL-2.0-only
//! JUnit XML, as Jenkins and GitLab read it.

use std::time::Duration;

use nmissed_wire::{Outcome, Run, TestResult};
use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};

use crate::render::report::Report;

impl Report {
    /// One suite per run, with a case per test and one for the machine. What the host
    /// could not do is an error, what a kernel did wrong a failure.
    #[must_use]
    pub fn to_junit(&self) -> String {
        let mut junit = Junit::new("nmissed");
        for (it, setup) in self.evidence.iter().zip(&self.setups) {
            let run = &it.run;
            let mut suite = TestSuite::new(format!("{} {}", run.kernel, run.variant));
            suite.set_time(duration(run.total_s));
            suite.add_property(("release", run.release.as_str()));
            suite.add_property(("accel", run.accel.as_str()));
            for (name, value) in setup.lines() {
                suite.add_property((name, value.as_str()));
            }
            suite.add_test_case(case("machine", "boot", &run.machine, run.total_s));
            suite.add_test_cases(cases(run));
            junit.add_test_suite(suite);
        }
        let xml = junit
            .to_string()
            .expect("names and reasons are XML strings");
        // The schema of Jenkins has this count on suites only; the first one is in the tag
        // around them.
        let skipped: usize = junit.test_suites.iter().map(|it| it.skipped).sum();
        xml.replacen(&format!(" skipped=\"{skipped}\""), "", 1)
    }
}

fn cases(run: &Run) -> impl Iterator<Item = TestCase> {
    run.all_tests().map(
        |TestResult {
             name,
             outcome,
             seconds,
         }| {
            let (family, test) = name.split_once("::").unwrap_or(("", name));
            case(family, test, outcome, *seconds)
        },
    )
}

fn case(family: &str, name: &str, outcome: &Outcome, seconds: f64) -> TestCase {
    let mut status = match outcome {
        Outcome::Pass => TestCaseStatus::success(),
        Outcome::Skip(_) => TestCaseStatus::skipped(),
        Outcome::Infra(_) => TestCaseStatus::non_success(NonSuccessKind::Error),
        _ => TestCaseStatus::non_success(NonSuccessKind::Failure),
    };
    if let Some(why) = outcome.why() {
        status.set_message(why.lines().next().unwrap_or_default());
        if !outcome.is_good() {
            status.set_type(outcome.name());
            status.set_description(why);
        }
    }
    let mut case = TestCase::new(name, status);
    case.set_classname(family);
    case.set_time(duration(seconds));
    case
}

/// Zero for what is no time, as a file may have it.
fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
