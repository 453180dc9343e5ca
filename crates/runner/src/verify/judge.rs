// SPDX-License-Identifier: GPL-2.0-only
//! The prober's replies, compared with the claims.

use std::cmp::Reverse;

use nmissed_wire::{AttachMethod, AttachOutcome, KernelList, ProberReply};
use rustc_hash::FxHashMap;

use crate::verify::claim::{Claim, ClaimKind};
use crate::verify::lists;
use crate::verify::questions::Questions;
use crate::verify::report::{KindReport, ListReport, Unanswered, VerifyReport, WrongAnswer, word};

/// Compares what the image says with what the kernel did.
pub(crate) fn judge(
    questions: &Questions<'_, '_>,
    kernel: &str,
    release: &str,
    replies: &[ProberReply],
) -> VerifyReport {
    let batches = batches(replies);
    let mut kinds = FxHashMap::<ClaimKind, KindReport>::default();
    let mut unanswered = Vec::new();
    for (index, claims) in questions.claims.iter().enumerate() {
        let outcomes = batches.get(&index).copied().unwrap_or_default();
        if outcomes.len() == claims.len() {
            for (claim, outcome) in claims.iter().zip(outcomes) {
                compare(questions, claim, *outcome, &mut kinds);
            }
        } else {
            let places = claims.iter().map(|claim| claim.place(questions.image));
            unanswered.push(Unanswered {
                method: claims[0].method.name(),
                places: places.collect(),
            });
        }
    }
    VerifyReport {
        kernel: kernel.to_owned(),
        release: release.to_owned(),
        functions: questions.functions.len(),
        lists: KernelList::ALL
            .map(|list| compare_list(questions, list, replies))
            .into(),
        compared: sorted(kinds),
        unanswered,
        cut_short: false,
    }
}

fn batches(replies: &[ProberReply]) -> FxHashMap<usize, &[AttachOutcome]> {
    let batches = replies.iter().filter_map(|reply| match reply {
        ProberReply::Batch { batch, outcomes } => Some((*batch, outcomes.as_slice())),
        ProberReply::List { .. } | ProberReply::NoList { .. } => None,
    });
    batches.collect()
}

fn compare(
    questions: &Questions<'_, '_>,
    claim: &Claim,
    outcome: AttachOutcome,
    kinds: &mut FxHashMap<ClaimKind, KindReport>,
) {
    let kind = claim.kind();
    let report = kinds.entry(kind).or_insert_with(|| KindReport {
        kind,
        asked: 0,
        confirmed: 0,
        depends: Vec::new(),
        wrong: Vec::new(),
    });
    report.asked += 1;
    match claim.expected() {
        None => count(&mut report.depends, outcome),
        Some(expected) if expected == outcome => report.confirmed += 1,
        Some(expected) => report.wrong.push(WrongAnswer {
            place: claim.place(questions.image),
            method: kind.method_name(),
            expected: with_reason(word(expected), claim),
            outcome: word(outcome),
        }),
    }
}

fn with_reason(word: String, claim: &Claim) -> String {
    match claim.answer.reason() {
        Some(reason) => format!("{word} ({reason})"),
        None => word,
    }
}

fn count(outcomes: &mut Vec<(AttachOutcome, usize)>, outcome: AttachOutcome) {
    match outcomes.iter_mut().find(|(other, _)| *other == outcome) {
        Some((_, count)) => *count += 1,
        None => outcomes.push((outcome, 1)),
    }
}

/// A list ends with an empty part; without that not all of it was read.
fn compare_list(
    questions: &Questions<'_, '_>,
    wanted: KernelList,
    replies: &[ProberReply],
) -> ListReport {
    let mut all = Vec::new();
    for reply in replies {
        match reply {
            ProberReply::NoList { absent } if *absent == wanted => {
                return ListReport::without(wanted, true);
            }
            ProberReply::List { list, lines } if *list == wanted && lines.is_empty() => {
                return lists::compare(questions.image, &questions.functions, wanted, &all);
            }
            ProberReply::List { list, lines } if *list == wanted => {
                all.extend(lines.iter().map(String::as_str));
            }
            _ => {}
        }
    }
    ListReport::without(wanted, false)
}

/// By attach method, entries first, then the most frequent first.
fn sorted(kinds: FxHashMap<ClaimKind, KindReport>) -> Vec<KindReport> {
    let mut all: Vec<KindReport> = kinds.into_values().collect();
    let method = |kind: &ClaimKind| AttachMethod::ALL.iter().position(|it| *it == kind.method);
    all.sort_by_cached_key(|it| {
        let kind = &it.kind;
        (
            method(kind),
            !kind.entry,
            Reverse(it.asked),
            kind.answer.reason(),
        )
    });
    all
}
