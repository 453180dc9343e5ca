// SPDX-License-Identifier: GPL-2.0-only
//! What the host asks the running kernel about probes, and what it answers.
//!
//! The guest's prober knows nothing of what is expected: it attaches, looks
//! and tells.

use serde::{Deserialize, Serialize};

/// What to ask: a JSON array of [`Batch`].
pub const QUESTIONS: &str = "/nmissed/questions";

/// A way to attach, as the prober goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// A kprobe of perf, by name and offset.
    Kprobe,
    /// A kretprobe of perf, by name.
    Kretprobe,
    /// A kprobe.multi link, by name.
    KprobeMultiName,
    /// A kprobe.multi link, by address.
    KprobeMultiAddress,
    /// A trampoline before the function, by BTF number.
    Fentry,
    /// A trampoline after it.
    Fexit,
    /// A trampoline that may skip it.
    FmodRet,
}

impl Way {
    /// All of them, in the order in which they are asked about.
    pub const ALL: [Self; 7] = [
        Self::Kprobe,
        Self::Kretprobe,
        Self::KprobeMultiName,
        Self::KprobeMultiAddress,
        Self::Fentry,
        Self::Fexit,
        Self::FmodRet,
    ];

    /// The name of the prober's test that asks.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kprobe => "kprobe",
            Self::Kretprobe => "kretprobe",
            Self::KprobeMultiName => "kprobe.multi-by-name",
            Self::KprobeMultiAddress => "kprobe.multi-by-address",
            Self::Fentry => "fentry",
            Self::Fexit => "fexit",
            Self::FmodRet => "fmod_ret",
        }
    }
}

/// Places that are probed at the same time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// How.
    pub way: Way,
    /// Whether one link is to hold all of them. If that fails, the prober tells
    /// which of them is to blame.
    pub together: bool,
    /// Where.
    pub spots: Vec<Spot>,
}

/// A function's name, the address where the probe should come to sit, and one
/// more number for some [`Way`]s: the offset into the function for a kprobe,
/// the number of its BTF type for a trampoline. JSON has it as an array.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot(pub String, pub u64, pub u64);

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Seen {
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

/// A list that the kernel keeps, and the prober hands over as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum List {
    /// tracefs `available_filter_functions`.
    Functions,
    /// tracefs `available_filter_functions_addrs` (since 6.5).
    FunctionAddresses,
    /// debugfs `kprobes/blacklist`.
    Blacklist,
    /// The text symbols of `/proc/kallsyms`, without those of modules and BPF.
    Symbols,
}

impl List {
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

/// What the prober writes, one JSON object a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// What became of a batch.
    Batch {
        /// Its index in [`QUESTIONS`].
        batch: usize,
        /// One per spot.
        seen: Vec<Seen>,
    },
    /// A part of a list.
    List {
        /// Which.
        list: List,
        /// Its next lines; none once it has been told in full.
        lines: Vec<String>,
    },
    /// The kernel does not keep this list.
    NoList {
        /// Which.
        absent: List,
    },
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case(
        Answer::Batch { batch: 3, seen: vec![Seen::Ftrace, Seen::Refused(22), Seen::Attached] },
        r#"{"batch":3,"seen":["f",{"e":22},"a"]}"#;
        "a batch"
    )]
    #[test_case(
        Answer::List { list: List::FunctionAddresses, lines: vec!["x".to_owned()] },
        r#"{"list":"function-addresses","lines":["x"]}"#;
        "a list"
    )]
    fn answers_are_short(answer: Answer, json: &str) {
        assert_eq!(serde_json::to_string(&answer).unwrap(), json);
        assert_eq!(serde_json::from_str::<Answer>(json).unwrap(), answer);
    }

    #[test]
    fn a_question_is_short() {
        let batch = Batch {
            way: Way::KprobeMultiName,
            together: true,
            spots: vec![Spot("vfs_read".to_owned(), 16, 4)],
        };
        let json = r#"{"way":"kprobe-multi-name","together":true,"spots":[["vfs_read",16,4]]}"#;
        assert_eq!(serde_json::to_string(&batch).unwrap(), json);
    }
}
