// SPDX-License-Identifier: GPL-2.0-only
//! Why a probe is refused, is not optimized, or depends on something: each
//! with the kernel function that decides, as of 6.12 and 7.3.

use std::fmt;

use crate::answer::sites::Flavor;
use crate::facts::btf::Unsupported;

/// An error number, as `include/uapi/asm-generic/errno*.h` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Errno {
    /// No such file or directory.
    Enoent = 2,
    /// No such process.
    Esrch = 3,
    /// Device or resource busy.
    Ebusy = 16,
    /// Invalid argument.
    Einval = 22,
    /// Illegal byte sequence.
    Eilseq = 84,
    /// Operation not supported.
    Eopnotsupp = 95,
    /// Cannot assign requested address.
    Eaddrnotavail = 99,
    /// The kernel's own, which has no name outside of it.
    Enotsupp = 524,
}

impl Errno {
    /// All of them.
    const ALL: [Self; 8] = [
        Self::Enoent,
        Self::Esrch,
        Self::Ebusy,
        Self::Einval,
        Self::Eilseq,
        Self::Eopnotsupp,
        Self::Eaddrnotavail,
        Self::Enotsupp,
    ];

    /// Its number.
    #[must_use]
    pub fn number(self) -> i32 {
        self as i32
    }

    /// The name of a number, if it is one of these.
    #[must_use]
    pub fn name_of(number: i32) -> Option<&'static str> {
        let named = Self::ALL.into_iter().find(|errno| errno.number() == number);
        named.map(Self::name)
    }

    /// As C has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Enoent => "ENOENT",
            Self::Esrch => "ESRCH",
            Self::Ebusy => "EBUSY",
            Self::Einval => "EINVAL",
            Self::Eilseq => "EILSEQ",
            Self::Eopnotsupp => "EOPNOTSUPP",
            Self::Eaddrnotavail => "EADDRNOTAVAIL",
            Self::Enotsupp => "ENOTSUPP",
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
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

/// What a kernel may be built without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// ftrace-based kprobes.
    KprobesOnFtrace,
    /// kprobes for perf, tracefs and BPF.
    KprobeEvents,
    /// Probes on returns.
    Kretprobes,
    /// What kprobe.multi is made of.
    Fprobe,
    /// Calls from a function straight to a trampoline.
    DirectCalls,
}

impl Mechanism {
    /// The option that it comes with.
    #[must_use]
    pub fn option(self) -> &'static str {
        match self {
            Self::KprobesOnFtrace => "CONFIG_KPROBES_ON_FTRACE",
            Self::KprobeEvents => "CONFIG_KPROBE_EVENTS",
            Self::Kretprobes => "CONFIG_KRETPROBES",
            Self::Fprobe => "CONFIG_FPROBE",
            Self::DirectCalls => "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS",
        }
    }

    /// What asking for it fails with.
    fn errno(self) -> Errno {
        match self {
            Self::KprobesOnFtrace => Errno::Einval,
            // perf has no such PMU.
            Self::KprobeEvents => Errno::Enoent,
            Self::Kretprobes | Self::Fprobe => Errno::Eopnotsupp,
            Self::DirectCalls => Errno::Enotsupp,
        }
    }
}

/// Who looks up the call site of an address that fprobe is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FprobeLookup {
    /// ftrace, for the fprobe's own `ftrace_ops` (up to 6.13).
    #[default]
    Ftrace,
    /// fprobe, for its table of addresses (since 6.14, when it moved to fgraph).
    Fprobe,
}

impl FprobeLookup {
    fn errno(self) -> Errno {
        match self {
            Self::Ftrace => Errno::Einval,
            Self::Fprobe => Errno::Enoent,
        }
    }

    fn function(self) -> &'static str {
        match self {
            Self::Ftrace => "ftrace_match_addr",
            Self::Fprobe => "fprobe_init",
        }
    }
}

