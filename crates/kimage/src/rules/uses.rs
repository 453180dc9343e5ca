// SPDX-License-Identifier: GPL-2.0-only
//! What else is done with functions by way of kprobes and ftrace.

use nmissed_wire::AttachType;

use crate::answer::arming::Arming;
use crate::answer::refusal::{Mechanism, Refusal};
use crate::answer::value::Answer;
use crate::facts::functions::Function;
use crate::facts::image::Image;
use crate::facts::tables::has;
use crate::rules::trail::{Check, refuse_if};

impl Image<'_> {
    /// Returns whether `bpf_override_return()` can replace the function, by a program on a
    /// kprobe at its entry (`perf_event_attach_bpf_prog()`).
    #[must_use]
    pub fn override_return(&self, function: &Function) -> Answer {
        let refused = || {
            let mechanism = Mechanism::KprobeOverride;
            refuse_if(
                !self.features.override_return,
                Refusal::NotBuiltIn(mechanism),
            )?;
            let injectable = has(&self.tables.injectable, function.addr);
            refuse_if(!injectable, Refusal::NotOverridable)
        };
        match self.answer(function, AttachType::Kprobe) {
            Answer::Yes(arming) => refused().err().unwrap_or(Answer::Yes(arming)),
            other => other,
        }
    }

    /// Returns whether a livepatch can replace the function (`klp_enable_patch()`).
    #[must_use]
    pub fn livepatch(&self, function: &Function) -> Answer {
        let refused = self.refuse_livepatch(function);
        self.qualified(refused.err().unwrap_or(Answer::Yes(Arming::Ftrace)))
    }

    fn refuse_livepatch(&self, function: &Function) -> Check {
        refuse_if(
            !self.features.livepatch,
            Refusal::NotBuiltIn(Mechanism::Livepatch),
        )?;
        self.refuse_forgotten(function)?;
        refuse_if(function.copies > 1, Refusal::NoSymbolPosition)?;
        let inner = self.features.inner_call_sites;
        let site = function.call_site;
        let found = site.is_some_and(|site| inner || site.addr == function.addr);
        let patchable = found && !function.region.is_freed();
        refuse_if(!patchable, Refusal::NotPatchable)
    }
}
