// SPDX-License-Identifier: GPL-2.0-only
//! Whether a probe of a kind can be attached to a function, and why.

use std::fmt;

use serde::Serialize;

use crate::answer::reason::{Condition, Mechanism, Refusal};
use crate::answer::sites::{Answer, Flavor, Place};
use crate::elf::module;
use crate::facts::btf::Arguments;
use crate::facts::functions::{CallCode, Function, Region};
use crate::facts::image::Image;
use crate::facts::tables::{NOP5, has};

/// Arguments in registers, by the calling convention of x86_64.
const REGISTERS: u32 = 6;

/// A way to attach to the entry of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attach {
    /// A kprobe by name, from BPF, perf or tracefs: `trace_kprobe`.
    Kprobe,
    /// A kretprobe by name, from the same.
    Kretprobe,
    /// `register_kprobe()` by address, from a module.
    RawKprobe,
    /// A kprobe.multi link, or an fprobe, by name.
    KprobeMulti,
    /// A BPF trampoline before the function.
    Fentry,
    /// A BPF trampoline after the function.
    Fexit,
    /// A BPF trampoline that may skip the function.
    FmodRet,
}

impl Attach {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Kprobe,
        Self::Kretprobe,
        Self::RawKprobe,
        Self::KprobeMulti,
        Self::Fentry,
        Self::Fexit,
        Self::FmodRet,
    ];
}

impl Attach {
    /// Its place in [`Attach::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// Whether it can be asked for at an offset into a function.
    #[must_use]
    pub fn takes_offset(self) -> bool {
        matches!(self, Self::Kprobe | Self::Kretprobe | Self::RawKprobe)
    }
}

impl fmt::Display for Attach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kprobe => "kprobe",
            Self::Kretprobe => "kretprobe",
            Self::RawKprobe => "register_kprobe",
            Self::KprobeMulti => "kprobe.multi",
            Self::Fentry => "fentry",
            Self::Fexit => "fexit",
            Self::FmodRet => "fmod_ret",
        })
    }
}

/// One fact on the way to an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// What was found, in words.
    pub fact: String,
    /// The kernel function that asks.
    pub asked_by: &'static str,
}

/// An answer, and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The answer.
    pub answer: Answer,
    /// In the order in which the kernel asks; the last fact decides.
    pub evidence: Vec<Evidence>,
}

/// A prototype that a trampoline can be built for.
#[derive(Clone, Copy)]
struct Prototype {
    /// The number of its BTF type.
    id: u32,
    /// How many registers its arguments take.
    registers: u32,
}

/// Who is told the facts: nobody while thousands of functions are counted.
trait Trail {
    fn note(&mut self, asked_by: &'static str, fact: impl FnOnce() -> String);
}

impl Trail for () {
    fn note(&mut self, _: &'static str, _: impl FnOnce() -> String) {}
}

impl Trail for Vec<Evidence> {
    fn note(&mut self, asked_by: &'static str, fact: impl FnOnce() -> String) {
        self.push(Evidence {
            fact: fact(),
            asked_by,
        });
    }
}

/// Ends a chain of questions early; `Ok` goes on to the next one.
type Asked = Result<(), Answer>;

fn refuse_if(applies: bool, refusal: Refusal) -> Asked {
    if applies {
        Err(Answer::No(refusal))
    } else {
        Ok(())
    }
}

fn depends_if(applies: bool, condition: Condition) -> Asked {
    if applies {
        Err(Answer::Depends(condition))
    } else {
        Ok(())
    }
}

/// `register_kprobe()`.
fn raw_kprobe(place: &Place<'_, '_>, addr: u64, trail: &mut impl Trail) -> Answer {
    let answer = place.register_kprobe(addr);
    if let Answer::Yes(flavor) = answer {
        trail.note("check_kprobe_address_safe", || {
            "neither blacklisted nor reserved".to_owned()
        });
        match flavor {
            Flavor::Ftrace => trail.note("check_ftrace_location", || {
                format!("{addr:#x} is a call site")
            }),
            Flavor::Optimized => trail.note("arch_prepare_optimized_kprobe", || {
                "a jump can replace the int3".to_owned()
            }),
            Flavor::Int3(reason) => trail.note(reason.decided_by(), || {
                format!("int3, not optimized: {reason}")
            }),
        }
    }
    answer
}

impl Image<'_> {
    /// What becomes of a probe at a function's entry.
    #[must_use]
    pub fn answer(&self, function: &Function, attach: Attach) -> Answer {
        let place = self.place_of(function);
        self.judge(function, attach, &place, function.entry(), &mut ())
    }

