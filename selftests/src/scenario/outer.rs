// SPDX-License-Identifier: GPL-2.0-only
//! The programs of bpf/outer.bpf.h: those that hit other probes from
//! `bpf_fentry_test1`.

use anyhow::{Result, bail};
use libbpf_rs::ProgramMut;
use nmissed_wire::AttachType;

use crate::kernel::needs::{FENTRY_TEST1, FPROBE, KernelFunction};
use crate::{Probe, Target};

/// Returns what the kernel must have for the outer program of an attach type.
#[must_use]
pub fn outer_needs(attach_type: AttachType) -> &'static [KernelFunction] {
    const NEEDS: &[KernelFunction] = &[FENTRY_TEST1, FPROBE];
    match attach_type {
        AttachType::KprobeMulti => NEEDS,
        _ => &NEEDS[..1],
    }
}

/// Returns the names of the outer programs of other attach types.
#[must_use]
pub fn other_outer_programs(attach_type: AttachType) -> Vec<&'static str> {
    let all = [
        AttachType::Fentry,
        AttachType::Kprobe,
        AttachType::KprobeMulti,
    ];
    let others = all.into_iter().filter(|it| *it != attach_type);
    others.map(outer_program).collect()
}

/// Returns the name of the outer program of an attach type.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn outer_program(attach_type: AttachType) -> &'static str {
    match attach_type {
        AttachType::Fentry => "outer_fentry",
        AttachType::Kprobe => "outer_kprobe",
        AttachType::KprobeMulti => "outer_multi",
        other => panic!("bpf/outer.bpf.h has no {other}"),
    }
}

/// Attaches the one of the outer programs (fentry, kprobe, kprobe.multi) that is of this
/// attach type. It holds
/// - fentry: `prog->active` alone, which no other program yields to,
/// - kprobe: `current_kprobe` and `bpf_prog_active`,
/// - kprobe.multi: `bpf_prog_active`, unless a patch has it take `prog->active`.
///
/// # Errors
/// If the kernel refuses.
pub fn attach_outer<'p, 'obj>(
    attach_type: AttachType,
    [fentry, kprobe, multi]: [&'p ProgramMut<'obj>; 3],
) -> Result<Probe<'p, 'obj>> {
    let program = match attach_type {
        AttachType::Fentry => fentry,
        AttachType::Kprobe => kprobe,
        AttachType::KprobeMulti => multi,
        other => bail!("bpf/outer.bpf.h has no {other}"),
    };
    Probe::attach(attach_type, program, &Target::function(FENTRY_TEST1.name))
}
