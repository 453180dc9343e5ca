// SPDX-License-Identifier: GPL-2.0-only
//! Tracepoints and trampolines.

use anyhow::{Context, Result};
use libbpf_rs::{ProgramMut, TracepointCategory};

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
        Ok(Self::new("tp", program, link))
    }

    /// Attaches to the tracepoint `name`, without perf.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn raw_tp(program: &'p ProgramMut<'obj>, name: &str) -> Result<Self> {
        let link = program
            .attach_raw_tracepoint(name)
            .with_context(|| format!("attaching to the raw tracepoint {name}"))?;
        Ok(Self::new("raw_tp", program, link))
    }

    /// Attaches to the tracepoint that the program names itself.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn tp_btf(program: &'p ProgramMut<'obj>) -> Result<Self> {
        Self::traced("tp_btf", program)
    }

    /// Attaches to the entry of the function that the program names itself,
    /// through a trampoline.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn fentry(program: &'p ProgramMut<'obj>) -> Result<Self> {
        Self::traced("fentry", program)
    }

    /// As [`Probe::fentry`], to the return.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn fexit(program: &'p ProgramMut<'obj>) -> Result<Self> {
        Self::traced("fexit", program)
    }

    /// As [`Probe::fentry`]; the program may keep the function from running.
    ///
    /// # Errors
    /// If the kernel refuses, as it does for most functions.
    pub fn fmod_ret(program: &'p ProgramMut<'obj>) -> Result<Self> {
        Self::traced("fmod_ret", program)
    }

    /// As [`Probe::fentry`], to entry and return.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn fsession(program: &'p ProgramMut<'obj>) -> Result<Self> {
        Self::traced("fsession", program)
    }

    /// Attaches to the hook of security modules that the program names itself.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn lsm(program: &'p ProgramMut<'obj>) -> Result<Self> {
        let link = program
            .attach_lsm()
            .with_context(|| format!("attaching the lsm {}", program.name().display()))?;
        Ok(Self::new("lsm", program, link))
    }

    /// To what the program names itself.
    fn traced(attach_type: &'static str, program: &'p ProgramMut<'obj>) -> Result<Self> {
        let link = program.attach_trace().with_context(|| {
            let name = program.name().display();
            format!("attaching the {attach_type} {name}")
        })?;
        Ok(Self::new(attach_type, program, link))
    }
}
