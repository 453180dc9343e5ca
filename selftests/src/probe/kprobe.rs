// SPDX-License-Identifier: GPL-2.0-only
//! Kprobes, by perf events.

use std::ffi::CString;

use anyhow::{Context, Result};
use libbpf_rs::libbpf_sys::{bpf_kprobe_opts, bpf_program__attach_kprobe_opts, size_t};
use libbpf_rs::{AsRawLibbpf, Link, ProgramMut};

use super::{Probe, owned};
use crate::{Flavor, sites};

impl<'p, 'obj> Probe<'p, 'obj> {
    /// Attaches to the entry of `function`, by a perf event and a link.
    ///
    /// # Errors
    /// If the kernel refuses, or its list of kprobes does not show this one.
    pub fn kprobe(program: &'p ProgramMut<'obj>, function: &str) -> Result<Self> {
        Self::kprobe_of(Flavor::Ftrace, program, function)
    }

    /// Attaches to a place in `function` where the kernel's image promises that a
    /// kprobe is of a flavor, by a perf event and a link. Each call of the
    /// function passes it once.
    ///
    /// # Errors
    /// If there is no such place, the kernel refuses, or its list of kprobes does
    /// not show this one.
    pub fn kprobe_of(
        flavor: Flavor,
        program: &'p ProgramMut<'obj>,
        function: &str,
    ) -> Result<Self> {
        let name = flavor.name();
        let offset = sites::offset(function, flavor)?
            .with_context(|| format!("the image has no place for {name} in {function}"))?;
        let link = attach_kprobe(program, function, offset)
            .with_context(|| format!("attaching a kprobe to {function}+{offset:#x}"))?;
        Ok(Self {
            flavor: Some(Flavor::at(function, offset)?),
            planned: Some(flavor),
            ..Self::new("kprobe", program, link)
        })
    }

    /// Attaches to the return of `function`, by a perf event and a link.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn kretprobe(program: &'p ProgramMut<'obj>, function: &str) -> Result<Self> {
        let link = program
            .attach_kprobe(true, function)
            .with_context(|| format!("attaching a kretprobe to {function}"))?;
        Ok(Self::new("kretprobe", program, link))
    }
}

/// What `Program::attach_kprobe` does, at an offset, which libbpf-rs does not
/// offer.
fn attach_kprobe(program: &ProgramMut<'_>, function: &str, offset: u64) -> Result<Link> {
    let function = CString::new(function)?;
    let opts = bpf_kprobe_opts {
        sz: size_of::<bpf_kprobe_opts>() as size_t,
        offset,
        ..Default::default()
    };
    // SAFETY: the program is loaded, and the name and `opts` live until the call
    // returns.
    let link = unsafe {
        bpf_program__attach_kprobe_opts(
            program.as_libbpf_object().as_ptr(),
            function.as_ptr(),
            &opts,
        )
    };
    owned(link)
}
