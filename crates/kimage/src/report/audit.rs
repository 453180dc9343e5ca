// SPDX-License-Identifier: GPL-2.0-only
//! Whether the objects of an image have call sites where the Makefiles say so,
//! and only there.

use std::collections::BTreeMap;

use nmissed_kmakefile::{Action, FlagLine, Makefiles, SourceLine, Tri, Unread};
use serde::Serialize;

use crate::facts::units::{Unit, Units};
use crate::{Function, Image, Region};

/// Makefiles compared with an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// The source tree, as given.
    pub tree: String,
    /// Where the configuration comes from.
    pub config: String,
    /// How many files were read.
    pub files: usize,
    /// Lines that take the flag away, give it, or keep it in a variable.
    pub lines: Vec<FlagLine>,
    /// Lines that were not understood.
    pub unread: Vec<Unread>,
    /// How many objects there are of each kind; `None` without DWARF, by
    /// which objects are found.
    pub totals: Option<Totals>,
    /// The objects of the image, in the order of their paths.
    pub objects: Vec<ObjectAudit>,
}

/// How many objects there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// [`Found::Traced`].
    pub traced: usize,
    /// [`Found::NotTraced`].
    pub not_traced: usize,
    /// [`Found::Leak`].
    pub leaks: usize,
    /// [`Found::Lost`].
    pub lost: usize,
    /// [`Found::Exempt`].
    pub exempt: usize,
    /// [`Found::NotKnown`].
    pub not_known: usize,
    /// [`Found::NotC`].
    pub not_c: usize,
    /// [`Found::Empty`].
    pub empty: usize,
}

/// The result of comparing an object with the Makefiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// Has call sites, and the flag.
    Traced,
    /// Has neither call sites nor the flag.
    NotTraced,
    /// Has call sites, though the flag is taken away.
    Leak,
    /// Has no call site, though nothing takes the flag away.
    Lost,
    /// The same, and each function has a reason: `noinstr`, entry code, a part
    /// of another one.
    Exempt,
    /// The configuration that decides is not known.
    NotKnown,
    /// Assembly or Rust: the flag is gcc's and clang's.
    NotC,
    /// Has no function in the image.
    Empty,
}

/// An object of the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ObjectAudit {
    /// Its source file, relative to the source tree.
    pub source: String,
    /// The result of the comparison.
    pub found: Found,
    /// Whether it has the flag, by the Makefiles.
    pub flag: Tri,
    /// Whether it was compiled with it, by DWARF; `None` if
    /// the compiler, unlike gcc, does not record its options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compiled_with: Option<bool>,
    /// How many functions it has.
    pub functions: usize,
    /// How many of them have a call site.
    pub with_call_site: usize,
    /// How many of the rest never have one: `noinstr`, entry code, parts.
    pub exempt: usize,
    /// Names of the functions that contradict the Makefiles: with a call site in a
    /// leak, without one where nothing removes the flag.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unexpected: Vec<String>,
    /// The lines that take the flag away, or may.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed_by: Vec<SourceLine>,
}

impl ObjectAudit {
    /// Its path: what the Makefiles call it, up to the suffix.
    #[must_use]
    pub fn object(&self) -> String {
        format!("{}.o", stem(&self.source))
    }

    /// Whether Makefiles and compiler disagree: the Makefiles were misread, or
    /// are of another kernel.
    #[must_use]
    pub fn is_misread(&self) -> bool {
        match (self.flag, self.compiled_with) {
            (Tri::Unknown, _) | (_, None) => false,
            (flag, Some(with)) => flag != Tri::from(with),
        }
    }

    fn count(&mut self, image: &Image<'_>, function: &Function) {
        self.functions += 1;
        if function.has_own_call_site() {
            self.with_call_site += 1;
        } else if image.is_exempt(function) {
            self.exempt += 1;
        }
    }

    fn is_unexpected(&self, image: &Image<'_>, function: &Function) -> bool {
        match self.found {
            Found::Leak => function.has_own_call_site(),
            Found::Lost => !image.is_exempt(function),
            _ => false,
        }
    }

