// SPDX-License-Identifier: GPL-2.0-only
//! Counting the answers for all functions, on all processors.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustc_hash::FxHashMap;

use crate::{Answer, Attach, Function, Image};

/// How often each answer was given.
pub(crate) type Tally = FxHashMap<Answer, usize>;

/// In the order of [`Attach::ALL`].
type Answers = [Answer; Attach::ALL.len()];

/// The answers for functions.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// At entries, in the order of [`Attach::ALL`].
    pub(crate) entries: [Tally; Attach::ALL.len()],
    /// The same, function by function.
    pub(crate) answers: Vec<Answers>,
    /// At all instructions.
    pub(crate) sites: Tally,
}

/// What one thread counts.
#[derive(Debug, Default)]
struct Part {
    entries: [Tally; Attach::ALL.len()],
    /// The number of a batch, and the answers for its functions.
    batches: Vec<(usize, Vec<Answers>)>,
    sites: Tally,
}

impl Part {
    fn merge(mut self, other: Self) -> Self {
        self.batches.extend(other.batches);
        let Self { entries, sites, .. } = other;
        for (all, more) in self.entries.iter_mut().zip(entries) {
            add(all, more);
        }
        add(&mut self.sites, sites);
        self
    }

    fn finish(mut self) -> Counted {
        self.batches.sort_unstable_by_key(|(number, _)| *number);
        Counted {
            entries: self.entries,
            answers: self.batches.into_iter().flat_map(|it| it.1).collect(),
            sites: self.sites,
        }
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
            let mut part = Part::default();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(batch) = batches.get(number) else {
                    break part;
                };
                part.batches.push((number, Vec::with_capacity(BATCH)));
                for aliases in *batch {
                    self.count_in(aliases, sites, &mut part);
                }
            }
        };
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let others = threads
            .min(batches.len())
            .min(MOST_THREADS)
            .saturating_sub(1);
        let all = thread::scope(|scope| {
            let others: Vec<_> = (0..others).map(|_| scope.spawn(work)).collect();
            others.into_iter().fold(work(), |all, other| {
                all.merge(other.join().expect("a thread that counts does not panic"))
            })
        });
        all.finish()
    }

    fn count_in(&self, aliases: &[Function], sites: bool, part: &mut Part) {
        let place = self.place_of(&aliases[0]);
        for function in aliases {
            let answers = self.answers_in(&place, function);
            for (tally, answer) in part.entries.iter_mut().zip(answers) {
                add(tally, [(answer, 1)]);
            }
            let batch = part.batches.last_mut();
            batch.expect("the one at hand").1.push(answers);
        }
        if sites {
            let sites = place.sites(aliases[0].entry());
            add(&mut part.sites, sites.map(|site| (site.answer, 1)));
        }
    }
}
