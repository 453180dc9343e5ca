// SPDX-License-Identifier: GPL-2.0-only
//! Which releases have which behaviour: the history of where hits are lost.

use std::fmt;

use nmissed_wire::Behaviour::{self, *};
use nmissed_wire::Version;

use crate::kernel::under_test::{KernelUnderTest, Patches};

/// What is known of a behaviour.
#[derive(Clone, Copy, Debug)]
pub(super) struct History {
    /// The releases that have it; `None` where no release has.
    releases: Option<Releases>,
    /// Whether a stack of this project adds or removes it.
    pub(super) by_patch: bool,
    /// Whether it depends on the configuration alone.
    by_configuration: bool,
}

/// A half-open range of releases.
#[derive(Clone, Copy, Debug)]
struct Releases {
    since: Change,
    until: Option<Change>,
}

/// The first release after a change.
#[derive(Clone, Copy, Debug)]
struct Change {
    first: Version,
    /// The upstream commit (12 digits and subject) that made the difference, or the
    /// releases by which it was seen.
    source: &'static str,
}

/// Returns the history of a behaviour.
pub(super) const fn history(behaviour: Behaviour) -> History {
    match behaviour {
        ChecksTrampolineRecursion => since(
            release(5, 12),
            "ca06f55b9002 bpf: Add per-program recursion prevention mechanism",
        ),
        ReportsMissesInLinkInfo => since(
            release(6, 6),
            "3acf8ace6823 bpf: Add missed value to kprobe perf link info; in 6.7, and in 6.6.y of \
             stable",
        ),
        ChecksLsmRecursion => since(
            release(5, 12),
            "ca06f55b9002 bpf: Add per-program recursion prevention mechanism",
        )
        .until(
            release(6, 1),
            "271de525e1d7 bpf: Remove prog->active check for bpf_lsm and bpf_iter; in 6.2, and in \
             6.1.y of stable",
        ),
        ChecksRawTpRecursion => since(
            release(6, 1),
            "05b24ff9b2cf bpf: Prevent bpf program recursion for raw tracepoint probes",
        ),
        CountsProgActiveMisses => since(
            release(6, 7),
            "dd8657894c11 bpf: Count missed stats in trace_call_bpf; \
             f915fcb38553 bpf: Count stats for kprobe_multi programs",
        ),
        YieldsToProgActive => {
            since(release(5, 18), "0dcac2725406 bpf: Add multi kprobe link").or_by_patch()
        }
        CountsFprobeRecursion => since(
            release(5, 18),
            "cad9931f64dc fprobe: Add ftrace based probe APIs",
        )
        .until(
            release(6, 14),
            "4346ba160409 fprobe: Rewrite fprobe on function-graph tracer; not mended by \
             2c67dc457bc6 tracing: fprobe: optimization for entry only case",
        )
        .or_by_patch(),
        FprobeOnFgraph => since(
            release(6, 14),
            "4346ba160409 fprobe: Rewrite fprobe on function-graph tracer",
        ),
        SkipsReturnOfMissedSession => since(
            release(6, 14),
            "2ebadb60cb36 bpf: Return error for missed kprobe multi bpf program execution",
        )
        .or_by_patch(),
        ChecksTestRunRecursion => since(
            release(7, 2),
            "439ebd5b5708 bpf: Add sleepable support for raw tracepoint programs",
        ),
        SleepableUprobes => since(
            release(6, 0),
            "8c7dcb84e3b7 bpf: implement sleepable uprobes by chaining gps",
        ),
        TenKretprobeInstances => since(
            release(6, 1),
            "3b7ddab8a19a kprobes: kretprobe events missing on 2-core KVM guest; in 6.2, and in \
             6.1.y of stable",
        ),
        LruLockMayFail => since(
            release(7, 2),
            "seen in kernel/bpf/bpf_lru_list.c of 7.2, and not in that of 6.12",
        ),
        PreemptRt => BY_CONFIGURATION,
        SleepableSyscallTracepoints => since(
            release(7, 2),
            "57918341dd19 bpf: Add sleepable support for classic tracepoint programs",
        ),
        CountsKprobeRecursion
        | CountsFgraphRecursion
        | CountsListRecursion
        | CallsDirectInRecursion
        | CountsPerfEventMisses
        | CountsTracepointRecursion
        | CountsUretprobeDepth
        | ReportsAllProbesOfEvent
        | ReportsMissesInFdQuery
        | PerProgramRecursion
        | RunsOverOuterContext => BY_PATCH,
    }
}

