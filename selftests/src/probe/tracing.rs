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

    /// Attaches to the entry of the function that the program names itself,
    /// through a trampoline.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn fentry(program: &'p ProgramMut<'obj>) -> Result<Self> {
        let link = program
            .attach_trace()
            .with_context(|| format!("attaching the fentry {}", program.name().display()))?;
        Ok(Self::new("fentry", program, link))
    }
}
