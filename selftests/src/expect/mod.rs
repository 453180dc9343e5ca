// SPDX-License-Identifier: GPL-2.0-only
//! What every scenario should count, per kernel and variant, and why.
//!
//! The only place with expected values: a table per family of tests, and for all
//! pairs of programs a model of what they take and yield to. Losses of the stock
//! kernels stand here as firmly as what a patch should make of them: a patch
//! proves itself by turning one into the other.

mod guards;
mod kprobe_event;
mod kprobe_multi;
mod kretprobe;
mod missed;
mod pairing;
mod perf_event;
mod recursion;
mod row;
mod shadow_stack;
mod syscall;
mod tracepoint;
mod trampoline;
mod uprobe;
#[cfg(test)]
mod upstream;
mod uretprobe;

use std::borrow::Cow;

use row::{Expected, PerTrigger};

pub(crate) use trampoline::{Refusal, refusal};

/// What a scenario should show.
#[derive(Clone, Debug)]
pub(crate) struct Expectation {
    /// What a trigger adds.
    pub(crate) counts: PerTrigger,
    /// The kernel functions that make it so, and how.
    pub(crate) why: Cow<'static, str>,
}

/// Of each family.
const TABLES: &[&[Expected]] = &[
    kprobe_event::TABLE,
    kprobe_multi::TABLE,
    kretprobe::TABLE,
    missed::TABLE,
    pairing::TABLE,
    perf_event::TABLE,
    recursion::TABLE,
    shadow_stack::TABLE,
    syscall::TABLE,
    tracepoint::TABLE,
    trampoline::TABLE,
    uprobe::TABLE,
    uretprobe::TABLE,
];

/// What `scenario` should show on this kernel, if that is known: not for a
/// kernel or a patch that nobody has tried, where it depends on them.
///
/// # Panics
/// If there is no such scenario.
pub(crate) fn find(scenario: &str, kernel: &str, variant: &str) -> Option<Expectation> {
    if let Some(pair) = guards::pair(scenario) {
        return guards::find(pair, kernel, variant);
    }
    let mut rows = rows_of(scenario).peekable();
    assert!(rows.peek().is_some(), "no expectation names {scenario}");
    let row = rows.find(|row| row.on.holds(kernel, variant))?;
    Some(Expectation {
        counts: row.counts,
        why: row.why.into(),
    })
}

/// Every row of every family.
fn all() -> impl Iterator<Item = &'static Expected> {
    TABLES.iter().copied().flatten()
}

/// All that the tables say about `scenario`.
fn rows_of(scenario: &str) -> impl Iterator<Item = &'static Expected> {
    all().filter(move |row| row.scenarios.contains(&scenario))
}

#[cfg(test)]
mod tests {
    use test_case::test_matrix;

    use super::{all, find, rows_of};

    #[test_matrix(["6.12", "7.3"], ["baseline", "counters", "active", "guarded"])]
    fn each_scenario_has_one_row(kernel: &str, variant: &str) {
        for scenario in all().flat_map(|row| row.scenarios) {
            let holding = rows_of(scenario).filter(|row| row.on.holds(kernel, variant));
            assert_eq!(holding.count(), 1, "{scenario}");
        }
    }

    /// What the patches are for. That one is not the kernel's: nothing is raised.
    #[test_matrix(["6.12", "7.3"], ["counters", "active", "guarded"])]
    fn a_patched_kernel_loses_nothing(kernel: &str, variant: &str) {
        let rows = all().filter(|row| row.on.holds(kernel, variant));
        let losing = rows.filter(|row| row.counts.times(1).lost() > 0);
        let scenarios: Vec<_> = losing.flat_map(|row| row.scenarios).collect();
        assert_eq!(scenarios, [&"perf_event/breakpoint-in-itself"]);
    }

    #[test]
    fn what_depends_on_the_kernel_is_judged_on_known_ones_only() {
        assert!(find("kprobe.multi/in-kprobe", "7.3", "active").is_some());
        assert!(find("kprobe.multi/in-kprobe", "7.3", "mine").is_none());
        assert!(find("kprobe.multi/in-kprobe", "6.1", "active").is_none());
        assert!(find("kprobe/in-kprobe", "6.1", "mine").is_some());
        assert!(find("kprobe/by-ioctl-in-kprobe", "6.1", "stock").is_some());
        assert!(find("kprobe/by-ioctl-in-kprobe", "6.1", "mine").is_none());
    }

    #[test]
    #[should_panic(expected = "no expectation names kprobe/typo")]
    fn a_typing_error_is_found() {
        let _ = find("kprobe/typo", "6.12", "baseline");
    }
}