/// No release has it, but a stack adds it.
const BY_PATCH: History = History {
    by_patch: true,
    ..NONE
};

/// Any release may have it.
const BY_CONFIGURATION: History = History {
    by_configuration: true,
    ..NONE
};

const NONE: History = History {
    releases: None,
    by_patch: false,
    by_configuration: false,
};

const fn since(first: Version, source: &'static str) -> History {
    let since = Change { first, source };
    History {
        releases: Some(Releases { since, until: None }),
        ..NONE
    }
}

const fn release(major: u32, minor: u32) -> Version {
    Version::new(major, minor)
}

impl History {
    const fn until(self, first: Version, source: &'static str) -> Self {
        let Some(Releases { since, .. }) = self.releases else {
            panic!("no release has it");
        };
        let until = Some(Change { first, source });
        Self {
            releases: Some(Releases { since, until }),
            ..self
        }
    }

    const fn or_by_patch(self) -> Self {
        Self {
            by_patch: true,
            ..self
        }
    }

    /// Whether a release has it.
    fn is_in(&self, release: Version) -> bool {
        self.releases.is_some_and(|it| {
            let ended = it.until.is_some_and(|until| until.first <= release);
            it.since.first <= release && !ended
        })
    }
}

/// Whether a kernel has a behaviour; `None` where its patches are not declared and may
/// change it.
pub(super) fn has(kernel: &KernelUnderTest, behaviour: Behaviour) -> Option<bool> {
    let history = history(behaviour);
    match &kernel.patches {
        _ if history.by_configuration => Some(kernel.preempt_rt),
        Patches::Declared { removes, .. } if removes.contains(&behaviour) => Some(false),
        Patches::Declared { adds, .. } if adds.contains(&behaviour) => Some(true),
        Patches::Undeclared if history.by_patch => None,
        _ => Some(history.is_in(kernel.version)),
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Releases { since, until }) = self.releases else {
            return f.write_str(match self.by_configuration {
                true => "by configuration",
                false => "in no release",
            });
        };
        write!(f, "since Linux {} ({})", since.first, since.source)?;
        match until {
            Some(it) => write!(f, ", until Linux {} ({})", it.first, it.source),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;
    use crate::expect::tests::kernel;

    #[test_case(CountsFprobeRecursion, "5.17", "" => Some(false); "before the range")]
    #[test_case(CountsFprobeRecursion, "6.13", "" => Some(true); "in the range")]
    #[test_case(CountsFprobeRecursion, "6.14", "" => Some(false); "a range is half open")]
    #[test_case(CountsFprobeRecursion, "7.3", "counts-fprobe-recursion" => Some(true); "added")]
    #[test_case(YieldsToProgActive, "7.5", "" => Some(true); "a release inherits")]
    #[test_case(YieldsToProgActive, "7.5", "-yields-to-prog-active" => Some(false); "removed")]
    #[test_case(ChecksTestRunRecursion, "6.18", "" => Some(false); "before its release")]
    #[test_case(SleepableSyscallTracepoints, "7.1", "" => Some(false); "not yet")]
    #[test_case(YieldsToProgActive, "7.3", "?" => None; "patches may change it")]
    #[test_case(FprobeOnFgraph, "7.3", "?" => Some(true); "no patch changes it")]
    #[test_case(PerProgramRecursion, "7.3", "" => Some(false); "only patches add it")]
    fn a_kernel_has_it_or_not(it: Behaviour, release: &str, patches: &str) -> Option<bool> {
        has(&kernel(release, patches), it)
    }
}
