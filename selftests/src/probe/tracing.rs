// SPDX-License-Identifier: GPL-2.0-only
//! Tracepoints and trampolines.

use anyhow::{Context, Result};
use libbpf_rs::libbpf_sys::bpf_program__set_expected_attach_type;
use libbpf_rs::{AsRawLibbpf, OpenProgramMut, ProgramMut, ProgramType, TracepointCategory};
use nmissed_uapi::attach_tracing_multi;
use nmissed_wire::AttachType;

use super::Probe;

impl<'p, 'obj> Probe<'p, 'obj> {
    /// Attaches to the tracepoint `group`:`name`, by a perf event and a link.
    ///
    /// # Errors
    /// If the kernel refuses, or tracefs is not mounted.
    pub fn tracepoint(program: &'p ProgramMut<'obj>, group: &str, name: &str) -> Result<Self> {
        let link = program
            .attach_tracepoint(TracepointCategory::Custom(group.to_owned()), name)
            .with_context(|| format!("attaching to the tracepoint {group}:{name}"))?;
        Ok(Self::new(AttachType::Tp, program, link))
    }

    /// Attaches to the tracepoint `name`, with its raw arguments and without perf.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn raw_tp(program: &'p ProgramMut<'obj>, name: &str) -> Result<Self> {
        let link = program
            .attach_raw_tracepoint(name)
            .with_context(|| format!("attaching to the raw tracepoint {name}"))?;
        Ok(Self::new(AttachType::RawTp, program, link))
    }

    /// Attaches to the tracepoint that the program names itself.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn tp_btf(program: &'p ProgramMut<'obj>) -> Result<Self> {
        Self::trampoline(AttachType::TpBtf, program)
    }

    /// Attaches to the entry of the function that the program names itself,
    /// through a trampoline.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn fentry(program: &'p ProgramMut<'obj>) -> Result<Self> {
        Self::trampoline(AttachType::Fentry, program)
    }

    /// As [`Probe::fentry`], to the return.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn fexit(program: &'p ProgramMut<'obj>) -> Result<Self> {
        Self::trampoline(AttachType::Fexit, program)
    }

    /// As [`Probe::fentry`]; the program may keep the function from running.
    ///
    /// # Errors
    /// If the kernel refuses, as it does for most functions.
    pub fn fmod_ret(program: &'p ProgramMut<'obj>) -> Result<Self> {
        Self::trampoline(AttachType::FmodRet, program)
    }

    /// As [`Probe::fentry`], to entry and return.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn fsession(program: &'p ProgramMut<'obj>) -> Result<Self> {
        Self::trampoline(AttachType::Fsession, program)
    }

    /// Attaches to the function or tracepoint that the program names itself.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn trampoline(attach_type: AttachType, program: &'p ProgramMut<'obj>) -> Result<Self> {
        let name = program.name().display();
        let link = program
            .attach_trace()
            .with_context(|| format!("attaching the {attach_type} {name}"))?;
        Ok(Self::new(attach_type, program, link))
    }

    /// Attaches to the function of this number in the kernel's BTF, by a link that
    /// could take several. `number` is that of the attach type.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn tracing_multi(
        attach_type: AttachType,
        number: u32,
        program: &'p ProgramMut<'obj>,
        function: u32,
    ) -> Result<Self> {
        let link = attach_tracing_multi(program, number, &[function])
            .with_context(|| format!("attaching a {attach_type} to function {function}"))?;
        Ok(Self::new(attach_type, program, link))
    }

    /// Attaches to the security hook that the program names itself.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn lsm(program: &'p ProgramMut<'obj>) -> Result<Self> {
        let name = program.name().display();
        let link = program
            .attach_lsm()
            .with_context(|| format!("attaching the lsm {name}"))?;
        Ok(Self::new(AttachType::Lsm, program, link))
    }
}

/// Sets the type of a program for [`Probe::tracing_multi`], whose sections libbpf 1.7 does
/// not know; `number` is that of the attach type.
pub fn for_tracing_multi(program: &mut OpenProgramMut<'_>, number: u32) {
    program.set_prog_type(ProgramType::Tracing);
    // SAFETY: the program is not loaded yet, and the reference is unique.
    unsafe {
        bpf_program__set_expected_attach_type(program.as_libbpf_object().as_ptr(), number);
    }
}
