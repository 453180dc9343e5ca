// SPDX-License-Identifier: GPL-2.0-only
//! Kprobes and kretprobes: by name, as BPF, perf and tracefs place them
//! (`kernel/trace/trace_kprobe.c`), and by address (`register_kprobe()`).

use crate::answer::arming::Arming;
use crate::answer::condition::Condition;
use crate::answer::refusal::{Mechanism, Refusal};
use crate::answer::value::Answer;
use crate::facts::functions::Function;
use crate::facts::image::Image;
use crate::rules::extent::Extent;
use crate::rules::trail::{Check, Trail, depends_if, refuse_if};

/// Where a probe is put.
pub(super) struct ProbePoint<'p> {
    pub(super) function: &'p Function,
    /// The extent that the function is in.
    extent: &'p Extent<'p, 'p>,
    pub(super) addr: u64,
}

impl<'p> ProbePoint<'p> {
    pub(super) fn entry(function: &'p Function, extent: &'p Extent<'p, 'p>) -> Self {
        Self::at(function, extent, 0)
    }

    /// An offset of 0 means the entry, wherever that is.
    pub(super) fn at(function: &'p Function, extent: &'p Extent<'p, 'p>, offset: u64) -> Self {
        let addr = function.address_at(offset);
        Self {
            function,
            extent,
            addr,
        }
    }
}

/// `register_kprobe()`.
pub(super) fn register_kprobe(point: &ProbePoint<'_>, trail: &mut impl Trail) -> Answer {
    let answer = point.extent.register_kprobe(point.addr);
    if let Answer::Yes(arming) = answer {
        trail.note("check_kprobe_address_safe", || {
            "neither blacklisted nor reserved".to_owned()
        });
        match arming {
            Arming::Ftrace => trail.note("check_ftrace_location", || {
                format!("{:#x} is a call site", point.addr)
            }),
            Arming::Optimized => trail.note("arch_prepare_optimized_kprobe", || {
                "a jump can replace the int3".to_owned()
            }),
            Arming::Int3(reason) => trail.note(reason.decided_by(), || {
                format!("int3, not optimized: {reason}")
            }),
        }
    }
    answer
}

impl Image<'_> {
    /// `create_local_trace_kprobe()`.
    pub(super) fn kprobe(
        &self,
        point: &ProbePoint<'_>,
        trail: &mut impl Trail,
    ) -> Result<Answer, Answer> {
        self.trace_kprobe(point.function, trail)?;
        Ok(register_kprobe(point, trail))
    }

    fn trace_kprobe(&self, function: &Function, trail: &mut impl Trail) -> Check {
        refuse_if(
            !self.features.kprobe_events,
            Refusal::NotBuiltIn(Mechanism::KprobeEvents),
        )?;
        self.resolve(function, trail)?;
        self.note_call_site(function, trail);
        refuse_if(self.within_notrace(function), Refusal::Notrace)
    }

    /// `register_kretprobe()` by way of trace_kprobe.
    pub(super) fn kretprobe(
        &self,
        point: &ProbePoint<'_>,
        trail: &mut impl Trail,
    ) -> Result<Answer, Answer> {
        refuse_if(
            !self.features.kretprobes,
            Refusal::NotBuiltIn(Mechanism::Kretprobes),
        )?;
        let function = point.function;
        self.trace_kprobe(function, trail)?;
        refuse_if(point.addr != function.entry(), Refusal::NotEntry)?;
        // arch/x86/kernel/kprobes/core.c: kretprobe_blacklist.
        let switch = self.symbols.address_of("__switch_to");
        let is_switch = switch == Some(function.addr) && !self.is_module();
        refuse_if(is_switch, Refusal::KretprobeBlacklist)?;
        Ok(register_kprobe(point, trail))
    }

    /// `validate_probe_symbol()`, and `kprobe_lookup_name()` where it is missing.
    fn resolve(&self, function: &Function, trail: &mut impl Trail) -> Check {
        self.refuse_forgotten(function)?;
        let name = self.name(function).as_bytes();
        let kernel = self.kernel().filter(|_| !function.by_module);
        let kernels = kernel.map_or(0, |it| it.symbols.named(name).len());
        trail.note("number_of_same_symbols", || match function.copies {
            1 if kernels > 0 => format!("the kernel has {kernels} of this name, too"),
            1 if self.is_module() => "no other symbol of the module has this name".to_owned(),
            1 => "no other symbol has this name".to_owned(),
            copies => format!("{copies} symbols have this name"),
        });
        let unique = self.features.unique_names;
        refuse_if(unique && function.copies > 1, Refusal::AmbiguousName)?;
        if kernels > 0 {
            let counted = unique && !self.features.kernel_names_first;
            refuse_if(counted, Refusal::SharedName)?;
            return Err(Answer::Depends(Condition::KernelName));
        }
        depends_if(self.is_shadowed(function), Condition::Shadowed)
    }
}
