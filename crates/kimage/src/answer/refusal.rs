// SPDX-License-Identifier: GPL-2.0-only
//! Why a probe is refused, each with the kernel function that decides, as of 6.12
//! and 7.3.

use std::fmt;

use crate::answer::errno::Errno;
use crate::facts::btf::Unsupported;
use crate::facts::features::FprobeLookup;

/// A mechanism that a kernel may be built without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// Kprobes on call sites, called by ftrace.
    KprobesOnFtrace,
    /// kprobes for perf, tracefs and BPF.
    KprobeEvents,
    /// Kretprobes: probes on the return of a function.
    Kretprobes,
    /// The mechanism below kprobe.multi.
    Fprobe,
    /// Calls from a function straight to a trampoline.
    DirectCalls,
    /// `bpf_override_return()`.
    KprobeOverride,
    /// Functions that are replaced while the kernel runs.
    Livepatch,
}

impl Mechanism {
    /// Returns the Kconfig symbol.
    #[must_use]
    pub fn option(self) -> &'static str {
        match self {
            Self::KprobesOnFtrace => "CONFIG_KPROBES_ON_FTRACE",
            Self::KprobeEvents => "CONFIG_KPROBE_EVENTS",
            Self::Kretprobes => "CONFIG_KRETPROBES",
            Self::Fprobe => "CONFIG_FPROBE",
            Self::DirectCalls => "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS",
            Self::KprobeOverride => "CONFIG_BPF_KPROBE_OVERRIDE",
            Self::Livepatch => "CONFIG_LIVEPATCH",
        }
    }

    /// The error number without it.
    fn errno(self) -> Errno {
        match self {
            // The verifier knows no such helper.
            Self::KprobesOnFtrace | Self::KprobeOverride => Errno::Einval,
            // perf has no such PMU.
            Self::KprobeEvents => Errno::Enoent,
            // The module has an unknown symbol.
            Self::Livepatch => Errno::Enoent,
            Self::Kretprobes | Self::Fprobe => Errno::Eopnotsupp,
            Self::DirectCalls => Errno::Enotsupp,
        }
    }
}

/// Which rule blacklists an address for kprobes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blacklist {
    /// `NOKPROBE_SYMBOL()`, by address.
    Listed,
    /// `__kprobes`.
    KprobesText,
    /// `noinstr`.
    NoinstrText,
    /// `.entry.text`.
    EntryText,
    /// The name without its suffix is blacklisted.
    BaseName,
}

/// Why a probe cannot be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// More than one symbol has the name.
    AmbiguousName,
    /// The kernel has a symbol of the name of a module's function.
    SharedName,
    /// The kernel is older than kprobe.multi.
    NoKprobeMulti,
    /// The mechanism is not built in.
    NotBuiltIn(Mechanism),
    /// BPF and perf may only probe functions with a call site.
    Notrace,
    /// Not in the kernel's text.
    NotText,
    /// In text that is freed after boot.
    Init,
    /// In text of a module that is freed, and forgotten, once the module runs.
    ModuleInit,
    /// Blacklisted for kprobes, by the rule given.
    Blacklisted(Blacklist),
    /// A static key's branch.
    JumpLabel,
    /// The five bytes of a static call.
    StaticCall,
    /// `BUG()` or `WARN()`.
    Bug,
    /// Padding before a function, which has a symbol of its own.
    Preamble,
    /// Not where an instruction starts.
    NotAnInstruction,
    /// An INT or UD instruction.
    Trap,
    /// It cannot be copied: an emulate prefix, or a change of the stack segment.
    Uncopyable,
    /// It can be neither single-stepped nor emulated.
    BeyondEmulation,
    /// A kretprobe that is not at a function's entry.
    NotEntry,
    /// Where a kretprobe cannot work.
    KretprobeBlacklist,
    /// No ftrace call site in the function.
    NoCallSite,
    /// Its call site is forgotten after boot, with the text around it.
    FreedCallSite,
    /// The same, where the function is given by its address.
    NoCallSiteAt(FprobeLookup),
    /// BTF has no function of the name.
    NoPrototype,
    /// A prototype that no trampoline can be built for.
    Prototype(Unsupported),
    /// It returns more than 8 bytes, and the program could see or replace them.
    WideReturn,
    /// Its arguments take more registers than this, those on the stack included.
    TooManyRegisters(u32),
    /// In `btf_id_deny`: BPF itself needs the function.
    BtfDenied,
    /// A function that does not return.
    NoReturn,
    /// Neither a call site nor a NOP to put a call in.
    NothingToPatch,
    /// No call site in a module, where BPF patches nothing by itself.
    NotTraceable,
    /// Its return value may not be modified.
    NotInjectable,
    /// `bpf_override_return()` may not skip it.
    NotOverridable,
    /// A livepatch must say which of several symbols it means.
    NoSymbolPosition,
    /// No call site by which a livepatch replaces it.
    NotPatchable,
}

impl Refusal {
    /// The error number of the attempt to attach.
    #[must_use]
    pub fn errno(self) -> Errno {
        match self {
            Self::AmbiguousName | Self::SharedName => Errno::Eaddrnotavail,
            Self::NotBuiltIn(mechanism) => mechanism.errno(),
            Self::NotAnInstruction | Self::Trap => Errno::Eilseq,
            Self::BeyondEmulation | Self::WideReturn => Errno::Eopnotsupp,
            Self::TooManyRegisters(_) => Errno::Enotsupp,
            Self::NoCallSite | Self::FreedCallSite => Errno::Esrch,
            Self::NoCallSiteAt(FprobeLookup::Ftrace) => Errno::Einval,
            Self::NoCallSiteAt(FprobeLookup::Fprobe) => Errno::Enoent,
            Self::NoPrototype | Self::ModuleInit => Errno::Enoent,
            Self::NothingToPatch => Errno::Ebusy,
            _ => Errno::Einval,
        }
    }

