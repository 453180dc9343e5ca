// SPDX-License-Identifier: GPL-2.0-only
//! What one boot showed, and what a whole command showed.

use nmissed_wire::{Outcome, Record};
use serde::{Deserialize, Serialize};

use crate::Repetition;

/// One test of one boot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// `<binary>::<test>`, as the guest ran it.
    pub name: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Wall-clock seconds inside the guest.
    pub seconds: f64,
}

/// Everything one boot of one variant of one kernel showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The kernel's id in `vmconfig/kernels.toml`.
    pub kernel: String,
    /// The variant: `baseline`, `active`, ...
    pub variant: String,
    /// What `uname -r` said in the guest; what the build said if it never got
    /// that far.
    pub release: String,
    /// `kvm` or `tcg`.
    pub accel: String,
    /// Seconds from QEMU's start to PID 1's first word; absent if PID 1 never
    /// spoke.
    pub boot_s: Option<f64>,
    /// Seconds from QEMU's start to its exit.
    pub total_s: f64,
    /// How the machine ended: `Pass` after an orderly power-off.
    pub machine: Outcome,
    /// The tests, in the order they ran.
    pub tests: Vec<TestResult>,
    /// The records of all tests, in the order they were written.
    pub records: Vec<Record>,
    /// The first lines of all reports that the kernel made against itself,
    /// from its first moments on (see [`report`](nmissed_wire::report)).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<String>,
    /// Where all tests were run several times: what they showed after the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repetitions: Vec<Repetition>,
}

impl Run {
    /// Whether every test was good each time, and the machine powered off in order.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.machine.is_good()
            && !self.tests.is_empty()
            && self.all_tests().all(|test| test.outcome.is_good())
    }
}

/// What `results.json` holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// One entry per kernel and variant, in the order they ran.
    pub runs: Vec<Run>,
}

impl Results {
    /// The text of `results.json`, one field a line.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self)
            .expect("every key is a string, and nothing here writes by hand");
        json.push('\n');
        json
    }

    /// Reads what [`Results::to_json`] wrote, or a newer version of it:
    /// fields that are not known are passed over.
    ///
    /// # Errors
    /// If the text is not JSON or lacks a field.
    pub fn from_json(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;
    use nmissed_wire::{AttachType, Tally};

    fn results() -> Results {
        let tally = Tally {
            triggers: 1,
            runs: 0,
            link_missed: Some(0),
            prog_missed: Some(2),
        };
        let test = |name: &str, outcome| TestResult {
            name: name.to_owned(),
            outcome,
            seconds: 0.25,
        };
        Results {
            runs: vec![Run {
                kernel: "6.12".to_owned(),
                variant: "baseline".to_owned(),
                release: "6.12.117-nmissed-baseline".to_owned(),
                accel: "tcg".to_owned(),
                boot_s: Some(1.5),
                total_s: 6.0,
                machine: Outcome::Pass,
                tests: vec![
                    test("missed::perf_kprobe", Outcome::Pass),
                    test("missed::tp_recursion", Outcome::Fail("1 != 2".to_owned())),
                ],
                records: vec![Record::new(
                    "kprobe.session/nested",
                    AttachType::KprobeSession,
                    None,
                    tally,
                )],
                reports: Vec::new(),
                repetitions: Vec::new(),
            }],
        }
    }

    #[test]
    fn results_json_has_its_stable_shape() {
        insta::assert_snapshot!(results().to_json());
    }

    #[test]
    fn results_survive_json() {
        assert_eq!(Results::from_json(&results().to_json()).unwrap(), results());
    }

    #[test]
    fn unknown_fields_are_passed_over() {
        let newer = results()
            .to_json()
            .replace("\"runs\": [", "\"host\": {\"cores\": 2},\n\"runs\": [")
            .replace("\"name\":", "\"slice\": [1], \"name\":")
            .replace("\"scenario\":", "\"cpu\": 0, \"scenario\":")
            .replace("\"kernel\":", "\"commit\": null, \"kernel\":")
            .replace("\"outcome\":", "\"retries\": 0, \"outcome\":");
        assert_eq!(Results::from_json(&newer).unwrap(), results());
    }

    #[test_case("" ; "nothing")]
    #[test_case("{}" ; "no runs")]
    #[test_case(r#"{"runs": [{"kernel": "6.12"}]}"# ; "half a run")]
    fn what_is_no_results_json_is_refused(json: &str) {
        assert!(Results::from_json(json).is_err());
    }

    #[test]
    fn a_run_is_good_when_something_ran_and_all_of_it_was_good() {
        let with = |machine: Outcome, outcomes: &[Outcome]| {
            let mut run = results().runs.remove(0);
            let test = run.tests.remove(0);
            run.machine = machine;
            run.tests = outcomes
                .iter()
                .map(|outcome| TestResult {
                    outcome: outcome.clone(),
                    ..test.clone()
                })
                .collect();
            run.is_good()
        };
        let skip = Outcome::Skip("CONFIG_FPROBE".to_owned());
        let fail = Outcome::Fail("1 != 2".to_owned());
        let crash = Outcome::Crash("BUG".to_owned());
        assert!(with(Outcome::Pass, &[Outcome::Pass, skip]));
        assert!(!with(Outcome::Pass, &[Outcome::Pass, fail]));
        assert!(!with(Outcome::Pass, &[]));
        assert!(!with(crash, &[Outcome::Pass]));
    }
}