/// Why a probe cannot be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// More than one symbol has the name.
    AmbiguousName,
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
    /// Blacklisted for kprobes.
    Blacklisted(Blacklist),
    /// A static key's branch.
    JumpLabel,
    /// A static call.
    StaticCall,
    /// `BUG()` or `WARN()`.
    Bug,
    /// Padding before a function, which has a symbol of its own.
    Preamble,
    /// Not where an instruction starts.
    NotAnInstruction,
    /// INT or UD.
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
    /// A function that BPF itself needs.
    BtfDenied,
    /// A function that does not return.
    NoReturn,
    /// Neither a call site nor a NOP to put a call in.
    NothingToPatch,
    /// No call site in a module, where BPF patches nothing by itself.
    NotTraceable,
    /// Its return value may not be modified.
    NotInjectable,
}

impl Refusal {
    /// What the attempt fails with.
    #[must_use]
    pub fn errno(self) -> Errno {
        match self {
            Self::AmbiguousName => Errno::Eaddrnotavail,
            Self::NotBuiltIn(mechanism) => mechanism.errno(),
            Self::NotAnInstruction | Self::Trap => Errno::Eilseq,
            Self::BeyondEmulation => Errno::Eopnotsupp,
            Self::NoCallSite | Self::FreedCallSite => Errno::Esrch,
            Self::NoCallSiteAt(lookup) => lookup.errno(),
            Self::NoPrototype | Self::ModuleInit => Errno::Enoent,
            Self::NothingToPatch => Errno::Ebusy,
            _ => Errno::Einval,
        }
    }

    /// The kernel function that decides.
    #[must_use]
    pub fn decided_by(self) -> &'static str {
        match self {
            Self::AmbiguousName => "validate_probe_symbol",
            Self::NotBuiltIn(_) => "Kconfig",
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
            Self::NoCallSiteAt(lookup) => lookup.function(),
            Self::NoPrototype | Self::BtfDenied | Self::NoReturn => "check_attach_btf_id",
            Self::Prototype(_) => "btf_distill_func_proto",
            Self::ModuleInit => "find_kallsyms_symbol",
            Self::NothingToPatch | Self::NotTraceable => "bpf_arch_text_poke",
            Self::NotInjectable => "check_attach_modify_return",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AmbiguousName => "several symbols have this name",
            Self::NotBuiltIn(mechanism) => return write!(f, "{} is off", mechanism.option()),
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
            Self::Prototype(Unsupported::ReturnType) => "it returns what fits no register",
            Self::Prototype(Unsupported::Variadic) => "it takes variable arguments",
            Self::Prototype(Unsupported::ArgType) => "it takes an argument of more than 16 bytes",
            Self::BtfDenied => "btf_id_deny lists it",
            Self::NoReturn => "noreturn_deny lists it",
            Self::NothingToPatch => "neither a call site nor a NOP to put a call in",
            Self::NotTraceable => "no call site in the function, which is a module's",
            Self::NotInjectable => "neither ALLOW_ERROR_INJECTION() nor a security hook",
        })
    }
}

/// Why an int3 is not replaced by a jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotOptimized {
    /// `CONFIG_OPTPROBES` is off.
    NotBuiltIn,
    /// In `.entry.text`.
    EntryText,
    /// Fewer than five bytes are left of the function.
    TooShort,
    /// An instruction of the function may fault, and its fixup may jump back.
    Faulting,
    /// An indirect jump in the function, which may go anywhere.
    IndirectJump,
    /// A jump into the five bytes.
    JumpTarget,
    /// One of the instructions in the five bytes cannot run elsewhere.
    Unboostable,
    /// A call site, static key or static call in the five bytes.
    Reserved,
}

impl NotOptimized {
    /// The kernel function that decides.
    #[must_use]
    pub fn decided_by(self) -> &'static str {
        match self {
            Self::NotBuiltIn => "Kconfig",
            Self::Unboostable | Self::Reserved => "copy_optimized_instructions",
            _ => "can_optimize",
        }
    }
}

