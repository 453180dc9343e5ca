// SPDX-License-Identifier: GPL-2.0-only
//! Uprobes of any kind, on this program.

use std::env;

use anyhow::{Context, Result};
use libbpf_rs::{Link, ProgramMut, UprobeMultiOpts, UprobeOpts};
use nmissed_wire::AttachType;

use super::Probe;

/// The `pid` of libbpf's functions for any process.
const ANY_PROCESS: i32 = -1;

impl<'p, 'obj> Probe<'p, 'obj> {
    /// Attaches to the function at `offset` of this very program's file, by a
    /// perf event.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn uprobe(program: &'p ProgramMut<'obj>, offset: usize) -> Result<Self> {
        let link = attach_uprobe(program, offset, false)
            .with_context(|| format!("attaching a uprobe to this program at {offset:#x}"))?;
        Ok(Self::new(AttachType::Uprobe, program, link))
    }

    /// Attaches to the return of the function at `offset` of this very
    /// program's file, by a perf event.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn uretprobe(program: &'p ProgramMut<'obj>, offset: usize) -> Result<Self> {
        let link = attach_uprobe(program, offset, true)
            .with_context(|| format!("attaching a uretprobe to this program at {offset:#x}"))?;
        Ok(Self::new(AttachType::Uretprobe, program, link))
    }

    /// As [`Probe::uprobe`], by a link alone.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn uprobe_multi(program: &'p ProgramMut<'obj>, offset: usize) -> Result<Self> {
        let opts = UprobeMultiOpts {
            offsets: vec![offset],
            ..Default::default()
        };
        let link = attach_uprobe_multi(program, opts)
            .with_context(|| format!("attaching a uprobe.multi at {offset:#x}"))?;
        Ok(Self::new(AttachType::UprobeMulti, program, link))
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
        Ok(Self::new(AttachType::UretprobeMulti, program, link))
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
        Ok(Self::new(AttachType::UprobeSession, program, link))
    }
}

/// Attaches to this very program's file, by a perf event.
fn attach_uprobe(program: &ProgramMut<'_>, offset: usize, retprobe: bool) -> Result<Link> {
    let opts = UprobeOpts {
        retprobe,
        ..Default::default()
    };
    Ok(program.attach_uprobe_with_opts(ANY_PROCESS, env::current_exe()?, offset, opts)?)
}

/// Attaches to this very program's file, by a link alone.
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
