// SPDX-License-Identifier: GPL-2.0-only
//! How a test, or a machine, ended.

use serde::{Deserialize, Serialize};

/// How a test, or the machine under it, ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome", content = "why")]
pub enum Outcome {
    /// Every check held.
    Pass,
    /// A check did not hold; the text is what the test printed.
    Fail(String),
    /// The kernel lacks what the test needs; the text names the option or
    /// symbol. Only on kernels that nmissed did not configure.
    Skip(String),
    /// The kernel crashed while the test ran; the text is the first line of
    /// the report on the console.
    Crash(String),
    /// The test, or the kernel under it, did not end before its deadline.
    Hang(String),
    /// The machine went away without a word of the kernel.
    LostVm(String),
    /// The host could not do its part. Never evidence.
    Infra(String),
}

impl Default for Outcome {
    /// Returns the outcome of what was never started.
    fn default() -> Self {
        Self::Infra("not run".to_owned())
    }
}

impl Outcome {
    /// Whether this outcome lets the run count as good.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Pass | Self::Skip(_))
    }

    /// Whether this outcome speaks against the kernel or the test. What the
    /// host could not do is no evidence.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        !self.is_good() && !matches!(self, Self::Infra(_))
    }

    /// The one-word name that tables and `results.json` use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail(_) => "fail",
            Self::Skip(_) => "skip",
            Self::Crash(_) => "crash",
            Self::Hang(_) => "hang",
            Self::LostVm(_) => "lost-vm",
            Self::Infra(_) => "infra",
        }
    }

    /// Why, where there is more to say than the name.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Pass => None,
            Self::Fail(why)
            | Self::Skip(why)
            | Self::Crash(why)
            | Self::Hang(why)
            | Self::LostVm(why)
            | Self::Infra(why) => Some(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case(Outcome::Pass, r#"{"outcome":"pass"}"#)]
    #[test_case(Outcome::Fail("x".into()), r#"{"outcome":"fail","why":"x"}"#)]
    #[test_case(Outcome::Skip("x".into()), r#"{"outcome":"skip","why":"x"}"#)]
    #[test_case(Outcome::Crash("x".into()), r#"{"outcome":"crash","why":"x"}"#)]
    #[test_case(Outcome::Hang("x".into()), r#"{"outcome":"hang","why":"x"}"#)]
    #[test_case(Outcome::LostVm("x".into()), r#"{"outcome":"lost-vm","why":"x"}"#)]
    #[test_case(Outcome::Infra("x".into()), r#"{"outcome":"infra","why":"x"}"#)]
    fn an_outcome_is_a_plain_string(outcome: Outcome, json: &str) {
        assert_eq!(serde_json::to_string(&outcome).unwrap(), json);
        assert_eq!(serde_json::from_str::<Outcome>(json).unwrap(), outcome);
        assert!(json.contains(&format!("\"{}\"", outcome.name())));
    }
}
