// SPDX-License-Identifier: GPL-2.0-only
//! Kprobes and kretprobes, by perf events that make them.

use std::ffi::CString;

use anyhow::{Context, Result};
use libbpf_rs::libbpf_sys::{
    PROBE_ATTACH_MODE_DEFAULT, PROBE_ATTACH_MODE_PERF, bpf_kprobe_opts,
    bpf_program__attach_kprobe_opts, size_t,
};
use libbpf_rs::{AsRawLibbpf, Link, ProgramMut};
use nmissed_wire::AttachType;

use super::flavor::flavor_at;
use super::{Probe, SetBy, owned, sites};
use crate::Flavor;

impl<'p, 'obj> Probe<'p, 'obj> {
    /// Attaches to the entry of `function`, by a perf event and a link.
    ///
    /// # Errors
    /// If the kernel refuses, or its list of kprobes does not show this one.
    pub fn kprobe(program: &'p ProgramMut<'obj>, function: &str) -> Result<Self> {
        Self::kprobe_of(Flavor::Ftrace, program, function)
    }

    /// Attaches to a site in `function` where a kprobe is of this flavor, by the kernel's
    /// image; by a perf event and a link. Each call of the function passes it once.
    ///
    /// # Errors
    /// If there is no such site, the kernel refuses, or its list of kprobes does
    /// not show this one.
    pub fn kprobe_of(
        flavor: Flavor,
        program: &'p ProgramMut<'obj>,
        function: &str,
    ) -> Result<Self> {
        Self::perf_kprobe(program, function, flavor, false, SetBy::Link)
    }

    /// Attaches to the entry of `function`, by a perf event alone.
    ///
    /// # Errors
    /// As [`Probe::kprobe`].
    pub fn kprobe_by_ioctl(program: &'p ProgramMut<'obj>, function: &str) -> Result<Self> {
        Self::perf_kprobe(program, function, Flavor::Ftrace, false, SetBy::Ioctl)
    }

    /// Attaches to the return of `function`, by a perf event.
    ///
    /// # Errors
    /// As [`Probe::kprobe`].
    pub fn kretprobe(program: &'p ProgramMut<'obj>, function: &str, by: SetBy) -> Result<Self> {
        Self::perf_kprobe(program, function, Flavor::Ftrace, true, by)
    }

    /// Attaches by a perf event that makes its own kprobe (`perf_kprobe_event_init`).
    fn perf_kprobe(
        program: &'p ProgramMut<'obj>,
        function: &str,
        flavor: Flavor,
        on_return: bool,
        by: SetBy,
    ) -> Result<Self> {
        let name = flavor.name();
        let offset = sites::offset(function, flavor)?
            .with_context(|| format!("the kernel's image has no site for {name} in {function}"))?;
        let attach_type = if on_return {
            AttachType::Kretprobe
        } else {
            AttachType::Kprobe
        };
        let opts = bpf_kprobe_opts {
            sz: size_of::<bpf_kprobe_opts>() as size_t,
            offset,
            retprobe: on_return,
            attach_mode: match by {
                SetBy::Link => PROBE_ATTACH_MODE_DEFAULT,
                SetBy::Ioctl => PROBE_ATTACH_MODE_PERF,
            },
            ..Default::default()
        };
        let link = attach_kprobe(program, function, &opts)
            .with_context(|| format!("attaching a {attach_type} to {function}+{offset:#x}"))?;
        Ok(Self {
            flavor: Some(flavor_at(function, offset)?),
            planned: Some(flavor),
            ..Self::new(attach_type, program, link)
        })
    }
}

/// Attaches with options that libbpf-rs does not have.
fn attach_kprobe(program: &ProgramMut<'_>, function: &str, opts: &bpf_kprobe_opts) -> Result<Link> {
    let function = CString::new(function)?;
    // SAFETY: the program is loaded, and the name and `opts` live until the call
    // returns.
    let link = unsafe {
        bpf_program__attach_kprobe_opts(
            program.as_libbpf_object().as_ptr(),
            function.as_ptr(),
            opts,
        )
    };
    owned(link)
}
