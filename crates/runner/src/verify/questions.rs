// SPDX-License-Identifier: GPL-2.0-only
//! Claims as questions.

use nmissed_kimage::{Function, Image};
use nmissed_wire::{AttachMethod, AttachOutcome, ProbeBatch};
use rustc_hash::FxHashMap;

use crate::verify::claim::Claim;
use crate::verify::sample;

/// Probes that are armed at the same time. More make each of them slower to
/// arm; fewer make the waiting for the optimizer longer.
const BATCH: usize = 256;
/// Functions of one link.
const LINK: usize = 2048;

/// How much to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// That many claims of each kind.
    PerKind(usize),
    /// Every function by every way, and an offset of each kind in each.
    Exhaustive,
}

/// What is asked, and what is promised.
#[derive(Debug)]
pub(crate) struct Plan<'i, 'a> {
    pub(crate) image: &'i Image<'a>,
    pub(crate) functions: Vec<Function>,
    /// One per batch.
    pub(crate) claims: Vec<Vec<Claim>>,
    batches: Vec<ProbeBatch>,
}

impl<'i, 'a> Plan<'i, 'a> {
    /// Chooses claims of an image.
    #[must_use]
    pub(crate) fn of(image: &'i Image<'a>, extent: Extent) -> Self {
        let functions = image.functions();
        let chosen = sample::choose(image, &functions, extent);
        let claims: Vec<Vec<Claim>> = AttachMethod::ALL
            .into_iter()
            .flat_map(|way| split(way, chosen.iter().filter(|claim| claim.way == way)))
            .collect();
        let batches = claims.iter().map(|claims| batch(image, claims)).collect();
        Self {
            image,
            functions,
            claims,
            batches,
        }
    }

    /// The questions for the guest.
    #[must_use]
    pub(crate) fn batches(&self) -> &[ProbeBatch] {
        &self.batches
    }
}

fn batch(image: &Image<'_>, claims: &[Claim]) -> ProbeBatch {
    ProbeBatch {
        method: claims[0].way,
        together: is_multi(claims[0].way) && is_promised(&claims[0]),
        sites: claims.iter().map(|claim| claim.spot(image)).collect(),
    }
}

fn is_multi(way: AttachMethod) -> bool {
    matches!(
        way,
        AttachMethod::KPROBE_MULTI_NAME | AttachMethod::KPROBE_MULTI_ADDRESS
    )
}

/// Whether it should attach.
fn is_promised(claim: &Claim) -> bool {
    claim.expected() == Some(AttachOutcome::Attached)
}

/// Batches in which no function comes twice, since neighbouring probes keep
/// each other from being optimized; links hold only what should attach.
fn split<'c>(way: AttachMethod, claims: impl Iterator<Item = &'c Claim>) -> Vec<Vec<Claim>> {
    let most = if is_multi(way) { LINK } else { BATCH };
    let mut rounds = FxHashMap::<(bool, usize), Vec<Claim>>::default();
    let mut turns = FxHashMap::<u64, usize>::default();
    for claim in claims {
        let turn = turns.entry(claim.function.addr).or_default();
        let together = is_multi(way) && is_promised(claim);
        rounds.entry((together, *turn)).or_default().push(*claim);
        *turn += 1;
    }
    let mut rounds: Vec<_> = rounds.into_iter().collect();
    rounds.sort_by_key(|(round, _)| *round);
    rounds
        .iter()
        .flat_map(|(_, claims)| claims.chunks(most).map(<[Claim]>::to_vec))
        .collect()
}
