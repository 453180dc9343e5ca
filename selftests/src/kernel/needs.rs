// SPDX-License-Identifier: GPL-2.0-only
//! What a kernel must have for a test to mean anything.

use std::fmt;

use anyhow::{Context, Result};
use libbpf_rs::btf::{
    Btf,
    types::{Enum, Func},
};
use nmissed_wire::AttachType;

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

/// Where threads that wait for the lock of a file are.
pub const FILE_LOCK: Need = Need {
    function: "locks_lock_inode_wait",
    comes_with: "CONFIG_FILE_LOCKING",
};

/// What a hash map does for `BPF_MAP_DELETE_ELEM`.
pub const MAP_DELETE: Need = Need {
    function: "htab_map_delete_elem",
    comes_with: "CONFIG_BPF_SYSCALL",
};

/// What an array does for `BPF_MAP_UPDATE_ELEM`.
pub const MAP_UPDATE: Need = Need {
    function: "array_map_update_elem",
    comes_with: "CONFIG_BPF_SYSCALL",
};

/// What kprobe events read memory with; a second level of probes sits on it.
pub const COPY_NOFAULT: Need = Need {
    function: "copy_from_kernel_nofault",
    comes_with: "Linux 5.8",
};

/// Breakpoints of the processor.
pub const BREAKPOINT: Need = Need {
    function: "register_user_hw_breakpoint",
    comes_with: "CONFIG_HAVE_HW_BREAKPOINT",
};

/// Tracepoints of system calls whose programs may sleep.
pub const FAULTABLE: Need = Need {
    function: "trace_call_bpf_faultable",
    comes_with: "newer than Linux 6.12; 7.3 has it",
};

/// What lets a program sleep on a system call, until the kernel (7.3 does) went by
/// the function's name (`check_attach_sleepable`).
pub const ERROR_INJECTION: Need = Need {
    function: "within_error_injection_list",
    comes_with: "CONFIG_FUNCTION_ERROR_INJECTION",
};

/// A hook of the BPF LSM, in sched_setaffinity(2).
pub const LSM_HOOK: Need = Need {
    function: "bpf_lsm_task_setscheduler",
    comes_with: "CONFIG_BPF_LSM",
};

/// The kfunc by which a program of the BPF LSM reaches a hook.
pub const XATTR_KFUNC: Need = Need {
    function: "bpf_get_file_xattr",
    comes_with: "CONFIG_BPF_LSM and newer than Linux 6.7",
};

/// A function without a call site: all of kernel/trace/ is compiled so.
pub const NO_CALL_SITE: Need = Need {
    function: "trace_call_bpf",
    comes_with: "CONFIG_BPF_EVENTS",
};

/// What mmap(2) does under the lock of a process's mappings.
pub const MMAP: Need = Need {
    function: "do_mmap",
    comes_with: "CONFIG_MMU",
};

/// The system call that tests make.
pub const SYSCALL: Need = Need {
    function: "__x64_sys_sched_setaffinity",
    comes_with: "CONFIG_SMP",
};

/// Probes of user space.
pub const UPROBE: Need = Need {
    function: "uprobe_register",
    comes_with: "CONFIG_UPROBE_EVENTS",
};

/// What shows the counter of a kprobe.multi link in its fdinfo. Where it is, kprobes by
/// perf event show theirs, too (`bpf_perf_link_fdinfo_kprobe`): in 7.3 and not in 6.12.
pub(crate) const LINK_FDINFO: Need = Need {
    function: "bpf_kprobe_multi_show_fdinfo",
    comes_with: "Linux 7.3, and not yet 6.12",
};

/// Returns the number of an attach type in `enum bpf_attach_type`, if the kernel of this
/// BTF has it.
pub(crate) fn number_of(attach_type: AttachType, btf: &Btf<'_>) -> Option<u32> {
    let all = btf.type_by_name::<Enum<'_>>("bpf_attach_type")?;
    let wanted = attach_type.enumerator()?;
    let mut named = all.iter();
    let member = named.find(|member| member.name.is_some_and(|name| name == wanted))?;
    u32::try_from(member.value).ok()
}

/// Reads what the running kernel says about itself.
pub(crate) fn kernel_btf() -> Result<Btf<'static>> {
    Btf::from_vmlinux().context("reading the kernel's BTF (CONFIG_DEBUG_INFO_BTF)")
}

impl Need {
    /// Whether the kernel of this BTF has the function.
    pub(crate) fn is_met(&self, btf: &Btf<'_>) -> bool {
        self.number(btf).is_some()
    }

    /// The function's number in this BTF.
    pub(crate) fn number(&self, btf: &Btf<'_>) -> Option<u32> {
        let function = btf.type_by_name::<Func<'_>>(self.function)?;
        Some(function.type_id().into())
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.function, self.comes_with)
    }
}
