// SPDX-License-Identifier: GPL-2.0-only
//! Two images: functions gained, lost and renamed, and changed answers.
//!
//! Functions are compared by name. Those that are freed after boot, padding,
//! parts of functions (`.cold`, `.part.0`) and the trampolines of static calls
//! are left out: they are no targets of probes.

use std::collections::BTreeMap;
use std::mem::discriminant;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

use nmissed_wire::AttachType;

use crate::facts::functions::base_name;
use crate::{ATTACH_TYPES, About, Answer, Function, Image};

/// Differences of another image. Names are sorted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// The path of the other file, as given.
    pub file: String,
    /// Release, layers and symbols of the other image.
    #[serde(flatten)]
    pub about: About,
    /// Functions that only the other image has.
    pub gained: Vec<String>,
    /// Functions that the other image does not have.
    pub lost: Vec<String>,
    /// Functions that the other image has under names with another suffix.
    pub renamed: Vec<Renamed>,
    /// Names of one symbol, which are those of several in the other image.
    pub ambiguous: Vec<String>,
    /// Names of several symbols, which are those of one in the other image.
    pub unambiguous: Vec<String>,
    /// Functions whose answer differs: those that are the only ones of their name in
    /// both images.
    #[serde(serialize_with = "crate::report::json::map")]
    pub changed: Vec<(AttachType, Vec<AnswerChange>)>,
}

/// A function whose name got, lost or changed its suffix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Renamed {
    /// The name in this image.
    pub from: String,
    /// What the other image has instead.
    pub to: Vec<String>,
}

/// Functions whose answer changed in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AnswerChange {
    /// The answer in this image.
    pub from: Answer,
    /// The answer in the other image.
    pub to: Answer,
    /// Names of the functions, sorted.
    pub functions: Vec<String>,
}

/// The compared properties of a name.
struct Named {
    copies: u32,
    answers: [Answer; ATTACH_TYPES.len()],
}

type Names<'i> = BTreeMap<&'i str, Named>;

impl Image<'_> {
    /// Compares with another image, which `file` and `about` are of. If there
    /// are names in `only`, functions of other names (but for the suffix) are
    /// left out.
    #[must_use]
    pub fn diff(&self, other: &Image<'_>, file: String, about: About, only: &[&str]) -> Diff {
        let (old, new) = (self.names(only), other.names(only));
        let gone = missing_from(&new, &old);
        let mut come = missing_from(&old, &new);
        let (renamed, lost) = renamed(&gone, &come);
        let again: FxHashSet<&str> = renamed.iter().map(|it| base_name(&it.from)).collect();
        come.retain(|name| !again.contains(base_name(name)));
        let both = || {
            old.iter()
                .filter_map(|(name, old)| Some((*name, old, new.get(name)?)))
        };
        let where_copies = |test: fn(u32, u32) -> bool| {
            both()
                .filter(|(_, old, new)| test(old.copies, new.copies))
                .map(|(name, ..)| name.to_owned())
                .collect()
        };
        Diff {
            file,
            about,
            gained: come.into_iter().map(str::to_owned).collect(),
            lost,
            renamed,
            ambiguous: where_copies(|old, new| old == 1 && new > 1),
            unambiguous: where_copies(|old, new| old > 1 && new == 1),
            changed: changed(both().filter(|(_, old, new)| old.copies == 1 && new.copies == 1)),
        }
    }

    fn names(&self, only: &[&str]) -> Names<'_> {
        let mut names = Names::new();
        for function in &self.functions() {
            let name = self.name(function);
            let wanted = only.is_empty() || only.iter().any(|it| base_name(it) == base_name(name));
            if wanted && self.is_whole(function) {
                names.entry(name).or_insert_with(|| Named {
                    copies: function.copies,
                    answers: self.answers(function),
                });
            }
        }
        names
    }

    fn is_whole(&self, function: &Function) -> bool {
        let part = |suffix: &str| suffix.contains(".cold") || suffix.contains(".part.");
        let name = self.name(function);
        !function.region.is_freed()
            && !self.is_preamble(function.symbol as usize)
            && !self.suffix(function).is_some_and(part)
            // The assembler's local labels, and static_call.h's trampolines.
            && !name.starts_with('.')
            && !name.starts_with("__SCT__")
    }
}

fn missing_from<'i>(these: &Names<'_>, all: &Names<'i>) -> Vec<&'i str> {
    let missing = all.keys().filter(|name| !these.contains_key(**name));
    missing.copied().collect()
}

/// Splits `gone` into names that have come again with another suffix, and lost ones.
fn renamed(gone: &[&str], come: &[&str]) -> (Vec<Renamed>, Vec<String>) {
    let mut by_base = FxHashMap::<&str, Vec<&str>>::default();
    for name in come {
        by_base.entry(base_name(name)).or_default().push(name);
    }
    let (mut renamed, mut lost) = (Vec::new(), Vec::new());
    for name in gone {
        match by_base.get(base_name(name)) {
            Some(names) => renamed.push(Renamed {
                from: (*name).to_owned(),
                to: names.iter().map(|to| (*to).to_owned()).collect(),
            }),
            None => lost.push((*name).to_owned()),
        }
    }
    (renamed, lost)
}

/// Groups what changed, the most frequent change first.
fn changed<'n>(
    both: impl Iterator<Item = (&'n str, &'n Named, &'n Named)>,
) -> Vec<(AttachType, Vec<AnswerChange>)> {
    let mut groups = ATTACH_TYPES.map(|_| FxHashMap::<(Answer, Answer), Vec<String>>::default());
    for (name, old, new) in both {
        for (at, group) in groups.iter_mut().enumerate() {
            let (from, to) = (old.answers[at], new.answers[at]);
            if is_change(from, to) {
                group.entry((from, to)).or_default().push(name.to_owned());
            }
        }
    }
    let changes = groups.map(|group| {
        let mut changes: Vec<AnswerChange> = group
            .into_iter()
            .map(|((from, to), functions)| AnswerChange {
                from,
                to,
                functions,
            })
            .collect();
        changes.sort_by(|a, b| {
            (b.functions.len(), &a.functions).cmp(&(a.functions.len(), &b.functions))
        });
        changes
    });
    ATTACH_TYPES.into_iter().zip(changes).collect()
}

/// Whether the flavor differs, or yes, no and depends do; a different reason alone is
/// no change.
fn is_change(from: Answer, to: Answer) -> bool {
    match (from, to) {
        (Answer::Yes(from), Answer::Yes(to)) => from.flavor() != to.flavor(),
        _ => discriminant(&from) != discriminant(&to),
    }
}
