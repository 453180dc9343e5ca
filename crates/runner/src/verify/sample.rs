// SPDX-License-Identifier: GPL-2.0-only
//! Which claims are tested.

use std::hash::Hasher;

use nmissed_kimage::{Function, Image};
use nmissed_wire::AttachMethod;
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};

use crate::verify::claim::{Claim, ClaimKind};

/// Spreads small numbers over all bits.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// How much to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// That many claims of each kind.
    PerKind(usize),
    /// Every function by every method, and in each an offset of each kind.
    Exhaustive,
}

/// Chooses claims, sorted by method.
pub(crate) fn choose(image: &Image<'_>, functions: &[Function], extent: Extent) -> Vec<Claim> {
    let mut sample = Sample::new(extent);
    for function in functions {
        let hash = hash(image.name(function));
        for claim in Claim::at_entry(image, *function) {
            sample.offer(hash, claim);
        }
    }
    for function in functions.chunk_by(|a, b| a.addr == b.addr) {
        // Aliases share their instructions.
        offer_offsets(image, function[0], &mut sample);
    }
    sample.into_claims()
}

/// Offers one offset of each kind in a function: the first.
fn offer_offsets(image: &Image<'_>, function: Function, sample: &mut Sample) {
    let hash = hash(image.name(&function));
    let offsets = offsets(image, &function);
    let answers = image.kprobes_at(&function, &offsets);
    let mut seen = FxHashSet::default();
    for (offset, answer) in offsets.into_iter().zip(answers) {
        let claim = Claim {
            method: AttachMethod::KPROBE,
            function,
            offset,
            answer,
        };
        if seen.insert(claim.kind()) {
            sample.offer(hash ^ offset.wrapping_mul(GOLDEN), claim);
        }
    }
}

/// Returns where instructions start, and one offset inside an instruction.
fn offsets(image: &Image<'_>, function: &Function) -> Vec<u64> {
    let entry = function.entry() - function.addr;
    let sites = image.sites(function);
    let starts = sites.iter().map(|site| u64::from(site.offset));
    let mut all: Vec<u64> = starts.filter(|at| *at != 0 && *at != entry).collect();
    let long = sites.iter().rev().find(|site| site.len > 1);
    all.extend(long.map(|site| u64::from(site.offset) + 1));
    all
}

/// Claims by kind: all of them, or those with the lowest hashes.
struct Sample {
    most: usize,
    kinds: FxHashMap<ClaimKind, Vec<(u64, Claim)>>,
}

impl Sample {
    fn new(extent: Extent) -> Self {
        let most = match extent {
            Extent::PerKind(most) => most,
            Extent::Exhaustive => usize::MAX,
        };
        Self {
            most,
            kinds: FxHashMap::default(),
        }
    }

    fn offer(&mut self, hash: u64, claim: Claim) {
        let claims = self.kinds.entry(claim.kind()).or_default();
        claims.push((hash, claim));
        if claims.len() >= self.most.saturating_mul(8) {
            Self::cut(claims, self.most);
        }
    }

    fn cut(claims: &mut Vec<(u64, Claim)>, most: usize) {
        claims.sort_by_key(|(hash, _)| *hash);
        claims.truncate(most);
    }

    fn into_claims(mut self) -> Vec<Claim> {
        for claims in self.kinds.values_mut() {
            Self::cut(claims, self.most);
        }
        let mut all: Vec<_> = self.kinds.into_values().flatten().collect();
        all.sort_by_key(|(hash, claim)| (claim.method.name(), *hash, claim.function.addr));
        all.into_iter().map(|(_, claim)| claim).collect()
    }
}

/// The same on every machine and for every kernel, so that functions which two
/// kernels share are asked about in both.
fn hash(name: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(name.as_bytes());
    hasher.finish()
}
