// SPDX-License-Identifier: GPL-2.0-only
//! kprobe.multi links and fprobes: `bpf_kprobe_multi_link_attach()`.

use crate::answer::arming::Arming;
use crate::answer::condition::Condition;
use crate::answer::refusal::{Mechanism, Refusal};
use crate::answer::value::Answer;
use crate::facts::functions::Function;
use crate::facts::image::Image;
use crate::rules::trail::{Check, Trail, depends_if, refuse_if};

impl Image<'_> {
    /// Returns the answer for a kprobe.multi link by the function's address.
    #[must_use]
    pub fn kprobe_multi_by_address(&self, function: &Function) -> Answer {
        match self.fprobe().and_then(|()| self.traceable(function)) {
            Ok(()) => Answer::Yes(Arming::Ftrace),
            Err(Answer::No(Refusal::NoCallSite | Refusal::FreedCallSite)) => {
                Answer::No(Refusal::NoCallSiteAt(self.features.fprobe_lookup))
            }
            Err(answer) => answer,
        }
    }

    /// `bpf_kprobe_multi_link_attach()` by name: `ftrace_lookup_symbols()`
    /// takes the first symbol of the name that has a call site, in the kernel or
    /// (since 6.2) else in a module.
    pub(super) fn kprobe_multi(
        &self,
        function: &Function,
        trail: &mut impl Trail,
    ) -> Result<Answer, Answer> {
        self.fprobe()?;
        self.note_call_site(function, trail);
        depends_if(self.is_traced_elsewhere(function), Condition::Shadowed)?;
        self.traceable(function)?;
        Ok(Answer::Yes(Arming::Ftrace))
    }

    fn fprobe(&self) -> Check {
        refuse_if(!self.features.kprobe_multi, Refusal::NoKprobeMulti)?;
        let missing = Refusal::NotBuiltIn(Mechanism::Fprobe);
        refuse_if(!self.features.fprobe, missing)
    }

    /// Whether an fprobe can be put on it, however it is named.
    fn traceable(&self, function: &Function) -> Check {
        refuse_if(function.call_site.is_none(), Refusal::NoCallSite)?;
        refuse_if(function.region.is_freed(), Refusal::FreedCallSite)?;
        depends_if(function.call_sites > 1, Condition::SeveralCallSites)
    }

    /// Whether a function of its name with a call site comes before it, or has
    /// one where it has none itself.
    fn is_traced_elsewhere(&self, function: &Function) -> bool {
        let named = |kernel: &Self| {
            let mut named = kernel.symbols.named(self.name(function).as_bytes());
            named.any(|symbol| kernel.stays_traceable(symbol))
        };
        function.traced_elsewhere || self.kernel().is_some_and(named)
    }
}
