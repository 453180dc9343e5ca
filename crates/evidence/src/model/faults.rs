// SPDX-License-Identifier: GPL-2.0-only
//! Faults of released kernels that tests meet and that are known by their commits.

use nmissed_wire::{Outcome, Run, Version};

/// A fault of released kernels that is met as tests read a source of counters.
pub(crate) struct KernelFault {
    /// As in [`Run::deadly_sources`].
    source: &'static str,
    /// The first release with it, and the first one without it.
    releases: [Version; 2],
    /// Kernel function, releases and commits.
    pub(crate) text: &'static str,
}

const KNOWN: &[KernelFault] = &[KernelFault {
    source: "fdinfo of kprobe.multi links",
    releases: [Version::new(6, 17), Version::new(6, 19)],
    text: "bpf_kprobe_multi_show_fdinfo dereferences NULL when fdinfo of a kprobe.multi link \
           without cookies is read: since Linux 6.17 (da7e9c0a7fbc bpf: Add show_fdinfo for \
           kprobe_multi), until Linux 6.19 (ad6fface76da bpf: Fix kprobe_multi cookies access in \
           show_fdinfo callback)",
}];

impl KernelFault {
    /// Whether the fault ended the test, or the machine, with this outcome.
    fn explains(&self, run: &Run, outcome: &Outcome) -> bool {
        let [since, until] = self.releases;
        let has_it = |release: Version| since <= release && release < until;
        let is_met = |source: &String| source == self.source;
        matches!(outcome, Outcome::Crash(why) if why.contains(self.source))
            && run.deadly_sources.iter().any(is_met)
            && run.release.parse().is_ok_and(has_it)
    }
}

/// Returns the known faults that ended tests of a run, each with the names of these tests.
pub(crate) fn known_faults(run: &Run) -> Vec<(&'static KernelFault, Vec<&str>)> {
    let faults = KNOWN.iter().map(|fault| {
        let tests = run.tests.iter();
        let tests = tests.filter(|test| fault.explains(run, &test.outcome));
        (fault, tests.map(|test| test.name.as_str()).collect())
    });
    faults
        .filter(|(_, tests): &(_, Vec<_>)| !tests.is_empty())
        .collect()
}

/// Returns the run as if its tests and its machine had ended well where a known fault of the
/// kernel ended them, without the reports of that crash.
#[must_use]
pub fn without_known_faults(run: &Run) -> Run {
    let is_known = |outcome: &Outcome| KNOWN.iter().any(|it| it.explains(run, outcome));
    let mut rest = run.clone();
    let outcomes = rest.tests.iter_mut().map(|test| &mut test.outcome);
    for outcome in outcomes.chain([&mut rest.machine]) {
        if !is_known(outcome) {
            continue;
        }
        let why = outcome.why().unwrap_or_default();
        rest.reports.retain(|report| !is_of_crash(report, why));
        *outcome = Outcome::Pass;
    }
    rest
}

/// Whether a report belongs to the crash with this first line: the line itself, and what
/// follows each.
fn is_of_crash(report: &str, why: &str) -> bool {
    let follows = ["Oops: ", "Kernel panic - not syncing: Fatal exception"];
    why.contains(report) || follows.iter().any(|it| report.starts_with(it))
}
