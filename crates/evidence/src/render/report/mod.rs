// SPDX-License-Identifier: GPL-2.0-only
//! Runs with all that is kept of them, in the forms that reviewers and machines read.

mod compare;
pub(crate) mod costs;
mod github;
mod html;
mod json;
mod junit;
mod kcidb;
mod ktap;
mod letter;
pub(crate) mod samples;
mod sentence;

pub use compare::Compared;

use nmissed_wire::Run;

use crate::model::results::Results;
use crate::model::sample::{only_costs, only_samples};
use crate::model::setup::{Files, Setup};

/// A run, its files, and how it is repeated.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What it showed.
    pub run: Run,
    /// What its folder keeps beside that.
    pub files: Files,
    /// Each option of `vm test` that selects this run (`--kernel 6.12`); none if the
    /// options are not known.
    pub options: Vec<String>,
}

/// Runs that are shown together: of each kernel the first is the reference.
#[derive(Clone, Debug)]
pub struct Report {
    evidence: Vec<Evidence>,
    setups: Vec<Setup>,
    results: Results,
}

/// The verb of `cargo xtask vm` that makes such runs.
pub(crate) fn verb(run: &Run) -> &'static str {
    match (only_samples(run), only_costs(run)) {
        (true, _) => "scene",
        (_, true) => "bench",
        _ => "test",
    }
}

impl Report {
    /// Runs in the order in which they are shown.
    #[must_use]
    pub fn of(evidence: Vec<Evidence>) -> Self {
        let runs = evidence.iter().map(|it| it.run.clone()).collect();
        Self {
            setups: evidence
                .iter()
                .map(|it| Setup::of(&it.run.made_with, &it.files))
                .collect(),
            results: Results { runs },
            evidence,
        }
    }

    /// What the runs showed.
    #[must_use]
    pub fn results(&self) -> &Results {
        &self.results
    }

    /// The command that repeats the runs of a kernel; `None` if one has no options.
    fn command(&self, kernel: &str) -> Option<String> {
        let mut options: Vec<&str> = Vec::new();
        for it in self.evidence.iter().filter(|it| it.run.kernel == kernel) {
            if it.options.is_empty() {
                return None;
            }
            let new = it.options.iter().map(String::as_str);
            options.extend(new.filter(|it| !options.contains(it)).collect::<Vec<_>>());
        }
        let of_kernel = self.results.runs.iter().find(|run| run.kernel == kernel)?;
        Some(format!(
            "cargo xtask vm {} {}",
            verb(of_kernel),
            options.join(" ")
        ))
    }
}
