// SPDX-License-Identifier: GPL-2.0-only
//! What a kernel does with hits, as far as releases and patches differ in it.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::text::misspelling;

/// Defines the enum and its names at once.
macro_rules! behaviours {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// What a kernel does with hits, as far as releases and patches differ in it.
        ///
        /// A release has some of them, a configuration may add one, and a stack of patches
        /// adds and removes some (`stack.toml`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(try_from = "String")]
        pub enum Behaviour {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Behaviour {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Its name in `stack.toml`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

behaviours! {
    /// An ftrace-based kprobe that `ftrace_test_recursion_trylock` refuses is counted
    /// in `nmissed`.
    CountsKprobeRecursion = "counts-kprobe-recursion";
    /// An fprobe on entries that `ftrace_test_recursion_trylock` refuses is counted.
    CountsFprobeRecursion = "counts-fprobe-recursion";
    /// An fprobe on returns that `function_graph_enter_regs` refuses is counted.
    CountsFgraphRecursion = "counts-fgraph-recursion";
    /// A callback that `__ftrace_ops_list_func` does not call for recursion is counted.
    CountsListRecursion = "counts-list-recursion";
    /// `__ftrace_ops_list_func` calls direct functions even if it calls no callback.
    CallsDirectInRecursion = "calls-direct-in-recursion";
    /// `bpf_overflow_handler` counts for the program that it skips.
    CountsPerfEventMisses = "counts-perf-event-misses";
    /// A tracepoint that finds no recursion context counts for its programs.
    CountsTracepointRecursion = "counts-tracepoint-recursion";
    /// A return that `prepare_uretprobe` does not keep is counted, and the link info of
    /// uprobes has the counter.
    CountsUretprobeDepth = "counts-uretprobe-depth";
    /// The link info of a kprobe has its misses.
    ReportsMissesInLinkInfo = "reports-misses-in-link-info";
    /// The link info has the sum of the misses of all probes of an event.
    ReportsAllProbesOfEvent = "reports-all-probes-of-event";
    /// `BPF_TASK_FD_QUERY` has the misses of a probe.
    ReportsMissesInFdQuery = "reports-misses-in-fd-query";
    /// A kprobe.session program that is skipped on entry is not tried on return.
    SkipsReturnOfMissedSession = "skips-return-of-missed-session";
    /// kprobe.multi takes `prog->active`, one per program, in place of
    /// `bpf_prog_active`, one per CPU.
    PerProgramRecursion = "per-program-recursion";
    /// kprobe.multi skips its program while `bpf_prog_active` is taken.
    YieldsToProgActive = "yields-to-prog-active";
    /// `trace_call_bpf`, `bpf_overflow_handler` and `kprobe_multi_link_prog_run` run a
    /// program over one of an outer interrupt context: softirq over task, hardirq over both.
    RunsOverOuterContext = "runs-over-outer-context";
    /// `trace_call_bpf` and `kprobe_multi_link_prog_run` count the programs that they
    /// skip in `recursion_misses`.
    CountsProgActiveMisses = "counts-prog-active-misses";
    /// `__bpf_trace_run` takes `prog->active`, and counts what it skips.
    ChecksRawTpRecursion = "checks-raw-tp-recursion";
    /// A trampoline takes `prog->active`, and counts what it skips.
    ChecksTrampolineRecursion = "checks-trampoline-recursion";
    /// A trampoline takes `prog->active` for programs of the LSM as well.
    ChecksLsmRecursion = "checks-lsm-recursion";
    /// The test run of a raw tracepoint program takes `prog->active`.
    ChecksTestRunRecursion = "checks-test-run-recursion";
    /// Programs on uprobes run by `bpf_prog_run_array_uprobe`, which takes nothing, not by
    /// `trace_call_bpf`.
    SleepableUprobes = "sleepable-uprobes";
    /// Programs on syscall tracepoints run before `perf_syscall_enter` takes a buffer,
    /// and may sleep.
    SleepableSyscallTracepoints = "sleepable-syscall-tracepoints";
    /// fprobe keeps returns on the fgraph shadow stack of the task, not in a pool of
    /// rethooks per link.
    FprobeOnFgraph = "fprobe-on-fgraph";
    /// A kretprobe has at least 10 instances by default, not one per possible CPU, even if
    /// the kernel is not preemptible.
    TenKretprobeInstances = "ten-kretprobe-instances";
    /// The locks of an LRU map are rqspinlocks, which fail where they would deadlock.
    LruLockMayFail = "lru-lock-may-fail";
    /// `CONFIG_PREEMPT_RT`: by configuration, in any release.
    PreemptRt = "preempt-rt";
}

/// A word that is the name of no behaviour.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown behaviour {name:?}{near} (crates/wire/src/behaviour.rs lists all)")]
pub struct UnknownBehaviour {
    name: String,
    near: String,
}

impl FromStr for Behaviour {
    type Err = UnknownBehaviour;

    fn from_str(name: &str) -> Result<Self, UnknownBehaviour> {
        let mut all = Self::ALL.iter().copied();
        all.find(|it| it.name() == name).ok_or_else(|| {
            let names = Self::ALL.iter().map(|it| it.name());
            let near = names.filter_map(|it| Some((misspelling(name, it)?, it)));
            UnknownBehaviour {
                name: name.to_owned(),
                near: near
                    .min()
                    .map_or_else(String::new, |(_, it)| format!("; there is {it}")),
            }
        })
    }
}

impl TryFrom<String> for Behaviour {
    type Error = UnknownBehaviour;

    fn try_from(name: String) -> Result<Self, UnknownBehaviour> {
        name.parse()
    }
}

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("per-programm-recursion" => "unknown behaviour \"per-programm-recursion\"; \
        there is per-program-recursion (crates/wire/src/behaviour.rs lists all)"; "misspelt")]
    #[test_case("flies" => "unknown behaviour \"flies\" (crates/wire/src/behaviour.rs lists all)"; "like none")]
    fn unknown_name_comes_with_the_nearest(name: &str) -> String {
        name.parse::<Behaviour>().unwrap_err().to_string()
    }

    #[test]
    fn every_name_is_read_back() {
        for behaviour in Behaviour::ALL {
            assert_eq!(behaviour.name().parse(), Ok(*behaviour));
        }
    }
}
