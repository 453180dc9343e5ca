// SPDX-License-Identifier: GPL-2.0-only
//! Attaching by attach type, for tests that do the same with several.

use anyhow::{Context, Result, bail};
use libbpf_rs::ProgramMut;
use nmissed_uapi::CountedEvent;
use nmissed_wire::{AttachType, Flavor};

use super::{Probe, SetBy};

/// What a program is attached to. Each attach type reads the fields that are about it;
/// those of trampolines and the LSM name their target in the program.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// A function of the kernel.
    pub function: &'a str,
    /// How a kprobe on it is armed.
    pub flavor: Flavor,
    /// Group and name.
    pub tracepoint: (&'a str, &'a str),
    /// Address of 8 bytes of the kernel that a breakpoint watches for writes; 0 for a
    /// perf event that overflows with each page fault.
    pub watched: u64,
    /// Offset in this program's file.
    pub user_code: usize,
    /// Number of the attach type and id of the function in the kernel's BTF, for
    /// trampolines of several functions.
    pub btf_ids: Option<(u32, u32)>,
}

impl<'a> Target<'a> {
    const NOTHING: Self = Self {
        function: "",
        flavor: Flavor::Ftrace,
        tracepoint: ("", ""),
        watched: 0,
        user_code: 0,
        btf_ids: None,
    };

    /// The entry of a function of the kernel, or its return.
    #[must_use]
    pub const fn function(function: &'a str) -> Self {
        Self {
            function,
            ..Self::NOTHING
        }
    }

    /// A tracepoint.
    #[must_use]
    pub const fn tracepoint(group: &'a str, name: &'a str) -> Self {
        Self {
            tracepoint: (group, name),
            ..Self::NOTHING
        }
    }

    /// A function of this program, by its offset in the file.
    #[must_use]
    pub const fn user_code(offset: usize) -> Self {
        Self {
            user_code: offset,
            ..Self::NOTHING
        }
    }
}

impl<'p, 'obj> Probe<'p, 'obj> {
    /// Attaches a program the usual way of its attach type: by a link where there is
    /// one, and by name.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn attach(
        attach_type: AttachType,
        program: &'p ProgramMut<'obj>,
        target: &Target<'_>,
    ) -> Result<Self> {
        let Target {
            function,
            flavor,
            tracepoint: (group, name),
            watched,
            user_code,
            btf_ids,
        } = *target;
        match attach_type {
            AttachType::Kprobe => Self::kprobe_of(flavor, program, function),
            AttachType::Kretprobe => Self::kretprobe(program, function, SetBy::Link),
            AttachType::RegisterKprobe => bail!("register_kprobe() takes no BPF program"),
            AttachType::KprobeMulti => Self::kprobe_multi(program, &[function]),
            AttachType::KretprobeMulti => Self::kretprobe_multi(program, function),
            AttachType::KprobeSession => Self::kprobe_session(program, function),
            AttachType::Tp => Self::tracepoint(program, group, name),
            AttachType::RawTp => Self::raw_tp(program, name),
            AttachType::PerfEvent if watched != 0 => Self::write_breakpoint(program, watched),
            AttachType::PerfEvent => Self::counter(program, CountedEvent::PageFaults),
            AttachType::TpBtf
            | AttachType::Fentry
            | AttachType::Fexit
            | AttachType::FmodRet
            | AttachType::Fsession => Self::trampoline(attach_type, program),
            AttachType::FentryMulti | AttachType::FexitMulti | AttachType::FsessionMulti => {
                let (number, id) = btf_ids.context("no BTF ids are given")?;
                Self::tracing_multi(attach_type, number, program, id)
            }
            AttachType::Lsm => Self::lsm(program),
            AttachType::Uprobe => Self::uprobe(program, user_code),
            AttachType::Uretprobe => Self::uretprobe(program, user_code),
            AttachType::UprobeMulti => Self::uprobe_multi(program, user_code),
            AttachType::UretprobeMulti => Self::uretprobe_multi(program, user_code),
            AttachType::UprobeSession => Self::uprobe_session(program, user_code),
        }
    }
}
