// SPDX-License-Identifier: GPL-2.0-only
//! Scenarios whose hits meet a running program by chance: sums of all repetitions, and how
//! sure they are.

use nmissed_wire::{COST, Record, Run, SAMPLED, Tally};

/// The quantile of the normal distribution that leaves 2.5 % above it.
const Z: f64 = 1.96;
const RESAMPLES: usize = 2000;
/// The same evidence gives the same interval.
const SEED: u64 = 1;

/// All repetitions of a scenario in a run.
pub(crate) struct Sample<'a> {
    pub(crate) scenario: &'a str,
    pub(crate) records: Vec<&'a Record>,
}

/// Parts of all hits that ran no program, and the limits of 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    pub(crate) seen: f64,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

/// The samples of a run, in the order in which they were taken.
pub(crate) fn samples(run: &Run) -> Vec<Sample<'_>> {
    let repeated = run.repetitions.iter().flat_map(|it| &it.records);
    let all = run.records.iter().chain(repeated);
    let mut samples: Vec<Sample<'_>> = Vec::new();
    for record in all.filter(|it| is_sampled(it)) {
        let known = samples.iter_mut().find(|it| it.scenario == record.scenario);
        match known {
            Some(sample) => sample.records.push(record),
            None => samples.push(Sample {
                scenario: &record.scenario,
                records: vec![record],
            }),
        }
    }
    samples
}

/// Whether a run sampled, and did nothing else.
pub(crate) fn only_samples(run: &Run) -> bool {
    !run.records.is_empty() && run.records.iter().all(is_sampled)
}

pub(crate) fn is_sampled(record: &Record) -> bool {
    record.scenario.contains(SAMPLED)
}

/// Whether a record has the instructions of a hit.
pub(crate) fn is_cost(record: &Record) -> bool {
    record.scenario.contains(COST)
}

pub(crate) fn only_costs(run: &Run) -> bool {
    !run.records.is_empty() && run.records.iter().all(is_cost)
}

/// Whether nothing is expected of a record: hits by chance, or a cost.
pub(crate) fn is_unjudged(record: &Record) -> bool {
    is_sampled(record) || is_cost(record)
}

impl Sample<'_> {
    /// The attach type, and the setting.
    pub(crate) fn names(&self) -> (&str, &str) {
        self.scenario
            .split_once(SAMPLED)
            .unwrap_or((self.scenario, ""))
    }

    /// The sums; a counter that one repetition lacks is absent.
    pub(crate) fn total(&self) -> Tally {
        let tallies = || self.records.iter().map(|it| it.tally);
        Tally {
            triggers: sum(tallies().map(|it| it.triggers)),
            runs: sum(tallies().map(|it| it.runs)),
            link_missed: tallies().map(|it| it.link_missed).sum(),
            prog_missed: tallies().map(|it| it.prog_missed).sum(),
        }
    }

    /// The stack of one hit that ran no program.
    pub(crate) fn stack(&self) -> Option<&[String]> {
        let mut stacks = self.records.iter().map(|it| it.stack.as_slice());
        stacks.find(|it| !it.is_empty())
    }

    /// How many hits ran no program. One softirq frees many tasks, so that hits depend on
    /// each other and repetitions do not: the interval is between percentiles of resampled
    /// repetitions (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter
    /// 13); of no such hit at all it is Wilson's (J. Am. Stat. Assoc. 22, 1927).
    pub(crate) fn rate(&self) -> Rate {
        let each: Vec<(u64, u64)> = self
            .records
            .iter()
            .map(|it| {
                (
                    it.tally.triggers.saturating_sub(it.tally.runs),
                    it.tally.triggers,
                )
            })
            .collect();
        let seen = part(each.iter().copied());
        if seen == 0.0 {
            let hits = as_f64(self.total().triggers);
            let to = Z * Z / (hits + Z * Z);
            return Rate {
                seen,
                from: 0.0,
                to,
            };
        }
        let mut random = fastrand::Rng::with_seed(SEED);
        let mut resampled = || part((0..each.len()).map(|_| each[random.usize(..each.len())]));
        let mut parts: Vec<f64> = (0..RESAMPLES).map(|_| resampled()).collect();
        parts.sort_by(f64::total_cmp);
        Rate {
            seen,
            from: parts[RESAMPLES / 40],
            to: parts[RESAMPLES - 1 - RESAMPLES / 40],
        }
    }
}

fn part(each: impl Iterator<Item = (u64, u64)>) -> f64 {
    let (some, all) = each.fold((0, 0_u64), |(some, all), (one, of)| {
        (some + one, all.saturating_add(of))
    });
    match all {
        0 => 0.0,
        _ => as_f64(some) / as_f64(all),
    }
}

fn sum(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use nmissed_wire::AttachType;
    use test_case::test_case;

    use super::*;

    fn run(missed: &[u64]) -> Run {
        let record = |missed: &u64| {
            let tally = Tally {
                triggers: 1000,
                runs: 1000 - missed,
                link_missed: Some(*missed),
                prog_missed: None,
            };
            Record::new("kprobe/sampled-natural", AttachType::Kprobe, None, tally)
        };
        Run {
            records: missed.iter().map(record).collect(),
            ..Run::default()
        }
    }

    #[test]
    fn repetitions_are_summed() {
        let run = run(&[1, 0, 3]);
        let [sample] = &samples(&run)[..] else {
            panic!("one scenario");
        };
        assert_eq!(sample.names(), ("kprobe", "natural"));
        let total = sample.total();
        assert_eq!((total.triggers, total.runs), (3000, 2996));
        assert_eq!((total.link_missed, total.prog_missed), (Some(4), None));
    }

    #[test_case(&[10; 10] => (0.01, 0.01, 0.01); "all alike leave no doubt")]
    #[test_case(&[0; 10] => (0.0, 0.0, 0.0004); "no miss leaves that of Wilson")]
    #[test_case(&[100, 0, 0, 0, 0, 0, 0, 0, 0, 0] => (0.01, 0.0, 0.03); "one burst leaves much")]
    fn rate_of(missed: &[u64]) -> (f64, f64, f64) {
        let run = run(missed);
        let rate = samples(&run)[0].rate();
        let rounded = |it: f64| (it * 1e4).round() / 1e4;
        (rounded(rate.seen), rounded(rate.from), rounded(rate.to))
    }
}