impl fmt::Display for NotOptimized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotBuiltIn => "CONFIG_OPTPROBES is off",
            Self::EntryText => "in .entry.text",
            Self::TooShort => "fewer than five bytes are left of the function",
            Self::Faulting => "an instruction of the function may fault",
            Self::IndirectJump => "the function has an indirect jump",
            Self::JumpTarget => "a jump goes into the five bytes",
            Self::Unboostable => "an instruction in the five bytes cannot run elsewhere",
            Self::Reserved => "the kernel itself patches the five bytes",
        })
    }
}

/// What only the running kernel knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// The five bytes have a return, which mitigations keep as a jump to a
    /// thunk (int3) or patch to a `ret` (optimized). Up to 6.5 one anywhere in
    /// the function matters.
    ReturnThunk,
    /// The instruction, or one in the five bytes, is an alternative: it depends
    /// on the processor. So does one that may jump into them.
    Alternative,
    /// The branch of a static key goes into the five bytes: int3 while it is
    /// taken.
    StaticKey,
    /// A lock prefix: refused with EINVAL as long as only one processor was
    /// ever present.
    SmpLock,
    /// Our decoder knows no instruction here, or further on in the function; the
    /// kernel's may.
    Decoder,
    /// The blacklist was not found in the image.
    Blacklist,
    /// Several call sites in the extent: which of them is found is up to the
    /// order of a binary search.
    SeveralCallSites,
    /// Another symbol of the name comes first.
    Shadowed,
    /// Its arguments take more than six registers, which trampolines pass since
    /// 6.6.
    StackArguments,
    /// It takes a union, which 7.3's `btf_distill_func_proto()` allows for and
    /// 6.12's does not.
    UnionArgument,
    /// A set of kfuncs has it, and may have been registered for fmod_ret.
    Registered,
    /// It works if the kernel that loads the module has what it takes.
    Loader(Flavor),
    /// No call site, which `CONFIG_KPROBE_EVENTS_ON_NOTRACE` of the kernel that
    /// loads the module would make up for.
    NotraceAllowed,
    /// Several symbols of the module have the name, which the kernel that loads
    /// it may mind.
    NamesUnique,
    /// Whether BTF has its prototype, and which: the types are those of the
    /// kernel that loads the module.
    Types,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReturnThunk => "optimized if the processor needs no return thunk, int3 otherwise",
            Self::Alternative => "the code here depends on the processor",
            Self::StaticKey => "int3 while a static key has its branch into the five bytes taken",
            Self::SmpLock => "refused with EINVAL if only one processor is present at boot",
            Self::Decoder => "an instruction that this decoder does not know",
            Self::Blacklist => "no blacklist was found in the image",
            Self::SeveralCallSites => "several call sites in the function's extent",
            Self::Shadowed => "another function of this name is found first",
            Self::StackArguments => "refused with ENOTSUPP by a kernel older than 6.6",
            Self::UnionArgument => "it takes a union: refused with EINVAL by 6.12, not by 7.3",
            Self::Registered => "refused unless its set of kfuncs is registered for fmod_ret",
            Self::Loader(Flavor::Ftrace) => "ftrace if the kernel that loads it is built for that",
            Self::Loader(Flavor::Optimized) => {
                "optimized or int3, as the kernel that loads it is built"
            }
            Self::Loader(Flavor::Int3(reason)) => {
                return write!(f, "int3 if the kernel that loads it has kprobes: {reason}");
            }
            Self::NotraceAllowed => {
                "no call site in the function: EINVAL unless the kernel that loads it allows that"
            }
            Self::NamesUnique => {
                "several symbols have this name: EADDRNOTAVAIL if the kernel that loads it minds"
            }
            Self::Types => "its prototype is in terms of the kernel that loads it",
        })
    }
}
