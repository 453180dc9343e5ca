// SPDX-License-Identifier: GPL-2.0-only
//! Loading and attaching without libbpf, which translates some of the kernel's errors
//! (ESRCH of kprobe.multi becomes ENOENT).

use std::ffi::{CStr, c_char, c_int};
use std::io;
use std::mem::offset_of;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::ptr;

use libbpf_sys::bpf_link_create_opts__bindgen_ty_1__bindgen_ty_2 as kprobe_multi_opts;
use libbpf_sys::{
    BPF_LINK_CREATE, BPF_MODIFY_RETURN, BPF_PROG_TYPE_KPROBE, BPF_PROG_TYPE_TRACING,
    BPF_TRACE_FENTRY, BPF_TRACE_FEXIT, BPF_TRACE_FSESSION, BPF_TRACE_KPROBE_MULTI, bpf_attach_type,
    bpf_insn, bpf_link_create_opts, bpf_prog_load_opts, bpf_prog_type, size_t,
};
use nmissed_wire::AttachType;

use crate::errno::{libbpf_fd, libc_fd};

/// Why a program was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// [`load_nothing`] has no program for this attach type.
    #[error("there is no empty program for {0}")]
    Unsupported(AttachType),
    /// The kernel refused it, with its errno.
    #[error(transparent)]
    Refused(#[from] io::Error),
}

impl From<LoadError> for io::Error {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Refused(error) => error,
            LoadError::Unsupported(_) => Self::other(error),
        }
    }
}

/// `r0 = 0; exit`.
const NOTHING: [u64; 2] = [0xb7, 0x95];

/// Loads a program that returns 0 (`bpf_prog_load`, once, without a log) for
/// kprobe.multi or a trampoline of the function with this number in the kernel's BTF;
/// kprobe.multi has no such function, and takes 0.
///
/// # Errors
/// [`LoadError::Refused`] with the verifier's errno: for a trampoline that of
/// `bpf_check_attach_target`.
pub fn load_nothing(attach_type: AttachType, function: u32) -> Result<OwnedFd, LoadError> {
    let (program_type, number) = match attach_type {
        AttachType::KprobeMulti => (BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI),
        AttachType::Fentry => (BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY),
        AttachType::Fexit => (BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT),
        AttachType::FmodRet => (BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN),
        AttachType::Fsession => (BPF_PROG_TYPE_TRACING, BPF_TRACE_FSESSION),
        other => return Err(LoadError::Unsupported(other)),
    };
    Ok(load(program_type, number, function)?)
}

/// Loads a program that returns 0 for [`attach_tracing_multi`]. `number` is that of the
/// attach type in the kernel's BTF: libbpf 1.7 has no name for it.
///
/// # Errors
/// The verifier's errno.
pub fn load_nothing_for_tracing_multi(number: u32) -> io::Result<OwnedFd> {
    load(BPF_PROG_TYPE_TRACING, number, 0)
}

fn load(
    program_type: bpf_prog_type,
    attach_type: bpf_attach_type,
    function: u32,
) -> io::Result<OwnedFd> {
    let mut opts = bpf_prog_load_opts {
        sz: size_of::<bpf_prog_load_opts>() as size_t,
        attempts: 1,
        expected_attach_type: attach_type,
        attach_btf_id: function,
        ..Default::default()
    };
    // SAFETY: two instructions of eight bytes, a string that ends in a zero and
    // options that hold no pointer, all of which live until the call returns.
    let fd = unsafe {
        libbpf_sys::bpf_prog_load(
            program_type,
            ptr::null(),
            c"GPL".as_ptr(),
            NOTHING.as_ptr().cast::<bpf_insn>(),
            NOTHING.len() as size_t,
            &mut opts,
        )
    };
    libbpf_fd(fd)
}

/// The functions that a kprobe.multi link probes.
#[derive(Clone, Copy, Debug)]
pub enum Functions<'a> {
    /// By address.
    Addresses(&'a [u64]),
    /// By name.
    Names(&'a [&'a CStr]),
}

/// Makes a kprobe.multi link of a program that was loaded for kprobe.multi
/// (`bpf_kprobe_multi_link_attach`), to all of the functions or to none.
///
/// # Errors
/// `EINVAL` for an address and `ESRCH` for a name without a call site,
/// `EOPNOTSUPP` from a kernel without fprobe.
pub fn attach_kprobe_multi(program: impl AsFd, functions: Functions<'_>) -> io::Result<OwnedFd> {
    let mut opts = bpf_link_create_opts {
        sz: size_of::<bpf_link_create_opts>() as size_t,
        ..Default::default()
    };
    let mut multi = kprobe_multi_opts::default();
    let names: Vec<*const c_char>;
    match functions {
        Functions::Addresses(all) => (multi.addrs, multi.cnt) = (all.as_ptr(), all.len() as u32),
        Functions::Names(all) => {
            names = all.iter().map(|name| name.as_ptr()).collect();
            (multi.syms, multi.cnt) = (names.as_ptr().cast_mut(), all.len() as u32);
        }
    }
    opts.__bindgen_anon_1.kprobe_multi = multi;
    // SAFETY: `opts` points to `cnt` addresses or names, which live until the
    // call returns; the kernel only reads them.
    let fd =
        unsafe { libbpf_sys::bpf_link_create(raw(&program), 0, BPF_TRACE_KPROBE_MULTI, &opts) };
    libbpf_fd(fd)
}

/// Attaches a trampoline program to the function that it was loaded for
/// (`bpf_tracing_prog_attach`).
///
/// # Errors
/// `EBUSY` for a function without a call site.
pub fn attach_trampoline(program: impl AsFd) -> io::Result<OwnedFd> {
    // SAFETY: the name is null, so the kernel reads none.
    let fd = unsafe { libbpf_sys::bpf_raw_tracepoint_open(ptr::null(), raw(&program)) };
    libbpf_fd(fd)
}

/// `bpf_attr.link_create`, up to the last field that trampolines of several functions
/// use. The uapi header of libbpf 1.7 does not have it.
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

/// Attaches a program to the functions with these numbers in the kernel's BTF, by
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
        program: raw(&program).cast_unsigned(),
        target: 0,
        attach_type,
        flags: 0,
        ids: functions.as_ptr().expose_provenance() as u64,
        cookies: 0,
        count: u32::try_from(functions.len()).map_err(io::Error::other)?,
    };
    // SAFETY: the kernel reads `attr` up to the end of `count`, and the `count` numbers
    // that `ids` points to.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_LINK_CREATE,
            ptr::from_ref(&attr),
            offset_of!(LinkCreate, count) + size_of::<u32>(),
        )
    };
    libc_fd(fd)
}

fn raw(fd: &impl AsFd) -> c_int {
    fd.as_fd().as_raw_fd()
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::LinkCreate;

    #[test]
    fn link_create_has_the_layout_of_the_kernel() {
        assert_eq!(offset_of!(LinkCreate, ids), 16);
        assert_eq!(offset_of!(LinkCreate, cookies), 24);
        assert_eq!(offset_of!(LinkCreate, count), 32);
    }
}
