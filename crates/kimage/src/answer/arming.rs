// SPDX-License-Identifier: GPL-2.0-only
//! How a kprobe is armed, and why it is not armed in a faster way.

use std::fmt;
use std::mem::discriminant;

/// How a kprobe gets control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arming {
    /// Called by ftrace.
    Ftrace,
    /// By a breakpoint, and soon after by a jump instead.
    Optimized,
    /// By a breakpoint, for the reason given.
    Int3(NotOptimized),
}

impl Arming {
    /// The three of them; an int3 for no reason in particular.
    pub const ALL: [Self; 3] = [
        Self::Ftrace,
        Self::Int3(NotOptimized::Unboostable),
        Self::Optimized,
    ];

    /// Whether both get control in the same way, whatever the reason.
    #[must_use]
    pub fn is_like(self, other: Self) -> bool {
        discriminant(&self) == discriminant(&other)
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
