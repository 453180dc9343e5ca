// SPDX-License-Identifier: GPL-2.0-only
//! Counting the answers for all functions, on all processors.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustc_hash::FxHashMap;

use crate::{ATTACH_TYPES, Answer, Function, Image};

/// How often each answer was given.
pub(crate) type Tally = FxHashMap<Answer, usize>;

/// The answers for functions.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// At entries, in the order of [`ATTACH_TYPES`].
    pub(crate) entries: [Tally; ATTACH_TYPES.len()],
    /// For a `register_kprobe()` at each instruction.
    pub(crate) sites: Tally,
}

impl Counted {
    fn merge(mut self, other: Self) -> Self {
        let Self { entries, sites } = other;
        for (all, more) in self.entries.iter_mut().zip(entries) {
            add(all, more);
        }
        add(&mut self.sites, sites);
        self
    }
}

fn add(all: &mut Tally, more: impl IntoIterator<Item = (Answer, usize)>) {
    for (answer, count) in more {
        *all.entry(answer).or_default() += count;
    }
}

/// More threads than this only wait for memory.
const MOST_THREADS: usize = 8;
/// How many functions a thread takes at once: some take a thousand times as
/// long as others.
const BATCH: usize = 256;

impl Image<'_> {
    /// Counts the answers; with `sites` those for all instructions, too.
    pub(crate) fn count(&self, functions: &[Function], sites: bool) -> Counted {
        // Aliases share their instructions.
        let places: Vec<_> = functions.chunk_by(|a, b| a.addr == b.addr).collect();
        let batches: Vec<_> = places.chunks(BATCH).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut counted = Counted::default();
            while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                for aliases in *batch {
                    self.count_in(aliases, sites, &mut counted);
                }
            }
            counted
        };
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let spawned = threads
            .min(batches.len())
            .min(MOST_THREADS)
            .saturating_sub(1);
        thread::scope(|scope| {
            let spawned: Vec<_> = (0..spawned).map(|_| scope.spawn(work)).collect();
            spawned.into_iter().fold(work(), |all, other| {
                all.merge(other.join().expect("a thread that counts does not panic"))
            })
        })
    }

    fn count_in(&self, aliases: &[Function], sites: bool, counted: &mut Counted) {
        let place = self.extent_around(&aliases[0]);
        for function in aliases {
            let answers = self.answers_in(&place, function);
            for (tally, answer) in counted.entries.iter_mut().zip(answers) {
                add(tally, [(answer, 1)]);
            }
        }
        if sites {
            add(
                &mut counted.sites,
                place.sites().map(|site| (site.answer, 1)),
            );
        }
    }
}
