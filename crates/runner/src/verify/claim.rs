// SPDX-License-Identifier: GPL-2.0-only
//! One promise: what becomes of one probe.

use std::fmt;

use nmissed_kimage::{Answer, Attach, Flavor, Function, Image, Refusal};
use nmissed_wire::{AttachMethod, AttachOutcome, AttachType, ProbeSite};
use serde::{Serialize, Serializer};

/// What an image promises about a probe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    /// How it is attached.
    pub(crate) way: AttachMethod,
    /// Where.
    pub(crate) function: Function,
    /// Bytes from the function's start; 0 is the entry.
    pub(crate) offset: u64,
    /// The promise.
    pub(crate) answer: Answer,
}

/// Claims that come from the same rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    /// How they are attached.
    pub(crate) way: AttachMethod,
    /// At the entry, or past it.
    pub(crate) entry: bool,
    /// The promise, its reason included.
    pub(crate) answer: Answer,
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
                AttachMethod::KPROBE_MULTI_ADDRESS => by_address,
                way => answers[attach(way).index()],
            },
        };
        AttachMethod::ALL
            .into_iter()
            .map(claim)
            .filter(|claim| claim.answer != Answer::No(Refusal::NoPrototype))
    }

    /// The rule behind it.
    #[must_use]
    pub(crate) fn kind(&self) -> Kind {
        Kind {
            way: self.way,
            entry: self.offset == 0,
            answer: self.answer,
        }
    }

    /// The address where the probe should come to sit.
    #[must_use]
    pub(crate) fn address(&self) -> u64 {
        match (self.way, self.offset) {
            (AttachMethod::KPROBE | AttachMethod::KRETPROBE, 0) => self.function.entry(),
            (_, offset) => self.function.addr.saturating_add(offset),
        }
    }

    pub(crate) fn spot(&self, image: &Image<'_>) -> ProbeSite {
        let number = match self.way {
            AttachMethod::FENTRY | AttachMethod::FEXIT | AttachMethod::FMOD_RET => {
                self.function.prototype.map_or(0, |id| id.get().into())
            }
            _ => self.offset,
        };
        ProbeSite(
            image.name(&self.function).to_owned(),
            self.address(),
            number,
        )
    }

    /// What the guest should see; `None` where only the running kernel knows.
    pub(crate) fn expected(&self) -> Option<AttachOutcome> {
        let armed = matches!(self.way, AttachMethod::KPROBE | AttachMethod::KRETPROBE);
        Some(match self.answer {
            Answer::Yes(_) if !armed => AttachOutcome::Attached,
            Answer::Yes(Flavor::Ftrace) => AttachOutcome::Ftrace,
            Answer::Yes(Flavor::Optimized) => AttachOutcome::Optimized,
            Answer::Yes(Flavor::Int3(_)) => AttachOutcome::Int3,
            Answer::No(refusal) => AttachOutcome::Refused(refusal.errno().number()),
            Answer::Depends(_) => return None,
        })
    }
}

/// Returns what kimage calls an attach type.
fn attach(method: AttachMethod) -> Attach {
    match method.attach_type {
        AttachType::Kprobe => Attach::Kprobe,
        AttachType::Kretprobe => Attach::Kretprobe,
        AttachType::KprobeMulti => Attach::KprobeMulti,
        AttachType::Fentry => Attach::Fentry,
        AttachType::Fexit => Attach::Fexit,
        AttachType::FmodRet => Attach::FmodRet,
        other => unreachable!("the prober does not attach {other}"),
    }
}

impl Kind {
    /// The way, in words.
    #[must_use]
    pub(crate) fn way_name(&self) -> &'static str {
        match (self.way, self.entry) {
            (AttachMethod::KPROBE, true) => "kprobe at the entry",
            (AttachMethod::KPROBE, false) => "kprobe at an offset",
            (AttachMethod::KRETPROBE, true) => "kretprobe",
            (AttachMethod::KRETPROBE, false) => "kretprobe at an offset",
            (AttachMethod::KPROBE_MULTI_NAME, _) => "kprobe.multi by name",
            (AttachMethod::KPROBE_MULTI_ADDRESS, _) => "kprobe.multi by address",
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
