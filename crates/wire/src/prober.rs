// SPDX-License-Identifier: GPL-2.0-only
//! What the host asks about probes on the running kernel, and the prober's replies.
//!
//! The prober knows no expectation: it attaches and reports.

use serde::{Deserialize, Serialize};

use crate::AttachType;

/// The file with the questions: a JSON array of [`ProbeBatch`].
pub const QUESTIONS: &str = "/nmissed/questions";

/// How a probe names the place where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// By the function's name, or its BTF type: what the kernel looks up.
    Name,
    /// By address.
    Address,
}

/// An attach type that the prober asks the kernel about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AttachMethod {
    /// The attach type.
    pub attach_type: AttachType,
    /// How it names its place.
    pub target: Target,
}

impl AttachMethod {
    /// A kprobe of perf, by name and offset.
    pub const KPROBE: Self = Self::by_name(AttachType::Kprobe);
    /// A kretprobe of perf, by name.
    pub const KRETPROBE: Self = Self::by_name(AttachType::Kretprobe);
    /// A kprobe.multi link, by name.
    pub const KPROBE_MULTI_NAME: Self = Self::by_name(AttachType::KprobeMulti);
    /// A kprobe.multi link, by address.
    pub const KPROBE_MULTI_ADDRESS: Self = Self {
        attach_type: AttachType::KprobeMulti,
        target: Target::Address,
    };
    /// A trampoline before the function, by the first BTF function of its name.
    pub const FENTRY: Self = Self::by_name(AttachType::Fentry);
    /// A trampoline after it.
    pub const FEXIT: Self = Self::by_name(AttachType::Fexit);
    /// A trampoline that may replace it.
    pub const FMOD_RET: Self = Self::by_name(AttachType::FmodRet);

    /// All of them, in the order in which the kernel is asked.
    pub const ALL: [Self; 7] = [
        Self::KPROBE,
        Self::KRETPROBE,
        Self::KPROBE_MULTI_NAME,
        Self::KPROBE_MULTI_ADDRESS,
        Self::FENTRY,
        Self::FEXIT,
        Self::FMOD_RET,
    ];

    const fn by_name(attach_type: AttachType) -> Self {
        Self {
            attach_type,
            target: Target::Name,
        }
    }

    /// The name of the prober's test that asks: that of the attach type, and for
    /// kprobe.multi `-by-name` or `-by-address`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match (self.attach_type, self.target) {
            (AttachType::KprobeMulti, Target::Name) => "kprobe.multi-by-name",
            (AttachType::KprobeMulti, Target::Address) => "kprobe.multi-by-address",
            (attach_type, _) => attach_type.name(),
        }
    }
}

/// Places that are probed at the same time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeBatch {
    /// How they are attached.
    pub method: AttachMethod,
    /// Whether one link holds all of them. If the kernel refuses the link, the prober
    /// finds the sites that it refuses.
    pub together: bool,
    /// Where they go.
    pub sites: Vec<ProbeSite>,
}

/// A function's name, the address where the probe should sit, and the offset into the
/// function for a kprobe, else 0. JSON has it as an array.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeSite(pub String, pub u64, pub u64);

/// What the kernel did with one attempt to attach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AttachOutcome {
    /// Attached; there is only one flavor of it.
    #[serde(rename = "a")]
    Attached,
    /// A kprobe, called by ftrace (`[FTRACE]` in debugfs `kprobes/list`).
    #[serde(rename = "f")]
    Ftrace,
    /// A kprobe that a jump calls (`[OPTIMIZED]`).
    #[serde(rename = "o")]
    Optimized,
    /// A kprobe that a breakpoint calls: neither of them.
    #[serde(rename = "i")]
    Int3,
    /// The attempt succeeded, but `kprobes/list` shows nothing at the address.
    #[serde(rename = "u")]
    Unlisted,
    /// Refused, with this error number.
    #[serde(rename = "e")]
    Refused(i32),
}

/// A list that the kernel keeps, and that the prober sends as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KernelList {
    /// tracefs `available_filter_functions`.
    Functions,
    /// tracefs `available_filter_functions_addrs` (since 6.5).
    FunctionAddresses,
    /// debugfs `kprobes/blacklist`.
    Blacklist,
    /// The text symbols of `/proc/kallsyms`, without those of modules and BPF.
    Symbols,
}

impl KernelList {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Functions,
        Self::FunctionAddresses,
        Self::Blacklist,
        Self::Symbols,
    ];

    /// Where the kernel shows it.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Functions => "/sys/kernel/tracing/available_filter_functions",
            Self::FunctionAddresses => "/sys/kernel/tracing/available_filter_functions_addrs",
            Self::Blacklist => "/sys/kernel/debug/kprobes/blacklist",
            Self::Symbols => "/proc/kallsyms",
        }
    }
}

/// One line of the prober: a JSON object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ProberReply {
    /// The outcomes of a batch.
    Batch {
        /// Its index in [`QUESTIONS`].
        batch: usize,
        /// One per site.
        outcomes: Vec<AttachOutcome>,
    },
    /// A part of a list.
    List {
        /// Which.
        list: KernelList,
        /// Its next lines; none after the last part.
        lines: Vec<String>,
    },
    /// The kernel does not keep this list.
    NoList {
        /// Which.
        absent: KernelList,
    },
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case(
        ProberReply::Batch { batch: 3, outcomes: vec![AttachOutcome::Ftrace, AttachOutcome::Refused(22), AttachOutcome::Attached] },
        r#"{"batch":3,"outcomes":["f",{"e":22},"a"]}"#;
        "a batch"
    )]
    #[test_case(
        ProberReply::List { list: KernelList::FunctionAddresses, lines: vec!["x".to_owned()] },
        r#"{"list":"function-addresses","lines":["x"]}"#;
        "a list"
    )]
    fn answers_are_short(answer: ProberReply, json: &str) {
        assert_eq!(serde_json::to_string(&answer).unwrap(), json);
        assert_eq!(serde_json::from_str::<ProberReply>(json).unwrap(), answer);
    }

    #[test]
    fn a_question_is_short() {
        let batch = ProbeBatch {
            method: AttachMethod::KPROBE_MULTI_NAME,
            together: true,
            sites: vec![ProbeSite("vfs_read".to_owned(), 16, 4)],
        };
        let json = r#"{"method":{"attach_type":"kprobe.multi","target":"name"},"together":true,"sites":[["vfs_read",16,4]]}"#;
        assert_eq!(serde_json::to_string(&batch).unwrap(), json);
    }
}
