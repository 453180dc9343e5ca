// SPDX-License-Identifier: GPL-2.0-only
//! Claims as questions to the prober.

use nmissed_kimage::{Function, Image};
use nmissed_wire::{AttachMethod, AttachOutcome, ProbeBatch};
use rustc_hash::FxHashMap;

use crate::verify::claim::Claim;
use crate::verify::sample::{self, Extent};

/// Probes that are armed at the same time. More make each of them slower to
/// arm; fewer make the waiting for the optimizer longer.
const MOST_PROBES: usize = 256;
/// Functions of one kprobe.multi link.
const MOST_OF_LINK: usize = 2048;

/// The questions about one image, with the claims that they test.
#[derive(Debug)]
pub(crate) struct Questions<'i, 'a> {
    pub(crate) image: &'i Image<'a>,
    pub(crate) functions: Vec<Function>,
    /// One per batch.
    pub(crate) claims: Vec<Vec<Claim>>,
    pub(crate) batches: Vec<ProbeBatch>,
}

impl<'i, 'a> Questions<'i, 'a> {
    /// Chooses claims of an image.
    pub(crate) fn about(image: &'i Image<'a>, extent: Extent) -> Self {
        let functions = image.functions();
        let chosen = sample::choose(image, &functions, extent);
        let of_method = |method| chosen.iter().filter(move |claim| claim.method == method);
        let claims: Vec<Vec<Claim>> = AttachMethod::ALL
            .into_iter()
            .flat_map(|method| split(method, of_method(method)))
            .collect();
        let batches = claims.iter().map(|claims| batch(image, claims)).collect();
        Self {
            image,
            functions,
            claims,
            batches,
        }
    }
}

fn batch(image: &Image<'_>, claims: &[Claim]) -> ProbeBatch {
    ProbeBatch {
        method: claims[0].method,
        together: is_together(&claims[0]),
        sites: claims.iter().map(|claim| claim.site(image)).collect(),
    }
}

/// Whether a probe goes into a link with others: only what should attach does.
fn is_together(claim: &Claim) -> bool {
    is_multi(claim.method) && claim.expected() == Some(AttachOutcome::Attached)
}

fn is_multi(method: AttachMethod) -> bool {
    method == AttachMethod::KPROBE_MULTI_NAME || method == AttachMethod::KPROBE_MULTI_ADDRESS
}

/// Returns batches in which no function comes twice, since neighbouring probes
/// keep each other from being optimized.
fn split<'c>(method: AttachMethod, claims: impl Iterator<Item = &'c Claim>) -> Vec<Vec<Claim>> {
    let most = if is_multi(method) {
        MOST_OF_LINK
    } else {
        MOST_PROBES
    };
    let mut rounds = FxHashMap::<(bool, usize), Vec<Claim>>::default();
    let mut turns = FxHashMap::<u64, usize>::default();
    for claim in claims {
        let turn = turns.entry(claim.function.addr).or_default();
        let round = (is_together(claim), *turn);
        rounds.entry(round).or_default().push(*claim);
        *turn += 1;
    }
    let mut rounds: Vec<_> = rounds.into_iter().collect();
    rounds.sort_by_key(|(round, _)| *round);
    rounds
        .iter()
        .flat_map(|(_, claims)| claims.chunks(most).map(<[Claim]>::to_vec))
        .collect()
}
