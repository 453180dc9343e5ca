// SPDX-License-Identifier: GPL-2.0-only
//! One promise: what becomes of one probe.

use std::fmt;

use nmissed_evidence::{Seen, Spot, Way};
use nmissed_kimage::{Answer, Attach, Flavor, Function, Image, Refusal};
use serde::{Serialize, Serializer};

/// What an image promises about a probe.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// How it is attached.
    pub way: Way,
    /// Where.
    pub function: Function,
    /// Bytes from the function's start; 0 is the entry.
    pub offset: u64,
    /// The promise.
    pub answer: Answer,
}

/// Claims that come from the same rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    /// How they are attached.
    pub way: Way,
    /// At the entry, or past it.
    pub entry: bool,
    /// The promise, its reason included.
    pub answer: Answer,
}

impl Claim {
    /// What the image has to say about the entry of a function, by every way
    /// that is the kernel's to judge: a trampoline for a function without a
    /// prototype cannot even be asked for.
    pub(crate) fn at_entry(image: &Image<'_>, function: Function) -> impl Iterator<Item = Self> {
        let answers = image.answers(&function);
        let by_address = image.kprobe_multi_by_address(&function);
        let claim = move |way| Self {
            way,
            function,
            offset: 0,
            answer: match way {
                Way::KprobeMultiAddress => by_address,
                way => answers[attach(way).index()],
            },
        };
        Way::ALL
            .into_iter()
            .map(claim)
            .filter(|claim| claim.answer != Answer::No(Refusal::NoPrototype))
    }

    /// The rule behind it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind {
            way: self.way,
            entry: self.offset == 0,
            answer: self.answer,
        }
    }

    /// The address where the probe should come to sit.
    #[must_use]
    pub fn address(&self) -> u64 {
        match (self.way, self.offset) {
            (Way::Kprobe | Way::Kretprobe, 0) => self.function.entry(),
            (_, offset) => self.function.addr.saturating_add(offset),
        }
    }

    pub(crate) fn spot(&self, image: &Image<'_>) -> Spot {
        let number = match self.way {
            Way::Fentry | Way::Fexit | Way::FmodRet => {
                self.function.prototype.map_or(0, |id| id.get().into())
            }
            _ => self.offset,
        };
        Spot(
            image.name(&self.function).to_owned(),
            self.address(),
            number,
        )
    }

    /// What the guest should see; `None` where only the running kernel knows.
    pub(crate) fn expected(&self) -> Option<Seen> {
        let armed = matches!(self.way, Way::Kprobe | Way::Kretprobe);
        Some(match self.answer {
            Answer::Yes(_) if !armed => Seen::Attached,
            Answer::Yes(Flavor::Ftrace) => Seen::Ftrace,
            Answer::Yes(Flavor::Optimized) => Seen::Optimized,
            Answer::Yes(Flavor::Int3(_)) => Seen::Int3,
            Answer::No(refusal) => Seen::Refused(refusal.errno().number()),
            Answer::Depends(_) => return None,
        })
    }
}

/// What kimage calls a way.
fn attach(way: Way) -> Attach {
    match way {
        Way::Kprobe => Attach::Kprobe,
        Way::Kretprobe => Attach::Kretprobe,
        Way::KprobeMultiName | Way::KprobeMultiAddress => Attach::KprobeMulti,
        Way::Fentry => Attach::Fentry,
        Way::Fexit => Attach::Fexit,
        Way::FmodRet => Attach::FmodRet,
    }
}

impl Kind {
    /// The way, in words.
    #[must_use]
    pub fn way_name(&self) -> &'static str {
        match (self.way, self.entry) {
            (Way::Kprobe, true) => "kprobe at the entry",
            (Way::Kprobe, false) => "kprobe at an offset",
            (Way::Kretprobe, true) => "kretprobe",
            (Way::Kretprobe, false) => "kretprobe at an offset",
            (Way::KprobeMultiName, _) => "kprobe.multi by name",
            (Way::KprobeMultiAddress, _) => "kprobe.multi by address",
            (way, _) => way.name(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.way_name(), self.answer.label())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            way: &'a str,
            #[serde(flatten)]
            answer: Answer,
        }
        Fields {
            way: self.way_name(),
            answer: self.answer,
        }
        .serialize(serializer)
    }
}
