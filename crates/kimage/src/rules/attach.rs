// SPDX-License-Identifier: GPL-2.0-only
//! Whether a probe of an attach type can be placed on a function, and why.

use nmissed_wire::AttachType;

use crate::answer::attach_type::ATTACH_TYPES;
use crate::answer::value::Answer;
use crate::facts::functions::Function;
use crate::facts::image::Image;
use crate::rules::extent::Extent;
use crate::rules::kprobe::{ProbePoint, register_kprobe};
use crate::rules::trail::{Evidence, Trail};

/// An answer, and the facts that it follows from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The answer that the facts lead to.
    pub answer: Answer,
    /// In the order in which the kernel checks them; the last fact decides.
    pub evidence: Vec<Evidence>,
}

impl Image<'_> {
    /// Returns the answer for a probe at a function's entry.
    ///
    /// # Panics
    /// If the attach type is none of [`ATTACH_TYPES`]: an image does not decide about the rest.
    #[must_use]
    pub fn answer(&self, function: &Function, attach: AttachType) -> Answer {
        let extent = self.extent_around(function);
        self.decide(attach, &ProbePoint::entry(function, &extent), &mut ())
    }

    /// Returns the answers for all attach types, in the order of [`ATTACH_TYPES`]:
    /// cheaper than one by one.
    #[must_use]
    pub fn answers(&self, function: &Function) -> [Answer; ATTACH_TYPES.len()] {
        self.answers_in(&self.extent_around(function), function)
    }

    /// The same for a function whose extent is known.
    pub(crate) fn answers_in(
        &self,
        extent: &Extent<'_, '_>,
        function: &Function,
    ) -> [Answer; ATTACH_TYPES.len()] {
        let entry = ProbePoint::entry(function, extent);
        ATTACH_TYPES.map(|attach| self.decide(attach, &entry, &mut ()))
    }

    /// Returns the answers for kprobes by name at offsets into a function, 0
    /// being its entry: cheaper than one by one.
    #[must_use]
    pub fn kprobes_at(&self, function: &Function, offsets: &[u64]) -> Vec<Answer> {
        let extent = self.extent_around(function);
        let answer = |offset: &u64| {
            let point = ProbePoint::at(function, &extent, *offset);
            self.decide(AttachType::Kprobe, &point, &mut ())
        };
        offsets.iter().map(answer).collect()
    }

    /// Returns the answer for a probe at a function's entry, with its reasons.
    #[must_use]
    pub fn explain(&self, function: &Function, attach: AttachType) -> Explanation {
        self.explain_at(function, attach, 0)
    }

    /// The same for a probe at an offset into the function, which only matters
    /// for kprobes.
    #[must_use]
    pub fn explain_at(&self, function: &Function, attach: AttachType, offset: u64) -> Explanation {
        let extent = self.extent_around(function);
        let point = ProbePoint::at(function, &extent, offset);
        let mut evidence = Vec::new();
        let answer = self.decide(attach, &point, &mut evidence);
        match answer {
            Answer::No(refusal) => {
                evidence.note(refusal.decided_by(), || {
                    format!("{}: {refusal}", refusal.errno())
                });
            }
            Answer::Depends(condition) => {
                evidence.note("the running kernel", || condition.to_string());
            }
            Answer::Yes(_) => {}
        }
        Explanation { answer, evidence }
    }

    fn decide(&self, attach: AttachType, point: &ProbePoint<'_>, trail: &mut impl Trail) -> Answer {
        note_point(point, trail);
        let function = point.function;
        let answer = match attach {
            AttachType::Kprobe => self.kprobe(point, trail),
            AttachType::Kretprobe => self.kretprobe(point, trail),
            AttachType::RegisterKprobe => Ok(register_kprobe(point, trail)),
            AttachType::KprobeMulti => self.kprobe_multi(function, trail),
            AttachType::Fentry | AttachType::Fexit | AttachType::FmodRet => {
                self.trampoline(function, attach, trail)
            }
            _ => panic!("an image has no answer for {attach}"),
        };
        self.qualified(answer.unwrap_or_else(|answer| answer))
    }
}

fn note_point(point: &ProbePoint<'_>, trail: &mut impl Trail) {
    let function = point.function;
    trail.note("kallsyms_lookup_size_offset", || {
        let Function {
            addr, size, region, ..
        } = function;
        format!("{addr:#x}, {size} bytes in {region}")
    });
    if function.endbr && point.addr == function.entry() {
        trail.note("arch_adjust_kprobe_addr", || {
            "it starts with ENDBR: a probe goes behind it".to_owned()
        });
    }
}
