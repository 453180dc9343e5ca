// SPDX-License-Identifier: GPL-2.0-only
//! What runs while the probes in question are hit.

use anyhow::Result;
use libbpf_rs::ProgramMut;

use crate::Probe;
use crate::needs::FENTRY_TEST1;

/// The attach type of a program on `bpf_fentry_test1` that hits other probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outer {
    /// Holds nothing but `prog->active`: everything else runs in it.
    Fentry,
    /// Keeps other kprobes out (`kprobe_running`), and holds `bpf_prog_active`.
    Kprobe,
    /// Holds `bpf_prog_active`, where no patch keeps it from that.
    KprobeMulti,
}

impl Outer {
    /// The end of the names of the scenarios in it.
    #[must_use]
    pub fn name(self) -> &'static str {
        ["fentry", "kprobe", "kprobe.multi"][self as usize]
    }

    /// The name of its program (bpf/outer.bpf.h).
    #[must_use]
    pub fn program(self) -> &'static str {
        ["outer_fentry", "outer_kprobe", "outer_multi"][self as usize]
    }

    /// Attaches the one of the programs, for which the types above are the order,
    /// that is of its type.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn attach<'p, 'obj>(self, programs: [&'p ProgramMut<'obj>; 3]) -> Result<Probe<'p, 'obj>> {
        let program = programs[self as usize];
        match self {
            Self::Fentry => Probe::fentry(program),
            Self::Kprobe => Probe::kprobe(program, FENTRY_TEST1.function),
            Self::KprobeMulti => Probe::kprobe_multi(program, &[FENTRY_TEST1.function]),
        }
    }
}
