// SPDX-License-Identifier: GPL-2.0-only
//! What a run shows, in one sentence.

use std::collections::BTreeSet;

use nmissed_wire::Outcome;

use crate::{Change, Comparison, Fate, Move, Row, Run};

impl Comparison<'_> {
    /// One sentence about a run: what went wrong, then where the hits of the
    /// reference went or what the variant changes.
    #[must_use]
    pub fn verdict(&self, run: usize) -> String {
        let mut parts = trouble(self.runs[run]);
        let new = self.new_reports(run).len() as u128;
        if run > 0 && new > 0 {
            parts.push(plural(new, "new report") + " of the kernel");
        }
        let pairs = self.pairs_of(run);
        if self.rows.iter().any(|row| row.records[run].is_some()) {
            if run == 0 {
                parts.push(self.totals());
            } else {
                parts.extend(self.changes(run));
            }
        } else if pairs.is_none() {
            parts.push("no records".to_owned());
        }
        parts.extend(pairs);
        parts.join("; ")
    }

    /// How many pairs there are, or differ.
    fn pairs_of(&self, run: usize) -> Option<String> {
        let seen = self.pairs.iter().filter(|row| row.records[run].is_some());
        let changed = seen
            .clone()
            .filter(|row| row.change(run) != Change::Unchanged);
        let all = pairs(seen);
        (all > 0).then(|| match run {
            0 => format!("{all} pairs of programs"),
            _ => format!("{} of {all} pairs of programs differ", pairs(changed)),
        })
    }

    fn totals(&self) -> String {
        let seen = self.rows_where(|row| row.records[0].is_some());
        let triggers = seen.iter().map(|row| u128::from(row.triggers)).sum();
        let [lost, twice, missed, ran] = Fate::ALL.map(|fate| {
            let records = seen.iter().filter_map(|row| row.records[0]);
            let hits = records.map(|record| u128::from(fate.hits(&record.tally)));
            hits.sum::<u128>()
        });
        let twice = match twice {
            0 => String::new(),
            twice => format!("{twice} counted twice, "),
        };
        format!(
            "{}, {}: {ran} ran, {missed} missed, {twice}{lost} lost",
            scenarios(&seen),
            plural(triggers, "hit"),
        )
    }

    fn changes(&self, run: usize) -> Vec<String> {
        let better = self.moved(run, |it| it.is_better());
        let worse = self.moved(run, |it| !it.is_better());
        let odd = self
            .rows_where(|row| row.change(run) == Change::Different && row.moves(run).is_empty());
        let gone = self.rows_where(|row| row.records[0].is_some() && row.records[run].is_none());
        let new = self.rows_where(|row| row.records[0].is_none() && row.records[run].is_some());
        let counted = |rows: Vec<&Row<'_>>, what: &str| {
            (!rows.is_empty()).then(|| format!("{} {what}", scenarios(&rows)))
        };
        let any_better = better.is_some();
        let parts = [
            better.map(|moves| format!("turns {moves}")),
            worse.map(|moves| format!("worse: turns {moves}")),
            counted(odd, "counted in another way"),
            counted(gone, "without a record here"),
            counted(new, "without a record in the reference"),
        ];
        let mut parts: Vec<String> = parts.into_iter().flatten().collect();
        match parts.len() {
            0 => parts.push("changes nothing".to_owned()),
            1 if any_better => parts.push("nothing else changed".to_owned()),
            _ => (),
        }
        parts
    }

    /// The moves that are wanted, summed over all rows: "3 lost hits of 1
    /// scenario into runs".
    fn moved(&self, run: usize, wanted: impl Fn(&Move) -> bool) -> Option<String> {
        let mut sums = Vec::new();
        for from in Fate::ALL {
            for to in Fate::ALL {
                let is_it = |it: &Move| it.from == from && it.to == to && wanted(it);
                let rows = self.rows_where(|row| row.moves(run).iter().any(is_it));
                let moves = rows.iter().flat_map(|row| row.moves(run)).filter(is_it);
                let hits = moves.map(|it| u128::from(it.hits)).sum();
                if hits > 0 {
                    let (from, to) = (plural(hits, before(from)), after(to));
                    sums.push(format!("{from} of {} into {to}", scenarios(&rows)));
                }
            }
        }
        (!sums.is_empty()).then(|| sums.join(", "))
    }

    fn rows_where(&self, wanted: impl Fn(&Row<'_>) -> bool) -> Vec<&Row<'_>> {
        self.rows.iter().filter(|row| wanted(row)).collect()
    }
}

/// What keeps a run from being good.
pub(crate) fn trouble(run: &Run) -> Vec<String> {
    let machine = match run.machine {
        Outcome::Pass | Outcome::Skip(_) => None,
        Outcome::Fail(_) => Some("the machine failed"),
        Outcome::Crash(_) => Some("the kernel crashed"),
        Outcome::Hang(_) => Some("the kernel hung"),
        Outcome::LostVm(_) => Some("the machine went away"),
        Outcome::Infra(_) => Some("the host failed"),
    };
    let all = run.all_tests().count();
    let of_all = |count: usize, what| (count > 0).then(|| format!("{count} of {all} tests {what}"));
    let outcomes = run.all_tests().map(|test| &test.outcome);
    let failed = outcomes.clone().filter(|outcome| outcome.is_failure());
    let unheard = outcomes.filter(|outcome| matches!(outcome, Outcome::Infra(_)));
    let parts = [
        machine.map(str::to_owned),
        (all == 0).then(|| "no test ran".to_owned()),
        of_all(failed.count(), "failed"),
        of_all(unheard.count(), "did not run"),
    ];
    parts.into_iter().flatten().collect()
}

fn before(fate: Fate) -> &'static str {
    match fate {
        Fate::Lost => "lost hit",
        Fate::CountedTwice => "twice-counted hit",
        Fate::Missed => "missed hit",
        Fate::Ran => "run",
    }
}

fn after(fate: Fate) -> &'static str {
    match fate {
        Fate::Lost => "lost hits",
        Fate::CountedTwice => "hits counted twice",
        Fate::Missed => "counted misses",
        Fate::Ran => "runs",
    }
}

/// How many pairs the rows are about.
fn pairs<'a>(rows: impl Iterator<Item = &'a Row<'a>>) -> usize {
    let ids: BTreeSet<_> = rows.map(|row| (row.scenario, row.flavor)).collect();
    ids.len()
}

/// How many scenarios the rows are about.
fn scenarios(rows: &[&Row<'_>]) -> String {
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.scenario).collect();
    plural(ids.len() as u128, "scenario")
}

pub(crate) fn plural(count: u128, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}
