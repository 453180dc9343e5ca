// SPDX-License-Identifier: GPL-2.0-only
//! How much of each directory of the source tree can be traced.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::facts::units::Unit;
use crate::{Function, Image};

/// The functions of one directory. `functions` is the sum of `traceable`,
/// `without_call_site` and `init`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Directory {
    /// Relative to the source tree; `None` is for functions of no file that
    /// DWARF has: labels of the linker script, assembly without line numbers.
    pub directory: Option<String>,
    /// How many there are, aliases included.
    pub functions: usize,
    /// Those with a call site of their own.
    pub traceable: usize,
    /// Those without a call site of their own.
    pub without_call_site: usize,
    /// Those whose text is freed after boot, with a call site or not.
    pub init: usize,
    /// Those that a kprobe is refused on, since probes or entry code need them.
    pub blacklisted: usize,
}

impl Directory {
    fn count(&mut self, function: &Function, blacklisted: bool) {
        self.functions += 1;
        if function.region.is_freed() {
            self.init += 1;
        } else if function.has_own_call_site() {
            self.traceable += 1;
        } else {
            self.without_call_site += 1;
        }
        self.blacklisted += usize::from(blacklisted);
    }
}

impl Image<'_> {
    /// Counts the functions of each directory, those with the most that cannot
    /// be traced first; `None` without DWARF.
    pub(crate) fn directories(&self, functions: &[Function]) -> Option<Vec<Directory>> {
        let units = self.units()?;
        let mut directories = BTreeMap::<Option<&str>, Directory>::new();
        for function in functions {
            let directory = units.at(function.addr).map(Unit::directory);
            let counts = directories.entry(directory).or_default();
            counts.count(function, self.is_blacklisted(function));
        }
        let mut directories: Vec<Directory> = directories
            .into_iter()
            .map(|(directory, counts)| Directory {
                directory: directory.map(str::to_owned),
                ..counts
            })
            .collect();
        directories.sort_by_key(|it| Reverse(it.without_call_site));
        Some(directories)
    }
}
