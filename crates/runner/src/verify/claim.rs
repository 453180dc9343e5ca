// SPDX-License-Identifier: GPL-2.0-only
//! What an image says about one probe.

use nmissed_kimage::{ATTACH_TYPES, Answer, Arming, Function, Image, Refusal};
use nmissed_wire::{AttachMethod, AttachOutcome, ProbeSite};
use serde::{Serialize, Serializer};

/// What an image says about one probe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) method: AttachMethod,
    pub(crate) function: Function,
    /// Bytes from the function's start; 0 is the entry.
    pub(crate) offset: u64,
    pub(crate) answer: Answer,
}

/// What claims have in common that follow from the same rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ClaimKind {
    pub(crate) method: AttachMethod,
    /// At the entry, or past it.
    pub(crate) entry: bool,
    /// With its reason.
    pub(crate) answer: Answer,
}

impl Claim {
    /// Returns what the image says about the entry of a function, by every method
    /// that the kernel decides about: a trampoline for a function without a
    /// prototype cannot even be requested.
    pub(crate) fn at_entry(image: &Image<'_>, function: Function) -> impl Iterator<Item = Self> {
        let answers = image.answers(&function);
        let by_address = image.kprobe_multi_by_address(&function);
        let claim = move |method| Self {
            method,
            function,
            offset: 0,
            answer: match method {
                AttachMethod::KPROBE_MULTI_ADDRESS => by_address,
                AttachMethod { attach_type, .. } => {
                    let index = ATTACH_TYPES.iter().position(|it| *it == attach_type);
                    answers[index.expect("the prober attaches nothing else")]
                }
            },
        };
        AttachMethod::ALL
            .into_iter()
            .map(claim)
            .filter(|claim| claim.answer != Answer::No(Refusal::NoPrototype))
    }

    pub(crate) fn kind(&self) -> ClaimKind {
        ClaimKind {
            method: self.method,
            entry: self.offset == 0,
            answer: self.answer,
        }
    }

    /// The address that `kprobes/list` should show.
    fn address(&self) -> u64 {
        match (self.method, self.offset) {
            (AttachMethod::KPROBE | AttachMethod::KRETPROBE, 0) => self.function.entry(),
            (_, offset) => self.function.addr.saturating_add(offset),
        }
    }

    /// The same as a question to the prober.
    pub(crate) fn site(&self, image: &Image<'_>) -> ProbeSite {
        let name = image.name(&self.function).to_owned();
        ProbeSite(name, self.address(), self.offset)
    }

    /// `SYMBOL` or `SYMBOL+0xOFFSET`.
    pub(crate) fn place(&self, image: &Image<'_>) -> String {
        let name = image.name(&self.function);
        match self.offset {
            0 => name.to_owned(),
            offset => format!("{name}+{offset:#x}"),
        }
    }

    /// The outcome that confirms it; `None` where it depends on run-time state.
    pub(crate) fn expected(&self) -> Option<AttachOutcome> {
        let armed = matches!(self.method, AttachMethod::KPROBE | AttachMethod::KRETPROBE);
        Some(match self.answer {
            Answer::Yes(_) if !armed => AttachOutcome::Attached,
            Answer::Yes(Arming::Ftrace) => AttachOutcome::Ftrace,
            Answer::Yes(Arming::Optimized) => AttachOutcome::Optimized,
            Answer::Yes(Arming::Int3(_)) => AttachOutcome::Int3,
            Answer::No(refusal) => AttachOutcome::Refused(refusal.errno().number()),
            Answer::Depends(_) => return None,
        })
    }
}

impl ClaimKind {
    /// For reports, and in their JSON.
    pub(crate) fn method_name(&self) -> &'static str {
        match (self.method, self.entry) {
            (AttachMethod::KPROBE, true) => "kprobe at the entry",
            (AttachMethod::KPROBE, false) => "kprobe at an offset",
            (AttachMethod::KRETPROBE, true) => "kretprobe",
            (AttachMethod::KRETPROBE, false) => "kretprobe at an offset",
            (AttachMethod::KPROBE_MULTI_NAME, _) => "kprobe.multi by name",
            (AttachMethod::KPROBE_MULTI_ADDRESS, _) => "kprobe.multi by address",
            (method, _) => method.name(),
        }
    }
}

impl Serialize for ClaimKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            way: &'a str,
            #[serde(flatten)]
            answer: Answer,
        }
        Fields {
            way: self.method_name(),
            answer: self.answer,
        }
        .serialize(serializer)
    }
}