    /// The answers for all ways to attach, in the order of [`Attach::ALL`]:
    /// cheaper than one by one.
    #[must_use]
    pub fn answers(&self, function: &Function) -> [Answer; Attach::ALL.len()] {
        self.answers_in(&self.place_of(function), function)
    }

    /// The same for a function whose place is known.
    pub(crate) fn answers_in(
        &self,
        place: &Place<'_, '_>,
        function: &Function,
    ) -> [Answer; Attach::ALL.len()] {
        Attach::ALL.map(|attach| self.judge(function, attach, place, function.entry(), &mut ()))
    }

    /// What becomes of kprobes by name at offsets into a function, 0 being its
    /// entry: cheaper than one by one.
    #[must_use]
    pub fn kprobes_at(&self, function: &Function, offsets: &[u64]) -> Vec<Answer> {
        let place = self.place_of(function);
        let answer = |offset: &u64| {
            let addr = function.address_at(*offset);
            self.judge(function, Attach::Kprobe, &place, addr, &mut ())
        };
        offsets.iter().map(answer).collect()
    }

    /// What becomes of a kprobe.multi link by the function's address.
    #[must_use]
    pub fn kprobe_multi_by_address(&self, function: &Function) -> Answer {
        match self.fprobe().and_then(|()| self.traceable(function)) {
            Ok(()) => Answer::Yes(Flavor::Ftrace),
            Err(Answer::No(Refusal::NoCallSite | Refusal::FreedCallSite)) => {
                Answer::No(Refusal::NoCallSiteAt(self.features.fprobe_lookup))
            }
            Err(answer) => answer,
        }
    }

    /// What becomes of a probe at a function's entry, and why.
    #[must_use]
    pub fn verdict(&self, function: &Function, attach: Attach) -> Verdict {
        self.verdict_at(function, attach, 0)
    }

    /// The same for a probe at an offset into the function, which only matters
    /// where [`Attach::takes_offset`].
    #[must_use]
    pub fn verdict_at(&self, function: &Function, attach: Attach, offset: u64) -> Verdict {
        let addr = function.address_at(offset);
        let mut evidence = Vec::new();
        let place = self.place_of(function);
        let answer = self.judge(function, attach, &place, addr, &mut evidence);
        match answer {
            Answer::No(refusal) => {
                evidence.note(refusal.decided_by(), || {
                    format!("{}: {refusal}", refusal.errno())
                });
            }
            Answer::Depends(condition) => {
                evidence.note("the running kernel", || condition.to_string())
            }
            Answer::Yes(_) => {}
        }
        Verdict { answer, evidence }
    }

    fn judge(
        &self,
        function: &Function,
        attach: Attach,
        place: &Place<'_, '_>,
        addr: u64,
        trail: &mut impl Trail,
    ) -> Answer {
        self.note_place(function, addr, trail);
        let answer = match attach {
            Attach::Kprobe => self.kprobe(function, place, addr, trail),
            Attach::Kretprobe => self.kretprobe(function, place, addr, trail),
            Attach::RawKprobe => Ok(raw_kprobe(place, addr, trail)),
            Attach::KprobeMulti => self.kprobe_multi(function, trail),
            Attach::Fentry | Attach::Fexit | Attach::FmodRet => {
                self.trampoline(function, attach, trail)
            }
        };
        self.qualified(answer.unwrap_or_else(|answer| answer))
    }

    fn note_place(&self, function: &Function, addr: u64, trail: &mut impl Trail) {
        trail.note("kallsyms_lookup_size_offset", || {
            let Function {
                addr, size, region, ..
            } = function;
            format!("{addr:#x}, {size} bytes in {region}")
        });
        if function.endbr && addr == function.entry() {
            trail.note("arch_adjust_kprobe_addr", || {
                "it starts with ENDBR: a probe goes behind it".to_owned()
            });
        }
    }

