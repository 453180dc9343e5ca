// SPDX-License-Identifier: GPL-2.0-only
//! How a kprobe is armed, and why it is not armed in a faster way.

use std::fmt;

use nmissed_wire::Flavor;

/// How a kprobe gets control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arming {
    /// A call site: ftrace calls the handler.
    Ftrace,
    /// By a breakpoint, and soon after by a jump instead.
    Optimized,
    /// By a breakpoint, for the reason given.
    Int3(NotOptimized),
}

impl Arming {
    /// Returns the flavor, without the reason.
    #[must_use]
    pub fn flavor(self) -> Flavor {
        match self {
            Self::Ftrace => Flavor::Ftrace,
            Self::Optimized => Flavor::Optimized,
            Self::Int3(_) => Flavor::Int3,
        }
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
