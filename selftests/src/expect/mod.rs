// SPDX-License-Identifier: GPL-2.0-only
//! What every scenario counts, by release and behaviours of the kernel, and why.
//!
//! | module | what it defines |
//! | --- | --- |
//! | `history` | which releases have which behaviour, with the upstream commit |
//! | `condition` | behaviours that a kernel must have, or must not have |
//! | `row` | what one trigger adds, under conditions |
//! | `kprobe`, `kprobe_multi`, `tracepoint`, `perf_event`, `trampoline`, `uprobe` | a table of rows per family of attach types |
//! | `pairs` | a model in place of a row for each pair of programs |
//!
//! Invariants: every expected value stands here; no row names a kernel or a stack of
//! patches; any two rows of a scenario have contradicting conditions, so that at most one
//! holds on any kernel. What a stock kernel loses is expected as exactly as what a patch
//! makes of it.

mod condition;
mod history;
mod kprobe;
mod kprobe_multi;
mod pairs;
mod perf_event;
mod row;
#[cfg(test)]
mod tests;
mod tracepoint;
mod trampoline;
mod uprobe;
#[cfg(test)]
mod upstream;

use std::borrow::Cow;

use condition::{Condition, are_met};
use nmissed_wire::Behaviour;
use row::{PerTrigger, Row};

use crate::kernel::under_test::KernelUnderTest;

pub(crate) use trampoline::{Refusal, refusal};

/// The tables of all families: the one place where a scenario is registered.
const TABLES: &[&[Row]] = &[
    kprobe::TABLE,
    kprobe_multi::TABLE,
    tracepoint::TABLE,
    perf_event::TABLE,
    trampoline::TABLE,
    uprobe::TABLE,
];

/// What a scenario counts on a kernel.
#[derive(Clone, Debug)]
pub(crate) struct Expectation {
    /// What a trigger adds.
    pub(crate) counts: PerTrigger,
    /// The kernel functions that make it so, and how.
    pub(crate) why: Cow<'static, str>,
    /// The kernel does not survive the first trigger.
    pub(crate) hangs: bool,
    /// The behaviours that it depends on.
    pub(crate) when: Vec<Condition>,
}

/// Whether programs that `bpf_prog_active` keeps from running are counted, all of them.
pub(crate) fn counts_prog_active_misses(kernel: &KernelUnderTest) -> bool {
    history::has(kernel, Behaviour::CountsProgActiveMisses) != Some(false)
}

/// Returns what `scenario` counts on this kernel; `None` where its release and patches do
/// not decide that.
///
/// # Panics
/// If there is no such scenario.
pub(crate) fn find(scenario: &str, kernel: &KernelUnderTest) -> Option<Expectation> {
    if let Some(pair) = pairs::pair(scenario) {
        return pairs::find(pair, kernel);
    }
    let mut rows = rows_of(scenario).peekable();
    assert!(rows.peek().is_some(), "no expectation names {scenario}");
    let row = rows.find(|row| are_met(row.when, kernel) == Some(true))?;
    Some(Expectation {
        counts: row.counts(kernel)?,
        why: row.why.into(),
        hangs: row.hangs,
        when: row.when.to_vec(),
    })
}

fn all_rows() -> impl Iterator<Item = &'static Row> {
    TABLES.iter().copied().flatten()
}

fn rows_of(scenario: &str) -> impl Iterator<Item = &'static Row> {
    all_rows().filter(move |row| row.scenarios.contains(&scenario))
}