    fn note_call_site(&self, function: &Function, trail: &mut impl Trail) {
        trail.note("ftrace_location", || match function.call_site {
            None => "no call site in its extent".to_owned(),
            Some(site) => {
                let code = match site.code {
                    CallCode::Call(to) => format!("call {}", self.place_name(to)),
                    CallCode::Nop => "a NOP".to_owned(),
                    CallCode::Other(bytes) => format!("{bytes:02x?}"),
                };
                format!(
                    "call site at +{:#x}: {code}",
                    site.addr.wrapping_sub(function.addr)
                )
            }
        });
    }

    /// The symbol at an address, or the address.
    fn place_name(&self, addr: u64) -> String {
        let kernels = || self.kernel()?.symbol_at(addr);
        let undefined = || {
            let name = module::import_at(&self.elf, addr)?;
            std::str::from_utf8(name).ok()
        };
        let name = self.symbol_at(addr).or_else(kernels).or_else(undefined);
        name.map_or_else(|| format!("{addr:#x}"), str::to_owned)
    }

    fn symbol_at(&self, addr: u64) -> Option<&str> {
        let symbol = self.symbols.around(addr)?;
        (self.symbols.get(symbol).addr == addr).then(|| self.symbols.name(symbol))
    }

    /// `create_local_trace_kprobe()`.
    fn kprobe(
        &self,
        function: &Function,
        place: &Place<'_, '_>,
        addr: u64,
        trail: &mut impl Trail,
    ) -> Result<Answer, Answer> {
        self.trace_kprobe(function, trail)?;
        Ok(raw_kprobe(place, addr, trail))
    }

    fn trace_kprobe(&self, function: &Function, trail: &mut impl Trail) -> Asked {
        refuse_if(
            !self.features.kprobe_events,
            Refusal::NotBuiltIn(Mechanism::KprobeEvents),
        )?;
        self.resolve(function, trail)?;
        self.note_call_site(function, trail);
        refuse_if(self.within_notrace(function), Refusal::Notrace)
    }

    /// `validate_probe_symbol()`, and `kprobe_lookup_name()` where it is missing.
    fn resolve(&self, function: &Function, trail: &mut impl Trail) -> Asked {
        self.refuse_forgotten(function)?;
        trail.note("number_of_same_symbols", || match function.copies {
            1 => "no other symbol has this name".to_owned(),
            copies => format!("{copies} symbols have this name"),
        });
        refuse_if(
            self.features.unique_names && function.copies > 1,
            Refusal::AmbiguousName,
        )?;
        depends_if(self.is_shadowed(function), Condition::Shadowed)
    }

    /// The symbols of a module's init sections go with them.
    fn refuse_forgotten(&self, function: &Function) -> Asked {
        refuse_if(
            self.is_module() && function.region == Region::Init,
            Refusal::ModuleInit,
        )
    }

    /// Whether looking up its name finds another function.
    fn is_shadowed(&self, function: &Function) -> bool {
        function.copies > 1 && self.symbols.address_of(self.name(function)) != Some(function.addr)
    }

    /// `register_kretprobe()` by way of trace_kprobe.
    fn kretprobe(
        &self,
        function: &Function,
        place: &Place<'_, '_>,
        addr: u64,
        trail: &mut impl Trail,
    ) -> Result<Answer, Answer> {
        refuse_if(
            !self.features.kretprobes,
            Refusal::NotBuiltIn(Mechanism::Kretprobes),
        )?;
        self.trace_kprobe(function, trail)?;
        refuse_if(addr != function.entry(), Refusal::NotEntry)?;
        // arch/x86/kernel/kprobes/core.c: kretprobe_blacklist.
        let switch = self.symbols.address_of("__switch_to");
        let is_switch = switch == Some(function.addr) && !self.is_module();
        refuse_if(is_switch, Refusal::KretprobeBlacklist)?;
        Ok(raw_kprobe(place, addr, trail))
    }

    /// `bpf_kprobe_multi_link_attach()` by name: `ftrace_lookup_symbols()`
    /// takes the first symbol of the name that has a call site, in the kernel or
    /// (since 6.2) else in a module.
    fn kprobe_multi(&self, function: &Function, trail: &mut impl Trail) -> Result<Answer, Answer> {
        self.fprobe()?;
        self.note_call_site(function, trail);
        depends_if(self.is_traced_elsewhere(function), Condition::Shadowed)?;
        self.traceable(function)?;
        Ok(Answer::Yes(Flavor::Ftrace))
    }