    /// The kernel function that decides.
    #[must_use]
    pub fn decided_by(self) -> &'static str {
        match self {
            Self::AmbiguousName | Self::SharedName => "validate_probe_symbol",
            Self::NotBuiltIn(_) => "Kconfig",
            Self::NoKprobeMulti => "link_create",
            Self::Notrace => "within_notrace_func",
            Self::NotText | Self::Init => "core_kernel_text",
            Self::Blacklisted(_) => "within_kprobe_blacklist",
            Self::JumpLabel => "jump_label_text_reserved",
            Self::StaticCall => "static_call_text_reserved",
            Self::Bug => "find_bug",
            Self::Preamble => "is_cfi_preamble_symbol",
            Self::NotAnInstruction | Self::Trap => "can_probe",
            Self::Uncopyable => "__copy_instruction",
            Self::BeyondEmulation => "prepare_emulation",
            Self::NotEntry => "kprobe_on_func_entry",
            Self::KretprobeBlacklist => "register_kretprobe",
            Self::NoCallSite | Self::FreedCallSite => "ftrace_lookup_symbols",
            Self::NoCallSiteAt(FprobeLookup::Ftrace) => "ftrace_match_addr",
            Self::NoCallSiteAt(FprobeLookup::Fprobe) => "fprobe_init",
            Self::NoPrototype | Self::BtfDenied | Self::NoReturn => "check_attach_btf_id",
            Self::Prototype(_) => "btf_distill_func_proto",
            Self::WideReturn => "attach_uses_trampoline_retval",
            Self::TooManyRegisters(_) => "arch_prepare_bpf_trampoline",
            Self::ModuleInit => "find_kallsyms_symbol",
            Self::NothingToPatch | Self::NotTraceable => "bpf_arch_text_poke",
            Self::NotInjectable => "check_attach_modify_return",
            Self::NotOverridable => "perf_event_attach_bpf_prog",
            Self::NoSymbolPosition => "klp_find_object_symbol",
            Self::NotPatchable => "klp_patch_func",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AmbiguousName => "several symbols have this name",
            Self::SharedName => "the kernel has a symbol of this name, too: use MODULE:SYMBOL",
            Self::NotBuiltIn(mechanism) => return write!(f, "{} is off", mechanism.option()),
            Self::NoKprobeMulti => "no kprobe.multi, which came with 5.18",
            Self::Notrace => "no call site in the function, and probing such is off",
            Self::NotText => "not in the kernel's text",
            Self::Init => "in text that is freed after boot",
            Self::ModuleInit => "in text that is freed once the module runs",
            Self::Blacklisted(Blacklist::Listed) => "NOKPROBE_SYMBOL() lists it",
            Self::Blacklisted(Blacklist::KprobesText) => "in .kprobes.text",
            Self::Blacklisted(Blacklist::NoinstrText) => "in .noinstr.text",
            Self::Blacklisted(Blacklist::EntryText) => "in .entry.text",
            Self::Blacklisted(Blacklist::BaseName) => {
                "the function that it is a part of is blacklisted"
            }
            Self::JumpLabel => "a static key's branch",
            Self::StaticCall => "a static call",
            Self::Bug => "a BUG() or WARN()",
            Self::Preamble => "in the padding before a function",
            Self::NotAnInstruction => "no instruction starts here",
            Self::Trap => "a trap: INT or UD",
            Self::Uncopyable => "an instruction that cannot be copied",
            Self::BeyondEmulation => "an instruction that can be neither stepped nor emulated",
            Self::NotEntry => "a kretprobe must be at a function's entry",
            Self::KretprobeBlacklist => "it changes the stack",
            Self::NoCallSite => "no call site in the function",
            Self::NoCallSiteAt(_) => "no call site in the function, or one that is freed",
            Self::FreedCallSite => "its call site is freed with the text around it",
            Self::NoPrototype => "BTF has no function of this name",
            Self::Prototype(Unsupported::TooManyArgs) => "it takes more than 12 arguments",
            Self::Prototype(Unsupported::ReturnType) => "its return value does not fit a register",
            Self::Prototype(Unsupported::Variadic) => "it takes variable arguments",
            Self::Prototype(Unsupported::ArgType) => "it takes an argument of more than 16 bytes",
            Self::Prototype(Unsupported::StructArg) => {
                "it takes a struct by value, which works since 6.1"
            }
            Self::Prototype(Unsupported::UnionArg) => {
                "it takes a union by value, which works since 6.18"
            }
            Self::WideReturn => "it returns more than 8 bytes",
            Self::TooManyRegisters(most) => {
                return write!(f, "its arguments take more than {most} registers");
            }
            Self::BtfDenied => "btf_id_deny lists it",
            Self::NoReturn => "noreturn_deny lists it",
            Self::NothingToPatch => "neither a call site nor a NOP to put a call in",
            Self::NotTraceable => "no call site in the function, which is a module's",
            Self::NotOverridable => "ALLOW_ERROR_INJECTION() does not list it",
            Self::NoSymbolPosition => "several symbols have this name: set old_sympos",
            Self::NotPatchable => "no call site in the function, or one that is freed",
            Self::NotInjectable => "neither ALLOW_ERROR_INJECTION() nor a security hook",
        })
    }
}
