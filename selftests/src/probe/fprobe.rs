// SPDX-License-Identifier: GPL-2.0-only
//! kprobe.multi and its kin.

use std::ffi::CString;
use std::ptr;

use anyhow::{Context, Result};
use libbpf_rs::libbpf_sys::{bpf_kprobe_multi_opts, bpf_program__attach_kprobe_multi_opts, size_t};
use libbpf_rs::{AsRawLibbpf, Link, ProgramMut};

use super::{Probe, owned};

impl<'p, 'obj> Probe<'p, 'obj> {
    /// Attaches to the entries of `functions`, by one link.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn kprobe_multi(program: &'p ProgramMut<'obj>, functions: &[&str]) -> Result<Self> {
        let link = program
            .attach_kprobe_multi(false, functions.to_vec())
            .with_context(|| format!("attaching a kprobe.multi to {functions:?}"))?;
        Ok(Self {
            places: functions.len() as u64,
            ..Self::new("kprobe.multi", program, link)
        })
    }

    /// Attaches to the return of `function`.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn kretprobe_multi(program: &'p ProgramMut<'obj>, function: &str) -> Result<Self> {
        let link = program
            .attach_kprobe_multi(true, vec![function])
            .with_context(|| format!("attaching a kretprobe.multi to {function}"))?;
        Ok(Self::new("kretprobe.multi", program, link))
    }

    /// Attaches to entry and return of `function`.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn kprobe_session(program: &'p ProgramMut<'obj>, function: &str) -> Result<Self> {
        let link = attach_session(program, function)
            .with_context(|| format!("attaching a kprobe.session to {function}"))?;
        Ok(Self::new("kprobe.session", program, link))
    }
}

/// What `Program::attach_kprobe_multi` does, as a session: libbpf-rs offers
/// that only by pattern, for which libbpf reads the list of all functions.
fn attach_session(program: &ProgramMut<'_>, function: &str) -> Result<Link> {
    let function = CString::new(function)?;
    let symbols = [function.as_ptr()];
    let opts = bpf_kprobe_multi_opts {
        sz: size_of::<bpf_kprobe_multi_opts>() as size_t,
        syms: symbols.as_ptr().cast_mut(),
        cnt: symbols.len() as size_t,
        session: true,
        ..Default::default()
    };
    // SAFETY: the program is loaded, and `opts` and all it points to live
    // until the call returns.
    let link = unsafe {
        bpf_program__attach_kprobe_multi_opts(
            program.as_libbpf_object().as_ptr(),
            ptr::null(),
            &opts,
        )
    };
    owned(link)
}
