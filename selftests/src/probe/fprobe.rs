// SPDX-License-Identifier: GPL-2.0-only
//! kprobe.multi, kretprobe.multi and kprobe.session.

use std::ffi::{CStr, CString};
use std::ptr;

use anyhow::{Context, Result};
use libbpf_rs::libbpf_sys::{bpf_kprobe_multi_opts, bpf_program__attach_kprobe_multi_opts, size_t};
use libbpf_rs::{AsRawLibbpf, Link, ProgramMut};
use nmissed_wire::AttachType;

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
            hits_per_trigger: functions.len() as u64,
            ..Self::new(AttachType::KprobeMulti, program, link)
        })
    }

    /// Attaches to the entry of the function at `address`.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn kprobe_multi_at(program: &'p ProgramMut<'obj>, address: u64) -> Result<Self> {
        let addresses = [address];
        let opts = bpf_kprobe_multi_opts {
            addrs: addresses.as_ptr(),
            cnt: addresses.len() as size_t,
            ..no_opts()
        };
        // SAFETY: `opts` points to `cnt` addresses.
        let link = unsafe { attach_multi(program, None, opts) }
            .with_context(|| format!("attaching a kprobe.multi to {address:#x}"))?;
        Ok(Self::new(AttachType::KprobeMulti, program, link))
    }

    /// Attaches to the entry of the function that matches `pattern`; libbpf looks up its
    /// address.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn kprobe_multi_like(program: &'p ProgramMut<'obj>, pattern: &str) -> Result<Self> {
        let pattern = CString::new(pattern)?;
        // SAFETY: the options hold no pointer.
        let link = unsafe { attach_multi(program, Some(&pattern), no_opts()) }
            .with_context(|| format!("attaching a kprobe.multi to {pattern:?}"))?;
        Ok(Self::new(AttachType::KprobeMulti, program, link))
    }

    /// Attaches to the return of `function`.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn kretprobe_multi(program: &'p ProgramMut<'obj>, function: &str) -> Result<Self> {
        let link = program
            .attach_kprobe_multi(true, vec![function])
            .with_context(|| format!("attaching a kretprobe.multi to {function}"))?;
        Ok(Self::new(AttachType::KretprobeMulti, program, link))
    }

    /// Attaches to entry and return of `function`.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn kprobe_session(program: &'p ProgramMut<'obj>, function: &str) -> Result<Self> {
        let link = attach_session(program, function)
            .with_context(|| format!("attaching a kprobe.session to {function}"))?;
        Ok(Self::new(AttachType::KprobeSession, program, link))
    }
}

/// Attaches a session, for which libbpf-rs has no function.
fn attach_session(program: &ProgramMut<'_>, function: &str) -> Result<Link> {
    let function = CString::new(function)?;
    let symbols = [function.as_ptr()];
    let opts = bpf_kprobe_multi_opts {
        syms: symbols.as_ptr().cast_mut(),
        cnt: symbols.len() as size_t,
        session: true,
        ..no_opts()
    };
    // SAFETY: `opts` points to `cnt` names, which live until the call returns.
    unsafe { attach_multi(program, None, opts) }
}

fn no_opts() -> bpf_kprobe_multi_opts {
    bpf_kprobe_multi_opts {
        sz: size_of::<bpf_kprobe_multi_opts>() as size_t,
        ..Default::default()
    }
}

/// Attaches to what `opts` name, or to all matches of the pattern.
///
/// # Safety
/// `opts` holds no pointer, or pointers to `cnt` addresses or names.
unsafe fn attach_multi(
    program: &ProgramMut<'_>,
    pattern: Option<&CStr>,
    opts: bpf_kprobe_multi_opts,
) -> Result<Link> {
    // SAFETY: the program is loaded; the caller guarantees `opts`, and the
    // pattern is a reference.
    let link = unsafe {
        bpf_program__attach_kprobe_multi_opts(
            program.as_libbpf_object().as_ptr(),
            pattern.map_or(ptr::null(), CStr::as_ptr),
            &opts,
        )
    };
    owned(link)
}
