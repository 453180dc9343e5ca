// SPDX-License-Identifier: GPL-2.0-only
//! The JSON form of reports, which other programs read: fields may be added,
//! none goes or changes its meaning.
//!
//! An [`Answer`] is an object:
//!
//! | field | value |
//! | --- | --- |
//! | `answer` | `yes`, `no` or `depends` |
//! | `flavor` | of a yes: `ftrace`, `optimized` or `int3` |
//! | `errno` | of a no: its name, as `EINVAL` |
//! | `decided_by` | of a no, and of an int3: the kernel function |
//! | `reason` | unless `ftrace` or `optimized`: prose for people, which may be reworded |
//!
//! Addresses are strings like `0xffffffff81000000`, since JSON's readers keep 53
//! bits of a number; offsets and sizes are numbers.

use serde::{Serialize, Serializer};

use crate::report::about::Missing;
use crate::{Answer, Arming, Layer, Region, SymbolSource};

#[derive(Serialize)]
struct AnswerFields {
    answer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    flavor: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errno: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<Answer> for AnswerFields {
    fn from(answer: Answer) -> Self {
        let label = Some(answer.label());
        let (word, flavor, errno, decided_by) = match answer {
            Answer::Yes(Arming::Int3(why)) => ("yes", label, None, Some(why.decided_by())),
            Answer::Yes(_) => ("yes", label, None, None),
            Answer::No(refusal) => ("no", None, label, Some(refusal.decided_by())),
            Answer::Depends(_) => ("depends", None, None, None),
        };
        Self {
            answer: word,
            flavor,
            errno,
            decided_by,
            reason: answer.reason(),
        }
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        AnswerFields::from(*self).serialize(serializer)
    }
}

/// Serializes types as they are displayed.
macro_rules! displayed {
    ($($kind:ty),*) => {$(
        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

displayed!(Layer, Missing, Region, SymbolSource);

pub(crate) fn hex<S: Serializer>(addr: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{addr:#x}"))
}

/// Pairs as a map, in their order.
pub(crate) fn map<S: Serializer>(
    pairs: &[(impl Serialize, impl Serialize)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(key, value)| (key, value)))
}