    fn compare(&self) -> Found {
        let traced = self.with_call_site > 0;
        match self.flag {
            _ if !self.source.ends_with(".c") => Found::NotC,
            _ if self.functions == 0 => Found::Empty,
            Tri::Yes if traced => Found::Traced,
            Tri::No if traced => Found::Leak,
            Tri::No => Found::NotTraced,
            Tri::Yes if self.exempt == self.functions => Found::Exempt,
            Tri::Yes => Found::Lost,
            Tri::Unknown => Found::NotKnown,
        }
    }
}

impl Audit {
    /// The lines that do something of a kind.
    pub fn of(&self, action: Action) -> impl Iterator<Item = &FlagLine> {
        self.lines.iter().filter(move |it| it.action == action)
    }

    /// The objects of a kind.
    pub fn objects_of(&self, found: Found) -> impl Iterator<Item = &ObjectAudit> {
        self.objects.iter().filter(move |it| it.found == found)
    }

    /// The objects that a line takes the flag away from.
    pub fn objects_by<'s>(&'s self, change: &'s FlagLine) -> impl Iterator<Item = &'s ObjectAudit> {
        let by = |it: &&ObjectAudit| it.removed_by.contains(&change.place);
        self.objects.iter().filter(by)
    }
}

impl Totals {
    fn of(objects: &[ObjectAudit]) -> Self {
        let count = |found| objects.iter().filter(|it| it.found == found).count();
        Self {
            traced: count(Found::Traced),
            not_traced: count(Found::NotTraced),
            leaks: count(Found::Leak),
            lost: count(Found::Lost),
            exempt: count(Found::Exempt),
            not_known: count(Found::NotKnown),
            not_c: count(Found::NotC),
            empty: count(Found::Empty),
        }
    }
}

impl Image<'_> {
    /// Compares Makefiles with the image. `tree`, `config` and `files` are for the
    /// report only.
    #[must_use]
    pub fn audit(
        &self,
        functions: &[Function],
        makefiles: &Makefiles,
        tree: String,
        config: String,
        files: usize,
    ) -> Audit {
        let objects = self.objects(functions, makefiles);
        Audit {
            tree,
            config,
            files,
            lines: makefiles.lines().to_vec(),
            unread: makefiles.unread().to_vec(),
            totals: objects.as_deref().map(Totals::of),
            objects: objects.unwrap_or_default(),
        }
    }

    fn objects(&self, functions: &[Function], makefiles: &Makefiles) -> Option<Vec<ObjectAudit>> {
        let units = self.units()?;
        let mut objects = BTreeMap::new();
        for unit in &units.units {
            objects
                .entry(unit.path.as_str())
                .or_insert_with(|| object(unit, makefiles));
        }
        for function in functions {
            if let Some(object) = self.object_of(function, &units, &mut objects) {
                object.count(self, function);
            }
        }
        for object in objects.values_mut() {
            object.found = object.compare();
        }
        for function in functions {
            if let Some(object) = self.object_of(function, &units, &mut objects)
                && object.is_unexpected(self, function)
            {
                object.unexpected.push(self.name(function).to_owned());
            }
        }
        Some(objects.into_values().collect())
    }

    fn object_of<'o>(
        &self,
        function: &Function,
        units: &Units,
        objects: &'o mut BTreeMap<&str, ObjectAudit>,
    ) -> Option<&'o mut ObjectAudit> {
        let unit = units.at(function.addr)?;
        let counts = !self.is_preamble(function.symbol as usize);
        counts
            .then(|| objects.get_mut(unit.path.as_str()))
            .flatten()
    }

    /// Whether a function never has a call site, however it is compiled.
    fn is_exempt(&self, function: &Function) -> bool {
        matches!(function.region, Region::Noinstr | Region::Entry)
            || self
                .suffix(function)
                .is_some_and(|it| it.starts_with(".cold"))
    }
}

fn object(unit: &Unit, makefiles: &Makefiles) -> ObjectAudit {
    let (flag, mut removed_by) = makefiles.flag_of(stem(&unit.path));
    if flag == Tri::Yes {
        // AttachAnswer again.
        removed_by.clear();
    }
    ObjectAudit {
        source: unit.path.clone(),
        found: Found::Empty,
        flag,
        compiled_with: unit.pg,
        functions: 0,
        with_call_site: 0,
        exempt: 0,
        unexpected: Vec::new(),
        removed_by,
    }
}

/// A path without its suffix.
fn stem(source: &str) -> &str {
    source.rsplit_once('.').map_or(source, |(stem, _)| stem)
}
