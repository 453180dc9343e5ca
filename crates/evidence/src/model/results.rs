// SPDX-License-Identifier: GPL-2.0-only
//! The runs of one command: `results.json`.

use nmissed_wire::Run;
use serde::{Deserialize, Serialize};

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
            .expect("every key is a string, and every `Serialize` is derived");
        json.push('\n');
        json
    }

    /// Reads what [`Results::to_json`] wrote, or a newer version of it:
    /// unknown fields are ignored.
    ///
    /// # Errors
    /// If the text is not JSON, lacks a field, or has a record that is refused
    /// ([`nmissed_wire::Record::check`]).
    pub fn from_json(json: &str) -> serde_json::Result<Self> {
        let results: Self = serde_json::from_str(json)?;
        let repeated = results.runs.iter().flat_map(|run| &run.repetitions);
        let mut records = results
            .runs
            .iter()
            .flat_map(|run| &run.records)
            .chain(repeated.flat_map(|it| &it.records));
        let checked = records.try_for_each(nmissed_wire::Record::check);
        checked.map_err(serde::de::Error::custom)?;
        Ok(results)
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;
    use nmissed_wire::{AttachType, Outcome, Record, Tally, TestResult};

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
                ..Run::default()
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
    fn unknown_fields_are_ignored() {
        let newer = results()
            .to_json()
            .replace("\"runs\": [", "\"host\": {\"cores\": 2},\n\"runs\": [")
            .replace("\"name\":", "\"slice\": [1], \"name\":")
            .replace("\"scenario\":", "\"cpu\": 0, \"scenario\":")
            .replace("\"kernel\":", "\"commit\": null, \"kernel\":")
            .replace("\"outcome\":", "\"retries\": 0, \"outcome\":");
        assert_eq!(Results::from_json(&newer).unwrap(), results());
    }

    #[test]
    fn a_record_that_does_not_add_up_is_refused() {
        let json = results().to_json().replace("\"lost\": -1", "\"lost\": 9");
        let error = Results::from_json(&json).unwrap_err().to_string();
        assert_eq!(error, "lost is 9, but the counts leave -1");
    }

    #[test_case("" ; "nothing")]
    #[test_case("{}" ; "no runs")]
    #[test_case(r#"{"runs": [{"kernel": "6.12"}]}"# ; "half a run")]
    fn incomplete_json_is_an_error(json: &str) {
        assert!(Results::from_json(json).is_err());
    }
}
