// SPDX-License-Identifier: GPL-2.0-only
//! How much of each directory of the source tree can be traced.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::facts::units::{Unit, Units};
use crate::{Function, Image, Region};

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
    /// Those without one.
    pub without_call_site: usize,
    /// Those whose text is freed after boot, with a call site or not.
    pub init: usize,
    /// Those that a kprobe is refused on, since probes or entry code need them.
    pub blacklisted: usize,
}

impl Directory {
    fn count(&mut self, function: &Function, blacklisted: bool) {
        self.functions += 1;
        if function.region == Region::Init {
            self.init += 1;
        } else if has_call_site(function) {
            self.traceable += 1;
        } else {
            self.without_call_site += 1;
        }
        self.blacklisted += usize::from(blacklisted);
    }
}

/// Whether a function has a call site that is not someone else's.
pub(crate) fn has_call_site(function: &Function) -> bool {
    function.call_site.is_some() && !function.is_phantom()
}

impl Image<'_> {
    /// Counts the functions of each directory, those with the most that cannot
    /// be traced first; `None` without DWARF.
    pub(crate) fn directories(&self, functions: &[Function]) -> Option<Vec<Directory>> {
        let units = self.units()?;
        let mut directories = BTreeMap::<Option<&str>, Directory>::new();
        for function in functions {
            let directory = units.unit_of(function).map(Unit::directory);
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

impl Units {
    /// The file that a function comes from.
    pub(crate) fn unit_of(&self, function: &Function) -> Option<&Unit> {
        self.at(function.addr).map(|unit| &self.units[unit])
    }
}
