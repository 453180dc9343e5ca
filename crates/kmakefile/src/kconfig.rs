// SPDX-License-Identifier: GPL-2.0-only
//! What a kernel was configured with, as far as that is known.

use rustc_hash::FxHashMap;

/// Values of `CONFIG_` symbols.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kconfig {
    values: FxHashMap<String, String>,
    /// Whether a symbol that is not listed is off, and not merely unknown.
    whole: bool,
}

impl Kconfig {
    /// Reads a `.config`, in which symbols that are missing are off.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let assigned = text.lines().filter_map(|line| line.split_once('='));
        let symbols = assigned.filter(|(name, _)| name.starts_with("CONFIG_"));
        Self {
            values: symbols
                .map(|(name, value)| (name.to_owned(), value.trim_end().to_owned()))
                .collect(),
            whole: true,
        }
    }

    /// Some symbols that are on; all others are unknown.
    pub fn partial<'s>(on: impl IntoIterator<Item = &'s str>) -> Self {
        let values = on.into_iter().map(|name| (name.to_owned(), "y".to_owned()));
        Self {
            values: values.collect(),
            whole: false,
        }
    }

    /// The value of a symbol, as make sees it: empty if the symbol is off;
    /// `None` if that is not known.
    #[must_use]
    pub fn value(&self, symbol: &str) -> Option<&str> {
        let value = self.values.get(symbol).map(String::as_str);
        value.or(self.whole.then_some(""))
    }
}
