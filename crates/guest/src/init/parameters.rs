// SPDX-License-Identifier: GPL-2.0-only
//! The kernel parameters for PID 1 and the tests.

use std::fs;

use anyhow::{Context, Result};
use nmissed_wire::PARAMETER_PREFIX;

/// Key and value of each `nmissed.<key>=<value>`, in order.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn of_this_boot() -> Result<Self> {
        let line = fs::read_to_string("/proc/cmdline").context("cannot read /proc/cmdline")?;
        Ok(Self::parse(&line))
    }

    fn parse(line: &str) -> Self {
        let pair = |word: &str| {
            let (key, value) = word.strip_prefix(PARAMETER_PREFIX)?.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        };
        Self(line.split_whitespace().filter_map(pair).collect())
    }

    /// Returns the last value of a key, as the kernel does for its own parameters.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the environment variables of the tests: `NMISSED_<KEY>` for each key.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let name = |key: &str| format!("NMISSED_{}", key.to_uppercase().replace('-', "_"));
        self.0
            .iter()
            .map(|(key, value)| (name(key), value.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        "console=ttyS0 nmissed.kernel=6.12 nmissed.variant=a nmissed.x nmissed.variant=b=c quiet\n";

    #[test]
    fn the_last_value_of_a_key_counts() {
        let parameters = Parameters::parse(LINE);
        assert_eq!(parameters.get("kernel"), Some("6.12"));
        assert_eq!(parameters.get("variant"), Some("b=c"));
        assert_eq!(parameters.get("x"), None);
    }

    #[test]
    fn each_key_is_a_variable_of_the_tests() {
        let environment = Parameters::parse("nmissed.kernel=6.12 nmissed.dash-ed=1").environment();
        let expected = [("NMISSED_KERNEL", "6.12"), ("NMISSED_DASH_ED", "1")];
        assert_eq!(
            environment,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
