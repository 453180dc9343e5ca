// SPDX-License-Identifier: GPL-2.0-only
//! What the host said on the kernel command line.

use std::fs;

use anyhow::{Context, Result};
use nmissed_wire::PARAMETER_PREFIX;

/// The `nmissed.<key>=<value>` parameters, in order.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn of_this_boot() -> Result<Self> {
        let line = fs::read_to_string("/proc/cmdline").context("cannot read /proc/cmdline")?;
        Ok(Self::parse(&line))
    }

    fn parse(line: &str) -> Self {
        let ours = line
            .split_whitespace()
            .filter_map(|word| word.strip_prefix(PARAMETER_PREFIX)?.split_once('='));
        Self(
            ours.map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    /// The value of a key; the last one counts, as it does for the kernel.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }

    /// What each test gets: `NMISSED_<KEY>` per key.
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
    fn the_last_of_a_key_counts() {
        let parameters = Parameters::parse(LINE);
        assert_eq!(parameters.get("kernel"), Some("6.12"));
        assert_eq!(parameters.get("variant"), Some("b=c"));
        assert_eq!(parameters.get("x"), None);
    }

    #[test]
    fn every_key_becomes_a_variable() {
        let environment = Parameters::parse("nmissed.kernel=6.12 nmissed.dash-ed=1").environment();
        let expected = [("NMISSED_KERNEL", "6.12"), ("NMISSED_DASH_ED", "1")];
        assert_eq!(
            environment,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
