// SPDX-License-Identifier: GPL-2.0-only
//! Attaching with nothing in between: what the kernel answers, errno and all,
//! which libbpf translates here and there.

use std::ffi::{CStr, c_char, c_int};
use std::io;
use std::mem::offset_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use libbpf_sys::bpf_link_create_opts__bindgen_ty_1__bindgen_ty_2 as kprobe_multi_opts;
use libbpf_sys::{
    BPF_LINK_CREATE, BPF_MODIFY_RETURN, BPF_PROG_TYPE_KPROBE, BPF_PROG_TYPE_TRACING,
    BPF_TRACE_FENTRY, BPF_TRACE_FEXIT, BPF_TRACE_FSESSION, BPF_TRACE_KPROBE_MULTI, bpf_attach_type,
    bpf_insn, bpf_link_create_opts, bpf_prog_load_opts, bpf_prog_type, size_t,
};

use crate::fd::from_syscall;
use crate::info::check;

/// What a program that does nothing is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A kprobe.multi link.
    KprobeMulti,
    /// A trampoline before the function of this number in the kernel's BTF.
    Fentry(u32),
    /// One after it.
    Fexit(u32),
    /// One that may skip it.
    FmodRet(u32),
    /// One before and after it.
    Fsession(u32),
    /// A link to several functions, by the number of the attach type: libbpf
    /// 1.7 has no name for it.
    TracingMulti(u32),
}

impl Purpose {
    /// Program type, attach type and target.
    fn parts(self) -> (bpf_prog_type, bpf_attach_type, u32) {
        match self {
            Self::KprobeMulti => (BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, 0),
            Self::Fentry(id) => (BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, id),
            Self::Fexit(id) => (BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, id),
            Self::FmodRet(id) => (BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, id),
            Self::Fsession(id) => (BPF_PROG_TYPE_TRACING, BPF_TRACE_FSESSION, id),
            Self::TracingMulti(attach) => (BPF_PROG_TYPE_TRACING, attach, 0),
        }
    }
}

/// `r0 = 0; exit`.
const NOTHING: [u64; 2] = [0xb7, 0x95];

/// Loads a program that returns 0 (`bpf_prog_load`, once, without a log).
///
/// # Errors
/// What the verifier says: for a trampoline whatever `bpf_check_attach_target`
/// has against the function.
pub fn load_nothing(purpose: Purpose) -> io::Result<OwnedFd> {
    let (kind, attach, target) = purpose.parts();
    let mut opts = bpf_prog_load_opts {
        sz: size_of::<bpf_prog_load_opts>() as size_t,
        attempts: 1,
        expected_attach_type: attach,
        attach_btf_id: target,
        ..Default::default()
    };
    // SAFETY: two instructions of eight bytes, a string that ends in a zero and
    // options that hold no pointer, all of which live until the call returns.
    let fd = unsafe {
        libbpf_sys::bpf_prog_load(
            kind,
            ptr::null(),
            c"GPL".as_ptr(),
            NOTHING.as_ptr().cast::<bpf_insn>(),
            NOTHING.len() as size_t,
            &mut opts,
        )
    };
    owned(fd)
}

/// Where a kprobe.multi link goes.
#[derive(Clone, Copy, Debug)]
pub enum Places<'a> {
    /// By address of the functions.
    Addresses(&'a [u64]),
    /// By name.
    Symbols(&'a [&'a CStr]),
}

/// Makes a kprobe.multi link of a program for [`Purpose::KprobeMulti`]
/// (`bpf_kprobe_multi_link_attach`). All places or none.
///
/// # Errors
/// `EINVAL` for an address and `ESRCH` for a name without a call site,
/// `EOPNOTSUPP` from a kernel without fprobe.
pub fn attach_kprobe_multi(program: impl AsFd, places: Places<'_>) -> io::Result<OwnedFd> {
    let mut opts = bpf_link_create_opts {
        sz: size_of::<bpf_link_create_opts>() as size_t,
        ..Default::default()
    };
    let mut multi = kprobe_multi_opts::default();
    let names: Vec<*const c_char>;
    match places {
        Places::Addresses(all) => (multi.addrs, multi.cnt) = (all.as_ptr(), all.len() as u32),
        Places::Symbols(all) => {
            names = all.iter().map(|name| name.as_ptr()).collect();
            (multi.syms, multi.cnt) = (names.as_ptr().cast_mut(), all.len() as u32);
        }
    }
    opts.__bindgen_anon_1.kprobe_multi = multi;
    // SAFETY: `opts` points to `cnt` addresses or names, which live until the
    // call returns; the kernel only reads them.
    let fd = unsafe {
        libbpf_sys::bpf_link_create(raw(program.as_fd()), 0, BPF_TRACE_KPROBE_MULTI, &opts)
    };
    owned(fd)
}

/// Attaches a trampoline program to what it was loaded for
/// (`bpf_tracing_prog_attach`).
///
/// # Errors
/// `EBUSY` where there is nothing to patch.
pub fn attach_trampoline(program: impl AsFd) -> io::Result<OwnedFd> {
    // SAFETY: no name is asked for, so none is read.
    let fd = unsafe { libbpf_sys::bpf_raw_tracepoint_open(ptr::null(), raw(program.as_fd())) };
    owned(fd)
}

/// `bpf_attr.link_create` as far as trampolines of several functions need it.
/// libbpf 1.7 does not know them, so neither does its copy of the header.
#[repr(C)]
struct LinkCreate {
    program: u32,
    target: u32,
    attach_type: u32,
    flags: u32,
    ids: u64,
    cookies: u64,
    count: u32,
}

/// Attaches a program to the functions of these numbers in the kernel's BTF, by
/// one link (`bpf_tracing_multi_attach`). The attach type is the one that the
/// program was loaded for.
///
/// # Errors
/// `ENOENT` for a function without a call site, `EINVAL` from a kernel that
/// does not know the attach type.
pub fn attach_tracing_multi(
    program: impl AsFd,
    attach_type: u32,
    functions: &[u32],
) -> io::Result<OwnedFd> {
    let attr = LinkCreate {
        program: raw(program.as_fd()).cast_unsigned(),
        target: 0,
        attach_type,
        flags: 0,
        ids: functions.as_ptr().expose_provenance() as u64,
        cookies: 0,
        count: u32::try_from(functions.len()).map_err(io::Error::other)?,
    };
    // SAFETY: the kernel reads as much of `attr` as it is told there is, padding
    // aside, and the numbers that it points to.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_LINK_CREATE,
            ptr::from_ref(&attr),
            offset_of!(LinkCreate, count) + size_of::<u32>(),
        )
    };
    from_syscall(fd)
}

fn raw(fd: BorrowedFd<'_>) -> c_int {
    fd.as_raw_fd()
}

/// A new file descriptor, or libbpf's `-errno`.
fn owned(fd: c_int) -> io::Result<OwnedFd> {
    check(fd)?;
    // SAFETY: the kernel just made it for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::LinkCreate;

    #[test]
    fn the_numbers_lie_where_the_kernel_reads_them() {
        assert_eq!(offset_of!(LinkCreate, ids), 16);
        assert_eq!(offset_of!(LinkCreate, cookies), 24);
        assert_eq!(offset_of!(LinkCreate, count), 32);
    }
}
