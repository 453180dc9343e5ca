// SPDX-License-Identifier: GPL-2.0-only
//! Answers held against claims.

use std::cmp::Reverse;

use nmissed_kimage::Image;
use nmissed_wire::{AttachMethod, AttachOutcome, KernelList, ProberReply};
use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::verify::claim::{Claim, Kind};
use crate::verify::lists;
use crate::verify::questions::Plan;
use crate::verify::report::{Compared, Disagreement, ListReport, VerifyReport, word};

/// A batch that the kernel did not live to answer, or had no time for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Unanswered {
    /// How it was to be attached.
    pub(crate) way: &'static str,
    /// Where: `SYMBOL` or `SYMBOL+0xOFFSET`.
    pub(crate) places: Vec<String>,
}

impl Plan<'_, '_> {
    /// Compares what the image promises with what the kernel answered.
    #[must_use]
    pub(crate) fn judge(
        &self,
        kernel: &str,
        release: &str,
        answers: &[ProberReply],
    ) -> VerifyReport {
        let batches = batches(answers);
        let mut kinds = FxHashMap::<Kind, Compared>::default();
        let mut unanswered = Vec::new();
        for (index, claims) in self.claims.iter().enumerate() {
            match batches
                .get(&index)
                .filter(|seen| seen.len() == claims.len())
            {
                Some(seen) => compare_all(self.image, claims, seen, &mut kinds),
                None => unanswered.push(self.unanswered(claims)),
            }
        }
        VerifyReport {
            kernel: kernel.to_owned(),
            release: release.to_owned(),
            functions: self.functions.len(),
            lists: self.lists(answers),
            compared: in_order(kinds),
            unanswered,
            cut_short: false,
        }
    }

    fn unanswered(&self, claims: &[Claim]) -> Unanswered {
        Unanswered {
            way: claims[0].way.name(),
            places: claims
                .iter()
                .map(|claim| place(self.image, claim))
                .collect(),
        }
    }

    fn lists(&self, answers: &[ProberReply]) -> Vec<ListReport> {
        let compare = |list| match told(list, answers) {
            Told::InFull(lines) => lists::compare(self.image, &self.functions, list, &lines),
            Told::Absent => ListReport::without(list, true),
            Told::NotInFull => ListReport::without(list, false),
        };
        KernelList::ALL.into_iter().map(compare).collect()
    }
}

/// What the kernel said about a list.
enum Told<'a> {
    InFull(Vec<&'a str>),
    Absent,
    NotInFull,
}

fn told(wanted: KernelList, answers: &[ProberReply]) -> Told<'_> {
    let mut all = Vec::new();
    for answer in answers {
        match answer {
            ProberReply::NoList { absent } if *absent == wanted => return Told::Absent,
            ProberReply::List { list, lines } if *list == wanted => {
                if lines.is_empty() {
                    return Told::InFull(all);
                }
                all.extend(lines.iter().map(String::as_str));
            }
            _ => {}
        }
    }
    Told::NotInFull
}

fn batches(answers: &[ProberReply]) -> FxHashMap<usize, &[AttachOutcome]> {
    let batches = answers.iter().filter_map(|answer| match answer {
        ProberReply::Batch { batch, outcomes } => Some((*batch, outcomes.as_slice())),
        ProberReply::List { .. } | ProberReply::NoList { .. } => None,
    });
    batches.collect()
}

fn compare_all(
    image: &Image<'_>,
    claims: &[Claim],
    seen: &[AttachOutcome],
    kinds: &mut FxHashMap<Kind, Compared>,
) {
    for (claim, seen) in claims.iter().zip(seen) {
        let kind = claim.kind();
        let compared = kinds.entry(kind).or_insert_with(|| Compared {
            kind,
            asked: 0,
            agreed: 0,
            open: Vec::new(),
            disagreements: Vec::new(),
        });
        compare(image, claim, *seen, compared);
    }
}

fn compare(image: &Image<'_>, claim: &Claim, seen: AttachOutcome, compared: &mut Compared) {
    compared.asked += 1;
    match claim.expected() {
        None => count(&mut compared.open, seen),
        Some(expected) if expected == seen => compared.agreed += 1,
        Some(_) => compared.disagreements.push(Disagreement {
            place: place(image, claim),
            way: claim.kind().way_name(),
            promised: promise(claim),
            seen: word(seen),
        }),
    }
}

fn count(outcomes: &mut Vec<(AttachOutcome, usize)>, seen: AttachOutcome) {
    match outcomes.iter_mut().find(|(other, _)| *other == seen) {
        Some((_, count)) => *count += 1,
        None => outcomes.push((seen, 1)),
    }
}

/// The answer, with its reason.
fn promise(claim: &Claim) -> String {
    let label = claim.expected().map(word).unwrap_or_default();
    match claim.answer.reason() {
        Some(reason) => format!("{label} ({reason})"),
        None => label,
    }
}

fn place(image: &Image<'_>, claim: &Claim) -> String {
    let name = image.name(&claim.function);
    match claim.offset {
        0 => name.to_owned(),
        offset => format!("{name}+{offset:#x}"),
    }
}

/// By way, entries first, then the most frequent first.
fn in_order(kinds: FxHashMap<Kind, Compared>) -> Vec<Compared> {
    let mut all: Vec<Compared> = kinds.into_values().collect();
    let way = |kind: &Kind| AttachMethod::ALL.iter().position(|way| *way == kind.way);
    all.sort_by_cached_key(|it| {
        let kind = &it.kind;
        (
            way(kind),
            !kind.entry,
            Reverse(it.asked),
            kind.answer.reason(),
        )
    });
    all
}
