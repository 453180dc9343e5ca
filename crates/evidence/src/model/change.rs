// SPDX-License-Identifier: GPL-2.0-only
//! What became of the hits of one scenario, and how that differs between two
//! variants of a kernel.

use nmissed_wire::Tally;

/// What became of one hit, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It neither ran the program nor shows in a counter.
    Lost,
    /// A counter heard of it twice.
    CountedTwice,
    /// A counter heard of it.
    Missed,
    /// It ran the program.
    Ran,
}

impl Fate {
    /// Every fate, worst first.
    pub const ALL: [Self; 4] = [Self::Lost, Self::CountedTwice, Self::Missed, Self::Ran];
}

/// Hits that met another fate in a variant than in the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Their fate in the reference.
    pub from: Fate,
    /// Their fate in the variant.
    pub to: Fate,
    /// How many.
    pub hits: u64,
}

impl Move {
    /// Whether the new fate is the better one.
    #[must_use]
    pub fn is_better(&self) -> bool {
        self.to > self.from
    }
}

/// How one row of a variant differs from the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The same counts. A counter that exists only in the variant, and says 0,
    /// is no change.
    Unchanged,
    /// Lost hits became counted, or lost or missed hits became runs, and no
    /// hit fared worse.
    Better,
    /// Some hit fared worse, and none better.
    Worse,
    /// Some fared better and some worse, or the misses moved between the
    /// counters, or a counter is gone.
    Different,
    /// The reference or the variant has no such record.
    Unknown,
}

impl Fate {
    /// Returns how many hits of a tally had this fate. The four add up to `triggers`
    /// unless the numbers contradict each other (more runs than hits).
    #[must_use]
    pub fn hits(self, tally: &Tally) -> u64 {
        let not_run = tally.triggers.saturating_sub(tally.runs);
        let lost = tally.lost();
        let twice = lost.min(0).unsigned_abs().min(not_run);
        let vanished = lost.max(0).unsigned_abs();
        match self {
            Self::Lost => vanished,
            Self::CountedTwice => twice,
            Self::Missed => not_run.saturating_sub(vanished).saturating_sub(twice),
            Self::Ran => tally.runs,
        }
    }
}

/// The fewest moves that lead from one tally to the other.
pub(crate) fn moves(reference: &Tally, variant: &Tally) -> Vec<Move> {
    let mut gone = Fate::ALL.map(|fate| fate.hits(reference).saturating_sub(fate.hits(variant)));
    let mut come = Fate::ALL.map(|fate| fate.hits(variant).saturating_sub(fate.hits(reference)));
    let mut moves = Vec::new();
    for (from, gone) in Fate::ALL.into_iter().zip(&mut gone) {
        for (to, come) in Fate::ALL.into_iter().zip(&mut come) {
            let hits = (*gone).min(*come);
            if hits > 0 {
                moves.push(Move { from, to, hits });
            }
            *gone -= hits;
            *come -= hits;
        }
    }
    moves
}

/// The sum of the moves in one word.
pub(crate) fn classify(reference: &Tally, variant: &Tally) -> Change {
    let moves = moves(reference, variant);
    let better = moves.iter().filter(|it| it.is_better()).count();
    match (better, moves.len()) {
        (0, 0) if same_counts(reference, variant) => Change::Unchanged,
        (0, 0) => Change::Different,
        (0, _) => Change::Worse,
        (better, all) if better == all => Change::Better,
        _ => Change::Different,
    }
}

fn same_counts(reference: &Tally, variant: &Tally) -> bool {
    reference.runs == variant.runs
        && same_counter(reference.link_missed, variant.link_missed)
        && same_counter(reference.prog_missed, variant.prog_missed)
}

