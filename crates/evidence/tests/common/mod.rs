// SPDX-License-Identifier: GPL-2.0-only
//! What the tests of renderings start from.

use nmissed_evidence::{Run, TestResult};
use nmissed_wire::{Outcome, Record};

/// A run of a variant of a kernel, in which each of these tests passed.
pub(crate) fn run(release: &str, variant: &str, tests: &[&str], records: Vec<Record>) -> Run {
    let test = |name: &&str| TestResult {
        name: (*name).to_owned(),
        outcome: Outcome::Pass,
        seconds: 0.5,
    };
    let (kernel, _) = release.rsplit_once('.').expect("three numbers");
    Run {
        kernel: kernel.to_owned(),
        variant: variant.to_owned(),
        release: format!("{release}-nmissed-{variant}"),
        accel: "tcg".to_owned(),
        boot_s: Some(1.84),
        total_s: 6.52,
        machine: Outcome::Pass,
        tests: tests.iter().map(test).collect(),
        records,
        reports: Vec::new(),
        repetitions: Vec::new(),
    }
}
