// SPDX-License-Identifier: GPL-2.0-only
//! What a kernel was configured with, as far as that is known.

use std::io::Read;

use flate2::bufread::GzDecoder;
use memchr::memmem;
use rustc_hash::FxHashMap;

use crate::Image;

/// Values of `CONFIG_` symbols.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    values: FxHashMap<String, String>,
    /// Whether a symbol that is not listed is off, and not merely unknown.
    whole: bool,
}

impl Config {
    /// Reads a `.config`.
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

    /// The value of a symbol, as make sees it: empty if the symbol is off;
    /// `None` if that is not known.
    #[must_use]
    pub fn value(&self, symbol: &str) -> Option<&str> {
        let value = self.values.get(symbol).map(String::as_str);
        value.or(self.whole.then_some(""))
    }
}

impl Image<'_> {
    /// The configuration that `CONFIG_IKCONFIG` built in.
    #[must_use]
    pub fn built_in_config(&self) -> Option<Config> {
        /// More than a configuration has.
        const MOST: u64 = 4 << 20;
        const START: &[u8] = b"IKCFG_ST";
        let rodata = self.elf.section(".rodata")?.bytes;
        let packed = &rodata[memmem::find(rodata, START)? + START.len()..];
        let mut text = String::new();
        GzDecoder::new(packed)
            .take(MOST)
            .read_to_string(&mut text)
            .ok()?;
        Some(Config::parse(&text))
    }

    /// The symbols that the image itself tells of.
    #[must_use]
    pub fn implied_config(&self) -> Config {
        let mut on = vec!["CONFIG_X86", "CONFIG_X86_64", "CONFIG_64BIT"];
        if !self.tables.call_sites.is_empty() {
            on.extend([
                "CONFIG_FTRACE",
                "CONFIG_FUNCTION_TRACER",
                "CONFIG_DYNAMIC_FTRACE",
            ]);
        }
        let values = on.into_iter().map(|name| (name.to_owned(), "y".to_owned()));
        Config {
            values: values.collect(),
            whole: false,
        }
    }
}
