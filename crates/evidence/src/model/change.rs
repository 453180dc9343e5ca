// SPDX-License-Identifier: GPL-2.0-only
//! Where the hits of one scenario went, and how that differs between two variants of
//! a kernel.

use nmissed_wire::Tally;

/// Where one hit went, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// It did not run the program, and no counter has it.
    Lost,
    /// It did not run the program, and is counted twice.
    Twice,
    /// It is counted as missed on the program.
    Program,
    /// It is counted as missed on the link.
    Link,
    /// It ran the program.
    Ran,
}

/// How one row of a variant differs from the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
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
    /// Every fate, worst first.
    pub(crate) const ALL: [Self; 5] = [
        Self::Lost,
        Self::Twice,
        Self::Program,
        Self::Link,
        Self::Ran,
    ];

    /// Returns how many hits of a tally had this fate. The five add up to `triggers`
    /// unless the numbers contradict each other (more runs than hits).
    pub(crate) fn hits(self, tally: &Tally) -> u64 {
        let not_run = tally.triggers.saturating_sub(tally.runs);
        let lost = tally.lost().max(0).unsigned_abs();
        let twice = tally.lost().min(0).unsigned_abs().min(not_run);
        let missed = not_run.saturating_sub(lost).saturating_sub(twice);
        let link = tally.link_missed.unwrap_or(0).min(missed);
        match self {
            Self::Lost => lost,
            Self::Twice => twice,
            Self::Program => missed - link,
            Self::Link => link,
            Self::Ran => tally.runs,
        }
    }

    /// Returns the worst fate of any hit; `Ran` if there was none.
    pub(crate) fn worst(tally: &Tally) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|fate| fate.hits(tally) > 0).unwrap_or(Self::Ran)
    }

    /// It makes no difference which counter has a miss.
    pub(crate) fn rank(self) -> Self {
        match self {
            Self::Program => Self::Link,
            fate => fate,
        }
    }

    pub(crate) fn is_better_than(self, other: Self) -> bool {
        self.rank() > other.rank()
    }
}

impl Change {
    /// Several changes as one; those that are none or unknown do not count.
    pub(crate) fn of_all(changes: impl Iterator<Item = Self>) -> Self {
        let known = changes.filter(|it| !matches!(it, Self::Unchanged | Self::Unknown));
        known
            .reduce(|one, other| if one == other { one } else { Self::Different })
            .unwrap_or(Self::Unchanged)
    }

    pub(crate) fn between(reference: &Tally, variant: &Tally) -> Self {
        let moves = moves(reference, variant);
        let better = moves.iter().any(|(from, to)| to.is_better_than(*from));
        let worse = moves.iter().any(|(from, to)| from.is_better_than(*to));
        match (better, worse) {
            (false, false) if same_counts(reference, variant) => Self::Unchanged,
            (true, false) => Self::Better,
            (false, true) => Self::Worse,
            _ => Self::Different,
        }
    }
}

/// The fewest moves from one fate to another that lead from the reference to the
/// variant.
pub(crate) fn moves(reference: &Tally, variant: &Tally) -> Vec<(Fate, Fate)> {
    let mut gone = Fate::ALL.map(|fate| fate.hits(reference).saturating_sub(fate.hits(variant)));
    let mut come = Fate::ALL.map(|fate| fate.hits(variant).saturating_sub(fate.hits(reference)));
    let mut moves = Vec::new();
    for (from, gone) in Fate::ALL.into_iter().zip(&mut gone) {
        for (to, come) in Fate::ALL.into_iter().zip(&mut come) {
            let hits = (*gone).min(*come);
            if hits > 0 {
                moves.push((from, to));
            }
            *gone -= hits;
            *come -= hits;
        }
    }
    moves
}

