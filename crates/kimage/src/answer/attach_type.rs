// SPDX-License-Identifier: GPL-2.0-only
//! The attach types that an image can be asked about.

use std::fmt;

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
