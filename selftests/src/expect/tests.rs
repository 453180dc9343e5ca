// SPDX-License-Identifier: GPL-2.0-only
//! That the tables decide every scenario on the kernels of this project, and never twice.

use std::collections::BTreeSet;
use std::fs;

use nmissed_wire::{AttachType, Behaviour};
use serde::Deserialize;
use test_case::{test_case, test_matrix};

use super::condition::{When, are_met};
use super::history::history;
use super::{all_rows, find, rows_of};
use crate::kernel::under_test::{KernelUnderTest, Patches};

/// The variants of each kernel of this project.
const STACKS: [&str; 6] = [
    "baseline", "contexts", "counters", "talk", "active", "guarded",
];
/// Those with the counters.
pub(super) const WITH_COUNTERS: [&str; 3] = ["counters", "active", "guarded"];

/// Of a `stack.toml`, what the tests depend on.
#[derive(Deserialize)]
struct Stack {
    on: Option<String>,
    #[serde(default)]
    adds: Vec<Behaviour>,
    #[serde(default)]
    removes: Vec<Behaviour>,
}

/// A kernel of this release, with what `NMISSED_BEHAVIOURS` says about its patches.
pub(super) fn kernel(release: &str, patches: &str) -> KernelUnderTest {
    KernelUnderTest {
        name: release.to_owned(),
        variant: patches.to_owned(),
        complete: true,
        version: release.parse().unwrap(),
        preempt_rt: false,
        patches: patches.parse().unwrap(),
    }
}

/// A kernel with a stack of patches and those that it builds on.
pub(super) fn stack(release: &str, name: &str) -> KernelUnderTest {
    let mut kernel = kernel(release, "");
    let (mut adds, mut removes) = (Vec::new(), Vec::new());
    let mut next = (name != "baseline").then(|| name.to_owned());
    while let Some(name) = next {
        let stack = read(release, &name);
        adds.extend(stack.adds);
        removes.extend(stack.removes);
        next = stack.on;
    }
    kernel.patches = Patches::Declared { adds, removes };
    kernel
}

fn read(release: &str, name: &str) -> Stack {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../patches");
    let path = format!("{root}/{release}/{name}/stack.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|err| panic!("{path}: {err}"));
    toml::from_str(&text).unwrap_or_else(|err| panic!("{path}: {err}"))
}

/// No kernel can meet the conditions of two of the rows.
#[track_caller]
pub(super) fn assert_exclusive(rows: &[When], what: &str) {
    for (at, one) in rows.iter().enumerate() {
        for other in &rows[at + 1..] {
            let pairs = one
                .iter()
                .flat_map(|it| other.iter().map(move |or| (*it, *or)));
            let contradicting = pairs.filter(|(it, or)| it.contradicts(*or)).count();
            assert_ne!(
                contradicting, 0,
                "{what}: {one:?} and {other:?} can both hold"
            );
        }
    }
}

#[test]
fn no_scenario_has_two_rows_on_any_kernel() {
    let scenarios: BTreeSet<_> = all_rows().flat_map(|row| row.scenarios).collect();
    for scenario in scenarios {
        let rows: Vec<_> = rows_of(scenario).map(|row| row.when).collect();
        assert_exclusive(&rows, scenario);
    }
}

#[test_matrix(["6.12", "7.3"], ["baseline", "contexts", "counters", "talk", "active", "guarded"])]
fn each_scenario_has_one_row(release: &str, name: &str) {
    let kernel = stack(release, name);
    for scenario in all_rows().flat_map(|row| row.scenarios) {
        let holding = rows_of(scenario).filter(|row| are_met(row.when, &kernel) == Some(true));
        assert_eq!(holding.count(), 1, "{scenario}");
        assert!(find(scenario, &kernel).is_some(), "{scenario}");
    }
}

/// The exception: the processor raises no second breakpoint, whatever the kernel does.
#[test_matrix(["6.12", "7.3"], ["counters", "active", "guarded"])]
fn a_patched_kernel_loses_nothing(release: &str, name: &str) {
    let kernel = stack(release, name);
    let rows = all_rows().filter(|row| !row.hangs && are_met(row.when, &kernel) == Some(true));
    let losing = rows.filter(|row| row.counts(&kernel).unwrap().times(1).lost() > 0);
    let scenarios: Vec<_> = losing.flat_map(|row| row.scenarios).collect();
    assert_eq!(scenarios, [&"perf_event/breakpoint-in-itself"]);
}

/// What a stack changes is unknown on a kernel with undeclared patches.
#[test]
fn the_history_knows_what_stacks_change() {
    let mut changed = BTreeSet::new();
    for release in ["6.12", "7.3"] {
        for name in &STACKS[1..] {
            let Stack { adds, removes, .. } = read(release, name);
            changed.extend(adds.into_iter().chain(removes));
        }
    }
    let by_patch = Behaviour::ALL.iter().copied();
    let by_patch: BTreeSet<_> = by_patch.filter(|it| history(*it).by_patch).collect();
    assert_eq!(changed, by_patch);
}

#[test_case("kprobe.multi/in-kprobe", "7.3", "" => true; "a release that was tried")]
#[test_case("kprobe.multi/in-kprobe", "7.5", "" => true; "a release inherits")]
#[test_case("kprobe.multi/at-third-level", "6.18", "" => true; "a release between two changes")]
#[test_case("tp/in-kprobe-1", "6.1", "" => true; "a release before the counter")]
#[test_case("kprobe/in-kprobe", "6.1", "?" => true; "patches of any kind")]
#[test_case("kprobe.multi/in-kprobe", "7.3", "?" => false; "patches that may change it")]
#[test_case("kprobe/by-ioctl-in-kprobe", "6.1", "" => true; "no patch adds a source")]
#[test_case("kprobe/by-ioctl-in-fentry", "7.3", "?" => false; "patches may add a source")]
fn a_scenario_is_judged(scenario: &str, release: &str, patches: &str) -> bool {
    find(scenario, &kernel(release, patches)).is_some()
}

#[test]
#[should_panic(expected = "no expectation names kprobe/typo")]
fn a_typing_error_is_found() {
    let _ = find("kprobe/typo", &kernel("6.12", ""));
}

/// Releases with a stock kernel of Debian.
const RELEASES: [&str; 11] = [
    "5.10", "6.1", "6.12", "6.16", "6.17", "6.18", "6.19", "7.0", "7.1", "7.2", "7.3",
];

#[test]
fn every_scenario_is_judged_on_every_release() {
    for (release, preempt_rt) in RELEASES.iter().flat_map(|it| [(it, false), (it, true)]) {
        let kernel = KernelUnderTest {
            preempt_rt,
            ..kernel(release, "")
        };
        for scenario in all_rows().flat_map(|row| row.scenarios) {
            let (attach_type, _) = scenario.split_once('/').unwrap();
            let first = attach_type.parse::<AttachType>().unwrap().first_release();
            let is_judged = find(scenario, &kernel).is_some();
            let is_too_old = kernel.version < first;
            assert!(is_judged || is_too_old, "{scenario} on {release}");
        }
    }
}