fn same_counter(reference: Option<u64>, variant: Option<u64>) -> bool {
    reference == variant || (reference.is_none() && variant == Some(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    /// Runs, link and program misses of 10 hits.
    fn ten(runs: u64, link_missed: Option<u64>, prog_missed: Option<u64>) -> Tally {
        Tally {
            triggers: 10,
            runs,
            link_missed,
            prog_missed,
        }
    }

    fn ten_of(runs: u64, link: u64, prog: u64) -> Tally {
        ten(runs, Some(link), Some(prog))
    }

    #[test_case(ten_of(10, 0, 0) => [0, 0, 0, 10]; "all ran")]
    #[test_case(ten_of(1, 2, 3) => [4, 0, 5, 1]; "some of each")]
    #[test_case(ten(1, None, None) => [9, 0, 0, 1]; "nothing counts")]
    #[test_case(ten_of(0, 0, 20) => [0, 10, 0, 0]; "all counted twice")]
    #[test_case(ten_of(6, 0, 5) => [0, 1, 3, 6]; "one counted twice")]
    #[test_case(ten_of(0, 0, 90) => [0, 10, 0, 0]; "counted more than twice")]
    #[test_case(ten_of(11, 0, 0) => [0, 0, 0, 11]; "more runs than hits")]
    fn fates_of(tally: Tally) -> [u64; 4] {
        Fate::ALL.map(|fate| fate.hits(&tally))
    }

    #[test_case(ten_of(0, 0, 10), ten_of(10, 0, 0) => Change::Better; "missed to run")]
    #[test_case(ten_of(0, 0, 0), ten_of(0, 10, 0) => Change::Better; "lost to counted")]
    #[test_case(ten_of(0, 0, 0), ten_of(10, 0, 0) => Change::Better; "lost to run")]
    #[test_case(ten_of(0, 0, 4), ten_of(4, 2, 4) => Change::Better; "lost to both")]
    #[test_case(ten_of(0, 0, 20), ten_of(10, 0, 0) => Change::Better; "counted twice to run")]
    #[test_case(ten_of(0, 0, 20), ten_of(0, 0, 10) => Change::Better; "counted twice to once")]
    #[test_case(ten(0, None, Some(0)), ten_of(0, 9, 0) => Change::Better; "a new counter that hears")]
    #[test_case(ten_of(10, 0, 0), ten_of(0, 0, 10) => Change::Worse; "run to missed")]
    #[test_case(ten_of(0, 10, 0), ten_of(0, 0, 0) => Change::Worse; "counted to lost")]
    #[test_case(ten_of(0, 0, 10), ten_of(0, 0, 20) => Change::Worse; "counted once to twice")]
    #[test_case(ten_of(0, 9, 0), ten(0, None, Some(0)) => Change::Worse; "a counter that heard is gone")]
    #[test_case(ten_of(0, 0, 10), ten_of(5, 0, 0) => Change::Different; "missed to run and to lost")]
    #[test_case(ten_of(0, 0, 10), ten_of(0, 10, 0) => Change::Different; "moved between counters")]
    #[test_case(ten_of(10, 0, 0), ten(10, None, Some(0)) => Change::Different; "a silent counter is gone")]
    #[test_case(ten_of(10, 0, 0), ten_of(11, 0, 0) => Change::Different; "more runs than hits")]
    #[test_case(ten(5, None, None), ten_of(5, 0, 0) => Change::Unchanged; "a new counter that hears nothing")]
    #[test_case(ten_of(3, 3, 3), ten_of(3, 3, 3) => Change::Unchanged; "the same")]
    fn change(reference: Tally, variant: Tally) -> Change {
        classify(&reference, &variant)
    }

    #[test]
    fn moves_name_both_ends() {
        let became = |from, to, hits| Move { from, to, hits };
        assert_eq!(
            moves(&ten_of(0, 0, 6), &ten_of(5, 0, 5)),
            [
                became(Fate::Lost, Fate::Ran, 4),
                became(Fate::Missed, Fate::Ran, 1)
            ],
        );
    }

    fn tallies() -> impl Strategy<Value = Tally> {
        let counter = || proptest::option::of(0..30_u64);
        (0..=10_u64, counter(), counter()).prop_map(|(runs, link, prog)| ten(runs, link, prog))
    }

    proptest! {
        #[test]
        fn every_hit_has_one_fate(tally in tallies()) {
            let sum: u64 = Fate::ALL.into_iter().map(|fate| fate.hits(&tally)).sum();
            prop_assert_eq!(sum, tally.triggers);
        }

        #[test]
        fn better_one_way_is_worse_the_other(a in tallies(), b in tallies()) {
            let there = classify(&a, &b);
            let back = classify(&b, &a);
            prop_assert_eq!(there == Change::Better, back == Change::Worse);
        }
    }
}
