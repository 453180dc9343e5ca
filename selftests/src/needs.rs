// SPDX-License-Identifier: GPL-2.0-only
//! What a kernel must have for a test to mean anything.

use anyhow::{Context, Result};
use libbpf_rs::btf::{Btf, types::Func};

/// A function of the kernel, and what it comes with.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// The function's name; its presence is the sign.
    pub function: &'static str,
    /// What to say where it is missing.
    pub comes_with: &'static str,
}

/// The function that a test run of a fentry program calls; outer probes sit
/// on it.
pub const FENTRY_TEST1: Need = Need {
    function: "bpf_fentry_test1",
    comes_with: "CONFIG_NET and CONFIG_BPF_SYSCALL",
};

/// The kfunc that outer programs call; inner probes sit on it.
pub const KFUNC: Need = Need {
    function: "bpf_modify_return_test_tp",
    comes_with: "Linux 6.10 with CONFIG_NET and CONFIG_BPF_SYSCALL",
};

/// The layer under kprobe.multi.
pub const FPROBE: Need = Need {
    function: "register_fprobe_ips",
    comes_with: "Linux 5.18 with CONFIG_FPROBE",
};

/// kprobe.session, by the kfunc that only its programs may call.
pub const SESSION: Need = Need {
    function: "bpf_session_is_return",
    comes_with: "Linux 6.10 with CONFIG_FPROBE",
};

/// What a hash map does for `BPF_MAP_DELETE_ELEM`.
pub const MAP_DELETE: Need = Need {
    function: "htab_map_delete_elem",
    comes_with: "CONFIG_BPF_SYSCALL",
};

/// The first of `needs` that the running kernel does not meet.
pub(crate) fn first_unmet(needs: &[Need]) -> Result<Option<&Need>> {
    let btf = Btf::from_vmlinux().context("reading the kernel's BTF (CONFIG_DEBUG_INFO_BTF)")?;
    Ok(needs
        .iter()
        .find(|need| btf.type_by_name::<Func<'_>>(need.function).is_none()))
}
