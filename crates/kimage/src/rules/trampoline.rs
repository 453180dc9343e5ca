// SPDX-License-Identifier: GPL-2.0-only
//! fentry, fexit and fmod_ret: `bpf_check_attach_target()` when the program is
//! loaded, `bpf_trampoline_link_prog()` when it is attached.

use nmissed_wire::AttachType;

use crate::answer::arming::Arming;
use crate::answer::condition::Condition;
use crate::answer::refusal::{Mechanism, Refusal};
use crate::answer::value::Answer;
use crate::facts::btf::{Model, REGISTER, Unsupported};
use crate::facts::functions::Function;
use crate::facts::image::Image;
use crate::facts::tables::{NOP5, has};
use crate::rules::trail::{Check, Trail, depends_if, refuse_if};

/// Arguments in registers, by the calling convention of x86_64.
const REGISTERS: u32 = 6;
/// With those on the stack: `MAX_BPF_FUNC_ARGS`.
const ALL_REGISTERS: u32 = 12;

/// A prototype that a trampoline can be built for.
#[derive(Clone, Copy)]
struct Prototype {
    /// The number of its BTF type.
    id: u32,
    model: Model,
}

impl Image<'_> {
    /// `bpf_check_attach_target()` at load, `register_fentry()` at attach.
    pub(super) fn trampoline(
        &self,
        function: &Function,
        attach: AttachType,
        trail: &mut impl Trail,
    ) -> Result<Answer, Answer> {
        self.refuse_forgotten(function)?;
        let prototype = self.prototype(function, trail)?;
        self.wide_return(attach, prototype)?;
        depends_if(self.is_shadowed(function), Condition::Shadowed)?;
        if attach == AttachType::FmodRet {
            self.modify_return(function, trail)?;
        }
        let listed = |ids: &[u32]| prototype.is_some_and(|it| ids.contains(&it.id));
        refuse_if(listed(&self.denied), Refusal::BtfDenied)?;
        refuse_if(
            attach != AttachType::Fentry && listed(&self.noreturn),
            Refusal::NoReturn,
        )?;
        self.passable(prototype)?;
        refuse_if(function.region.is_freed(), Refusal::Init)?;
        self.note_call_site(function, trail);
        self.patchable(function)?;
        depends_if(self.other_types, Condition::OtherTypes)?;
        depends_if(self.types_unknown(), Condition::Types)?;
        Ok(Answer::Yes(Arming::Ftrace))
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
        let model = btf
            .distill(id, self.features.struct_arguments)
            .map_err(|reason| Answer::No(Refusal::Prototype(reason)))?;
        if model.unions {
            let reason = Refusal::Prototype(Unsupported::UnionArg);
            refuse_if(self.features.union_arguments == Some(false), reason)?;
            depends_if(
                self.features.union_arguments.is_none(),
                Condition::UnionArgument,
            )?;
        }
        Ok(Some(Prototype { id, model }))
    }

    /// `attach_uses_trampoline_retval()`.
    fn wide_return(&self, attach: AttachType, prototype: Option<Prototype>) -> Check {
        let wide = prototype.is_some_and(|it| it.model.returned > REGISTER);
        refuse_if(
            wide && attach != AttachType::Fentry && self.features.wide_returns_refused,
            Refusal::WideReturn,
        )
    }

    /// `arch_bpf_trampoline_size()`, which builds the trampoline to see.
    fn passable(&self, prototype: Option<Prototype>) -> Check {
        let most = if self.features.stack_arguments {
            ALL_REGISTERS
        } else {
            REGISTERS
        };
        let many = prototype.is_some_and(|it| it.model.registers > most);
        refuse_if(many, Refusal::TooManyRegisters(most))
    }

    /// `check_attach_modify_return()`.
    fn modify_return(&self, function: &Function, trail: &mut impl Trail) -> Check {
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
    fn patchable(&self, function: &Function) -> Check {
        let inner = self.features.inner_call_sites;
        let site = function.call_site;
        if site.is_some_and(|site| inner || site.addr == function.addr) {
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
