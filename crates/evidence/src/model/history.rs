// SPDX-License-Identifier: GPL-2.0-only
//! The same scenarios on many kernels: where their counts change, and which ranges of
//! releases explain it.

use std::collections::BTreeMap;

use nmissed_wire::{AttachType, Flavor, Record, Run, Version};

/// Links have their missed counter from here on.
const LINK_COUNTER: &str = "links report `missed`: since Linux 6.7, and 6.6.y of stable (e2b2cd592adb bpf: Add missed value to \
     kprobe_multi link info; 3acf8ace6823 bpf: Add missed value to kprobe perf link info)";
/// Programs have `recursion_misses` from here on.
const PROG_COUNTER: &str = "programs report `recursion_misses`: since Linux 5.12 (9ed9e9ba2337 bpf: Count the \
     number of times recursion was prevented)";

/// Runs of many kernels, scenario by scenario.
pub(crate) struct Matrix<'a> {
    pub(crate) columns: Vec<Column<'a>>,
    pub(crate) rows: Vec<Row<'a>>,
}

/// One kernel.
pub(crate) struct Column<'a> {
    pub(crate) run: &'a Run,
    /// `6.18`, `6.18-rt`, or the whole release where that is not unique.
    pub(crate) head: String,
    /// The column that it is compared with: the one before it of its flavor, else the
    /// same release line of another flavor.
    pub(crate) before: Option<usize>,
}

/// One scenario, its kernels in the order of the columns.
pub(crate) struct Row<'a> {
    pub(crate) attach_type: AttachType,
    pub(crate) scenario: &'a str,
    pub(crate) flavor: Option<Flavor>,
    pub(crate) cells: Vec<Seen<'a>>,
    pub(crate) changes: Vec<Change>,
}

/// What became of the hits of a scenario on one kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seen<'a> {
    /// The record with the most triggers.
    Hits(&'a Record),
    /// The kernel does not have the attach type yet.
    NoAttachType,
    /// A test that was skipped or failed wrote no record.
    NoRecord,
}

/// A scenario counts otherwise than on the kernel before.
pub(crate) struct Change {
    pub(crate) before: usize,
    pub(crate) column: usize,
    /// Behaviours and counters that one of both kernels lacks, with their releases and
    /// commits; empty if no range of releases explains the change.
    pub(crate) because: Vec<String>,
}

/// Hits of each fate, in smallest numbers: 10 and 1 if 10,000 ran and 1,000 are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shares {
    pub(crate) runs: u64,
    pub(crate) link: u64,
    pub(crate) prog: u64,
    /// Negative where hits are counted twice.
    pub(crate) lost: i64,
}

impl Shares {
    pub(crate) fn of(record: &Record) -> Self {
        let tally = &record.tally;
        let lost = tally.lost();
        let link = tally.link_missed.unwrap_or(0);
        let prog = tally.prog_missed.unwrap_or(0);
        let all = [tally.runs, link, prog, lost.unsigned_abs()];
        let unit = all.into_iter().fold(0, gcd).max(1);
        Self {
            runs: tally.runs / unit,
            link: link / unit,
            prog: prog / unit,
            lost: lost.signum() * (lost.unsigned_abs() / unit).cast_signed(),
        }
    }
}

fn gcd(one: u64, other: u64) -> u64 {
    match other {
        0 => one,
        other => gcd(other, one % other),
    }
}

impl Seen<'_> {
    pub(crate) fn shares(&self) -> Option<Shares> {
        match self {
            Self::Hits(record) => Some(Shares::of(record)),
            Self::NoAttachType | Self::NoRecord => None,
        }
    }
}

impl Row<'_> {
    /// Whether all kernels that have the scenario count the same.
    pub(crate) fn is_same(&self) -> bool {
        self.changes.is_empty()
    }

    pub(crate) fn change(&self, column: usize) -> Option<&Change> {
        self.changes.iter().find(|change| change.column == column)
    }
}

impl<'a> Matrix<'a> {
    /// Compares runs, a column for each, in their order.
    pub(crate) fn of(runs: &'a [Run]) -> Self {
        let columns = columns(runs);
        let mut keys = BTreeMap::new();
        let records = runs.iter().flat_map(|run| &run.records);
        for (place, record) in records.enumerate() {
            let key = (record.attach_type, record.scenario.as_str(), record.flavor);
            keys.entry(key).or_insert(place);
        }
        // Scenarios of one attach type in the order in which they were measured.
        let mut keys: Vec<_> = keys.into_iter().collect();
        keys.sort_by_key(|((attach_type, ..), place)| (*attach_type, *place));
        let rows = keys
            .into_iter()
            .map(|((attach_type, scenario, flavor), _)| {
                let cells = runs
                    .iter()
                    .map(|run| seen(run, attach_type, scenario, flavor));
                let cells: Vec<_> = cells.collect();
                Row {
                    attach_type,
                    scenario,
                    flavor,
                    changes: changes(&columns, &cells),
                    cells,
                }
            });
        Self {
            rows: rows.collect(),
            columns,
        }
    }