    fn fprobe(&self) -> Asked {
        let missing = Refusal::NotBuiltIn(Mechanism::Fprobe);
        refuse_if(!self.features.fprobe, missing)
    }

    /// Whether an fprobe can be put on it, however it is named.
    fn traceable(&self, function: &Function) -> Asked {
        refuse_if(function.call_site.is_none(), Refusal::NoCallSite)?;
        refuse_if(function.region == Region::Init, Refusal::FreedCallSite)?;
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

    /// `bpf_check_attach_target()` at load, `register_fentry()` at attach.
    fn trampoline(
        &self,
        function: &Function,
        attach: Attach,
        trail: &mut impl Trail,
    ) -> Result<Answer, Answer> {
        self.refuse_forgotten(function)?;
        let prototype = self.prototype(function, trail)?;
        depends_if(self.is_shadowed(function), Condition::Shadowed)?;
        if attach == Attach::FmodRet {
            self.modify_return(function, trail)?;
        }
        let listed = |ids: &[u32]| prototype.is_some_and(|it| ids.contains(&it.id));
        refuse_if(listed(&self.denied), Refusal::BtfDenied)?;
        refuse_if(
            attach != Attach::Fentry && listed(&self.noreturn),
            Refusal::NoReturn,
        )?;
        let many = prototype.is_some_and(|it| it.registers > REGISTERS);
        depends_if(
            many && !self.features.stack_arguments,
            Condition::StackArguments,
        )?;
        refuse_if(function.region == Region::Init, Refusal::Init)?;
        self.note_call_site(function, trail);
        self.patchable(function)?;
        depends_if(self.types_unknown(), Condition::Types)?;
        Ok(Answer::Yes(Flavor::Ftrace))
    }

    /// A function's prototype, if it allows for a trampoline; `None` if there is no
    /// telling.
    fn prototype(
        &self,
        function: &Function,
        trail: &mut impl Trail,
    ) -> Result<Option<Prototype>, Answer> {
        if self.types_unknown() {
            return Ok(None);
        }
        let prototype = function.prototype.map(u32::from).zip(self.btf.as_ref());
        let (id, btf) = prototype.ok_or(Answer::No(Refusal::NoPrototype))?;
        trail.note("bpf_check_attach_target", || {
            format!("BTF type {id} is a function of this name")
        });
        let Arguments { registers, unions } = btf
            .distill(id)
            .map_err(|reason| Answer::No(Refusal::Prototype(reason)))?;
        depends_if(unions, Condition::UnionArgument)?;
        Ok(Some(Prototype { id, registers }))
    }

    pub(crate) fn types_unknown(&self) -> bool {
        self.module.as_ref().is_some_and(|it| it.types_unknown)
    }

    /// `check_attach_modify_return()`.
    fn modify_return(&self, function: &Function, trail: &mut impl Trail) -> Asked {
        let injectable = has(&self.tables.injectable, function.addr);
        trail.note("within_error_injection_list", || {
            if injectable {
                "ALLOW_ERROR_INJECTION() lists it"
            } else {
                "not in the error injection list"
            }
            .to_owned()
        });
        let allowed = injectable || self.name(function).starts_with("security_");
        let kfunc = function
            .prototype
            .is_some_and(|id| self.kfuncs.binary_search(&id.get()).is_ok());
        depends_if(!allowed && kfunc, Condition::Registered)?;
        refuse_if(!allowed, Refusal::NotInjectable)
    }

    /// `register_fentry()`: by ftrace, or by hand where there is a NOP.
    fn patchable(&self, function: &Function) -> Asked {
        if function.call_site.is_some() {
            depends_if(function.call_sites > 1, Condition::SeveralCallSites)?;
            return refuse_if(
                !self.features.direct_calls,
                Refusal::NotBuiltIn(Mechanism::DirectCalls),
            );
        }
        refuse_if(self.is_module(), Refusal::NotTraceable)?;
        let nop = self
            .elf
            .from(function.entry())
            .is_some_and(|code| code.starts_with(&NOP5));
        refuse_if(!nop, Refusal::NothingToPatch)
    }
}