fn same_counts(reference: &Tally, variant: &Tally) -> bool {
    let same = |one: Option<u64>, other| one == other || (one.is_none() && other == Some(0));
    reference.runs == variant.runs
        && same(reference.link_missed, variant.link_missed)
        && same(reference.prog_missed, variant.prog_missed)
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

    #[test_case(ten_of(10, 0, 0) => [0, 0, 0, 0, 10]; "all ran")]
    #[test_case(ten_of(1, 2, 3) => [4, 0, 3, 2, 1]; "some of each")]
    #[test_case(ten(1, None, None) => [9, 0, 0, 0, 1]; "nothing counts")]
    #[test_case(ten_of(0, 0, 20) => [0, 10, 0, 0, 0]; "all counted twice")]
    #[test_case(ten_of(6, 0, 5) => [0, 1, 3, 0, 6]; "one counted twice")]
    #[test_case(ten_of(0, 0, 90) => [0, 10, 0, 0, 0]; "counted more than twice")]
    #[test_case(ten_of(11, 0, 0) => [0, 0, 0, 0, 11]; "more runs than hits")]
    fn fates_of(tally: Tally) -> [u64; 5] {
        Fate::ALL.map(|fate| fate.hits(&tally))
    }

    #[test_case(ten_of(0, 0, 10), ten_of(10, 0, 0) => Change::Better; "missed to run")]
    #[test_case(ten_of(0, 0, 0), ten_of(0, 10, 0) => Change::Better; "lost to counted")]
    #[test_case(ten_of(0, 0, 0), ten_of(10, 0, 0) => Change::Better; "lost to run")]
    #[test_case(ten_of(0, 0, 4), ten_of(4, 2, 4) => Change::Better; "lost to both")]
    #[test_case(ten_of(0, 0, 20), ten_of(10, 0, 0) => Change::Better; "counted twice to run")]
    #[test_case(ten_of(0, 0, 20), ten_of(0, 0, 10) => Change::Better; "counted twice to once")]
    #[test_case(ten(0, None, Some(0)), ten_of(0, 9, 0) => Change::Better; "a new counter that counts")]
    #[test_case(ten_of(10, 0, 0), ten_of(0, 0, 10) => Change::Worse; "run to missed")]
    #[test_case(ten_of(0, 10, 0), ten_of(0, 0, 0) => Change::Worse; "counted to lost")]
    #[test_case(ten_of(0, 0, 10), ten_of(0, 0, 20) => Change::Worse; "counted once to twice")]
    #[test_case(ten_of(0, 9, 0), ten(0, None, Some(0)) => Change::Worse; "a counter that counted is gone")]
    #[test_case(ten_of(0, 0, 10), ten_of(5, 0, 0) => Change::Different; "missed to run and to lost")]
    #[test_case(ten_of(0, 0, 10), ten_of(0, 10, 0) => Change::Different; "moved between counters")]
    #[test_case(ten_of(10, 0, 0), ten(10, None, Some(0)) => Change::Different; "a counter that says 0 is gone")]
    #[test_case(ten_of(10, 0, 0), ten_of(11, 0, 0) => Change::Different; "more runs than hits")]
    #[test_case(ten(5, None, None), ten_of(5, 0, 0) => Change::Unchanged; "a new counter that says 0")]
    #[test_case(ten_of(3, 3, 3), ten_of(3, 3, 3) => Change::Unchanged; "the same")]
    fn change(reference: Tally, variant: Tally) -> Change {
        Change::between(&reference, &variant)
    }

    #[test]
    fn moves_name_both_ends() {
        assert_eq!(
            moves(&ten_of(0, 0, 6), &ten_of(5, 0, 5)),
            [(Fate::Lost, Fate::Ran), (Fate::Program, Fate::Ran)],
        );
    }

    #[test_case(ten_of(0, 0, 9) => Fate::Lost; "lost before counted")]
    #[test_case(ten_of(0, 2, 9) => Fate::Twice; "twice before once")]
    #[test_case(ten_of(0, 5, 5) => Fate::Program; "program before link")]
    #[test_case(ten_of(9, 1, 0) => Fate::Link; "missed before run")]
    #[test_case(ten_of(10, 0, 0) => Fate::Ran; "all ran")]
    #[test_case(Tally::default() => Fate::Ran; "no hit")]
    fn worst_fate(tally: Tally) -> Fate {
        Fate::worst(&tally)
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
            let there = Change::between(&a, &b);
            let back = Change::between(&b, &a);
            prop_assert_eq!(there == Change::Better, back == Change::Worse);
        }
    }
}