    /// Changes that no range of releases explains.
    pub(crate) fn unexplained(&self) -> impl Iterator<Item = (&Row<'a>, &Change)> {
        let changes = self
            .rows
            .iter()
            .flat_map(|row| row.changes.iter().map(move |it| (row, it)));
        changes.filter(|(_, change)| change.because.is_empty())
    }
}

fn columns(runs: &[Run]) -> Vec<Column<'_>> {
    let short = |run: &Run| {
        let version = version(run).map_or_else(|| run.kernel.clone(), |it| it.to_string());
        let rt = if is_rt(run) { "-rt" } else { "" };
        match run.variant.as_str() {
            "stock" | "baseline" => format!("{version}{rt}"),
            variant => format!("{version}{rt} {variant}"),
        }
    };
    let heads: Vec<_> = runs.iter().map(short).collect();
    let column = |(place, run): (usize, &'_ Run)| {
        let earlier = || (0..place).rev();
        let same_flavor = earlier().find(|it| is_rt(&runs[*it]) == is_rt(run));
        let same_line = || earlier().find(|it| version(&runs[*it]) == version(run));
        let is_unique = heads.iter().filter(|it| **it == heads[place]).count() == 1;
        (
            if is_unique {
                heads[place].clone()
            } else {
                release(run).to_owned()
            },
            same_flavor.or_else(same_line),
        )
    };
    runs.iter()
        .enumerate()
        .map(|(place, run)| {
            let (head, before) = column((place, run));
            Column { run, head, before }
        })
        .collect()
}

/// The release, also of a kernel that never ran a program.
pub(crate) fn release(run: &Run) -> &str {
    match run.release.as_str() {
        "" => &run.kernel,
        release => release,
    }
}

fn version(run: &Run) -> Option<Version> {
    release(run).parse().ok()
}

fn is_rt(run: &Run) -> bool {
    release(run).contains("-rt")
}

fn seen<'a>(
    run: &'a Run,
    attach_type: AttachType,
    scenario: &str,
    flavor: Option<Flavor>,
) -> Seen<'a> {
    let records = run.records.iter().filter(|record| {
        record.scenario == scenario && record.attach_type == attach_type && record.flavor == flavor
    });
    let has_type = version(run).map(|it| attach_type.first_release() <= it);
    match records.max_by_key(|record| record.tally.triggers) {
        Some(record) => Seen::Hits(record),
        None if has_type == Some(false) => Seen::NoAttachType,
        None => Seen::NoRecord,
    }
}

/// Compares each cell with that of the column before, or of the last one before that
/// which has a record.
fn changes(columns: &[Column<'_>], cells: &[Seen<'_>]) -> Vec<Change> {
    let change = |column: usize| {
        let Seen::Hits(record) = cells[column] else {
            return None;
        };
        let mut before = columns[column].before?;
        let earlier = loop {
            match cells[before] {
                Seen::Hits(earlier) => break earlier,
                _ => before = columns[before].before?,
            }
        };
        (Shares::of(earlier) != Shares::of(record)).then(|| Change {
            before,
            column,
            because: because(earlier, record),
        })
    };
    (0..cells.len()).filter_map(change).collect()
}

/// The conditions of the expectations of two records that contradict each other, and
/// counters that only one of both kernels has.
fn because(one: &Record, other: &Record) -> Vec<String> {
    let contradicts = |condition: &&String| {
        let opposite = match condition.split_once(' ') {
            Some(("has", rest)) => format!("lacks {rest}"),
            Some((_, rest)) => format!("has {rest}"),
            None => return false,
        };
        other.depends_on.contains(&opposite)
    };
    let behaviours = one.depends_on.iter().filter(contradicts);
    let mut because: Vec<_> = behaviours
        .filter_map(|it| Some(it.split_once(' ')?.1.to_owned()))
        .collect();
    let (one, other) = (&one.tally, &other.tally);
    let counters = [
        (one.link_missed, other.link_missed, LINK_COUNTER),
        (one.prog_missed, other.prog_missed, PROG_COUNTER),
    ];
    let hides_misses = |one: Option<u64>, other: Option<u64>| {
        one.is_some() != other.is_some() && one.or(other) > Some(0)
    };
    let only_one = counters
        .iter()
        .filter(|(one, other, _)| hides_misses(*one, *other));
    because.extend(only_one.map(|(.., why)| (*why).to_owned()));
    because
}
