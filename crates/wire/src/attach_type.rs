// SPDX-License-Identifier: GPL-2.0-only
//! How a BPF program is attached, and all that is known of each way.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Version;

/// Whether links of an attach type count what they missed, and since when
/// `bpf_link_info` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkCounter {
    /// A released kernel does.
    Since(Version),
    /// Only a kernel with the patches of this project does.
    Patched,
    /// The attach type has no layer below the program that could count, or no link.
    None,
}

/// What is known of an attach type.
struct Facts {
    name: &'static str,
    /// The head of its column in the pair matrix: at most three letters.
    short: &'static str,
    /// Its name in `enum bpf_attach_type`; `None` where programs are attached by perf
    /// event or, for `register_kprobe`, where no program is.
    enumerator: Option<&'static str>,
    first: Version,
    counter: LinkCounter,
}

/// Defines the enum, its order and its table at once, so that none can be forgotten.
macro_rules! attach_types {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $short:literal,
        $enumerator:expr, $first:expr, $counter:expr;)+) => {
        /// How a BPF program is attached.
        ///
        /// The order is that of tables. Names are libbpf's spelling of `SEC()` without
        /// the target.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum AttachType {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl AttachType {
            /// All of them, in the order of tables.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            const fn facts(self) -> Facts {
                match self {
                    $(Self::$variant => Facts {
                        name: $name,
                        short: $short,
                        enumerator: $enumerator,
                        first: $first,
                        counter: $counter,
                    },)+
                }
            }
        }
    };
}

/// `missed` in the link info of kprobes and of kprobe.multi came with 6.7.
const IN_LINK_INFO: LinkCounter = LinkCounter::Since(Version::new(6, 7));

const fn since(major: u32, minor: u32) -> Version {
    Version::new(major, minor)
}

/// Trampolines of several functions by one link: c1d32dea5d46 bpf: Add support for tracing
/// multi link.
const TRACING_MULTI: Version = since(7, 2);

attach_types! {
    /// A kprobe by name and offset, from perf or tracefs (`trace_kprobe`).
    Kprobe = "kprobe", "kp", None, since(4, 1), IN_LINK_INFO;
    /// The return of a function, from perf or tracefs.
    Kretprobe = "kretprobe", "krp", None, since(4, 1), IN_LINK_INFO;
    /// `register_kprobe()` by address, from a module: no BPF program, but the rules
    /// that every kprobe goes through.
    RegisterKprobe = "register_kprobe", "rkp", None, since(2, 6), LinkCounter::None;
    /// Entry of any number of functions by one link, through fprobe.
    KprobeMulti = "kprobe.multi", "km", Some("BPF_TRACE_KPROBE_MULTI"), since(5, 18), IN_LINK_INFO;
    /// Their return.
    KretprobeMulti = "kretprobe.multi", "krm", Some("BPF_TRACE_KPROBE_MULTI"), since(5, 18), IN_LINK_INFO;
    /// Both by one program, which can skip the return.
    KprobeSession = "kprobe.session", "ks", Some("BPF_TRACE_KPROBE_SESSION"), since(6, 10), IN_LINK_INFO;
    /// A tracepoint by perf event (`perf_trace_##call`).
    Tp = "tp", "tp", None, since(4, 7), LinkCounter::None;
    /// A tracepoint with its raw arguments (`__bpf_trace_run`).
    RawTp = "raw_tp", "rtp", Some("BPF_TRACE_RAW_TP"), since(4, 17), LinkCounter::None;
    /// The same with arguments typed by BTF.
    TpBtf = "tp_btf", "tpb", Some("BPF_TRACE_RAW_TP"), since(5, 5), LinkCounter::None;
    /// A hardware or software event, or a breakpoint (`bpf_overflow_handler`).
    PerfEvent = "perf_event", "pe", Some("BPF_PERF_EVENT"), since(4, 9), LinkCounter::None;
    /// A trampoline before a function.
    Fentry = "fentry", "fe", Some("BPF_TRACE_FENTRY"), since(5, 5), LinkCounter::None;
    /// A trampoline after a function.
    Fexit = "fexit", "fx", Some("BPF_TRACE_FEXIT"), since(5, 5), LinkCounter::None;
    /// A trampoline that may replace a function.
    FmodRet = "fmod_ret", "fmr", Some("BPF_MODIFY_RETURN"), since(5, 7), LinkCounter::None;
    /// A trampoline before and after a function.
    Fsession = "fsession", "fs", Some("BPF_TRACE_FSESSION"), since(7, 0), LinkCounter::None;
    /// As fentry, on several functions by one link.
    FentryMulti = "fentry.multi", "fem", Some("BPF_TRACE_FENTRY_MULTI"), TRACING_MULTI, LinkCounter::None;
    /// As fexit, on several functions by one link.
    FexitMulti = "fexit.multi", "fxm", Some("BPF_TRACE_FEXIT_MULTI"), TRACING_MULTI, LinkCounter::None;
    /// As fsession, on several functions by one link.
    FsessionMulti = "fsession.multi", "fsm", Some("BPF_TRACE_FSESSION_MULTI"), TRACING_MULTI, LinkCounter::None;
    /// A hook of the BPF LSM.
    Lsm = "lsm", "lsm", Some("BPF_LSM_MAC"), since(5, 7), LinkCounter::None;
    /// An address of user space, from perf or tracefs (`trace_uprobe`).
    Uprobe = "uprobe", "up", None, since(4, 3), LinkCounter::Patched;
    /// The return of a function of user space.
    Uretprobe = "uretprobe", "urp", None, since(4, 3), LinkCounter::Patched;
    /// Any number of addresses of one file by one link.
    UprobeMulti = "uprobe.multi", "um", Some("BPF_TRACE_UPROBE_MULTI"), since(6, 6), LinkCounter::Patched;
    /// Their return.
    UretprobeMulti = "uretprobe.multi", "urm", Some("BPF_TRACE_UPROBE_MULTI"), since(6, 6), LinkCounter::Patched;
    /// Both by one program, which can skip the return.
    UprobeSession = "uprobe.session", "us", Some("BPF_TRACE_UPROBE_SESSION"), since(6, 13), LinkCounter::Patched;
}

