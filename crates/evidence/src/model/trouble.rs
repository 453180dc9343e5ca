// SPDX-License-Identifier: GPL-2.0-only
//! What keeps a run from being good.

use nmissed_wire::{Outcome, Run};

/// Whether a test ended with the machine, for the same reason, which is named once.
pub(crate) fn ended_with_machine(run: &Run, outcome: &Outcome) -> bool {
    !outcome.is_good() && *outcome == run.machine
}

/// What keeps a run from being good, one phrase each.
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
    let not_run = outcomes.filter(|outcome| matches!(outcome, Outcome::Infra(_)));
    let parts = [
        machine.map(str::to_owned),
        (all == 0).then(|| "no test ran".to_owned()),
        of_all(failed.count(), "failed"),
        of_all(not_run.count(), "did not run"),
    ];
    parts.into_iter().flatten().collect()
}
