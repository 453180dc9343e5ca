// SPDX-License-Identifier: GPL-2.0-only
//! Probes of user space, on this very program.

use std::env;

use anyhow::{Context, Result};
use libbpf_rs::{Link, ProgramMut, UprobeMultiOpts, UprobeOpts};

use super::Probe;

/// Every process, as libbpf's functions for uprobes spell it.
const ANY_PROCESS: i32 = -1;

impl<'p, 'obj> Probe<'p, 'obj> {
    /// Attaches to the entry of the function at `offset` of this very program's
    /// file, by a perf event and a link.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn uprobe(program: &'p ProgramMut<'obj>, offset: usize) -> Result<Self> {
        let not_return = false;
        let link = program
            .attach_uprobe(not_return, ANY_PROCESS, env::current_exe()?, offset)
            .with_context(|| format!("attaching a uprobe to this program at {offset:#x}"))?;
        Ok(Self::new("uprobe", program, link))
    }

    /// Attaches to the return of the function at `offset` of this very
    /// program's file, by a perf event and a link.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn uretprobe(program: &'p ProgramMut<'obj>, offset: usize) -> Result<Self> {
        let opts = UprobeOpts {
            retprobe: true,
            ..Default::default()
        };
        let link = program
            .attach_uprobe_with_opts(ANY_PROCESS, env::current_exe()?, offset, opts)
            .with_context(|| format!("attaching a uretprobe to this program at {offset:#x}"))?;
        Ok(Self::new("uretprobe", program, link))
    }

    /// As [`Probe::uretprobe`], by a link alone.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn uretprobe_multi(program: &'p ProgramMut<'obj>, offset: usize) -> Result<Self> {
        let opts = UprobeMultiOpts {
            offsets: vec![offset],
            retprobe: true,
            ..Default::default()
        };
        let link = attach_uprobe_multi(program, opts)
            .with_context(|| format!("attaching a uretprobe.multi at {offset:#x}"))?;
        Ok(Self::new("uretprobe.multi", program, link))
    }

    /// Attaches to entry and return of the function at `offset` of this very
    /// program's file.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn uprobe_session(program: &'p ProgramMut<'obj>, offset: usize) -> Result<Self> {
        let opts = UprobeMultiOpts {
            offsets: vec![offset],
            session: true,
            ..Default::default()
        };
        let link = attach_uprobe_multi(program, opts)
            .with_context(|| format!("attaching a uprobe.session at {offset:#x}"))?;
        Ok(Self::new("uprobe.session", program, link))
    }
}

/// Attaches to this very program's file.
fn attach_uprobe_multi(program: &ProgramMut<'_>, opts: UprobeMultiOpts) -> Result<Link> {
    let no_pattern = "";
    Ok(
        program.attach_uprobe_multi_with_opts(
            ANY_PROCESS,
            env::current_exe()?,
            no_pattern,
            opts,
        )?,
    )
}
