// SPDX-License-Identifier: GPL-2.0-only
//! What an answer depends on, where only the running kernel can decide.

use std::fmt;

use crate::answer::arming::Arming;

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
    /// iced-x86 does not decode an instruction here or further on in the function; the
    /// kernel's decoder may.
    Decoder,
    /// The blacklist was not found in the image.
    Blacklist,
    /// Several call sites in the extent: which of them is found is up to the
    /// order of a binary search.
    SeveralCallSites,
    /// Another symbol of the name comes first.
    Shadowed,
    /// The kernel has a symbol of the name of a module's function, and may find that
    /// first.
    KernelName,
    /// It takes a union, which `btf_distill_func_proto()` allows for since 6.18.
    UnionArgument,
    /// A set of kfuncs has it, and may have been registered for fmod_ret.
    Registered,
    /// It works if the kernel that loads the module has the option.
    Loader(Arming),
    /// No call site, which `CONFIG_KPROBE_EVENTS_ON_NOTRACE` of the kernel that
    /// loads the module would make up for.
    NotraceAllowed,
    /// Several symbols of the module have the name, which the kernel that loads it may
    /// refuse (since 6.6).
    NamesUnique,
    /// Whether BTF has its prototype, and which: the types are those of the
    /// kernel that loads the module.
    Types,
    /// Whether BTF has its prototype, and which: the BTF in the file is that of another
    /// build.
    OtherTypes,
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
            Self::KernelName => {
                "the kernel has a symbol of this name, too, and may take that: use MODULE:SYMBOL"
            }
            Self::UnionArgument => "it takes a union: refused with EINVAL before 6.18",
            Self::Registered => "refused unless its set of kfuncs is registered for fmod_ret",
            Self::Loader(Arming::Ftrace) => "ftrace if the kernel that loads it is built for that",
            Self::Loader(Arming::Optimized) => {
                "optimized or int3, as the kernel that loads it is built"
            }
            Self::Loader(Arming::Int3(reason)) => {
                return write!(f, "int3 if the kernel that loads it has kprobes: {reason}");
            }
            Self::NotraceAllowed => {
                "no call site in the function: EINVAL unless the kernel that loads it allows that"
            }
            Self::NamesUnique => {
                "several symbols have this name: EADDRNOTAVAIL if the kernel that loads it wants unique names"
            }
            Self::Types => "its BTF types are those of the kernel that loads it",
            Self::OtherTypes => "the BTF in the file is that of another build",
        })
    }
}