/// A word that is the name of no attach type.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no attach type")]
pub struct UnknownAttachType(String);

impl AttachType {
    /// Its name in records, scenarios and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The head of its column in the pair matrix: at most three letters.
    #[must_use]
    pub const fn short_name(self) -> &'static str {
        self.facts().short
    }

    /// Its name in `enum bpf_attach_type`, which the BTF of a kernel that knows it has;
    /// `None` where no number of that enum is needed to attach.
    #[must_use]
    pub const fn enumerator(self) -> Option<&'static str> {
        self.facts().enumerator
    }

    /// The first release that has it.
    #[must_use]
    pub const fn first_release(self) -> Version {
        self.facts().first
    }

    /// Whether its links count what they missed.
    #[must_use]
    pub const fn link_counter(self) -> LinkCounter {
        self.facts().counter
    }

    /// Whether one program runs on entry and on return.
    #[must_use]
    pub const fn is_session(self) -> bool {
        matches!(
            self,
            Self::KprobeSession | Self::UprobeSession | Self::Fsession | Self::FsessionMulti
        )
    }
}

impl fmt::Display for AttachType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for AttachType {
    type Err = UnknownAttachType;

    fn from_str(name: &str) -> Result<Self, UnknownAttachType> {
        let mut all = Self::ALL.iter().copied();
        all.find(|it| it.name() == name)
            .ok_or_else(|| UnknownAttachType(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_distinct_and_are_those_of_the_json() {
        for &it in AttachType::ALL {
            assert_eq!(it.name().parse(), Ok(it));
            assert_eq!(serde_json::to_string(&it).unwrap(), format!("\"{it}\""));
        }
        let names = |name: fn(AttachType) -> &'static str| {
            let all = AttachType::ALL.iter().map(|it| name(*it));
            all.collect::<BTreeSet<_>>().len()
        };
        assert_eq!(names(AttachType::name), AttachType::ALL.len());
        assert_eq!(names(AttachType::short_name), AttachType::ALL.len());
    }

    #[test]
    fn a_typing_error_is_named() {
        let error = "kprobe_multi".parse::<AttachType>().unwrap_err();
        assert_eq!(error.to_string(), "\"kprobe_multi\" is no attach type");
    }
}
