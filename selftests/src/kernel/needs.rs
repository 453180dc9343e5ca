// SPDX-License-Identifier: GPL-2.0-only
//! Functions whose presence shows that the kernel has what a test needs.

use std::fmt;

use nmissed_wire::AttachType;

use super::btf::KernelBtf;

/// A function of the kernel, and the release or configuration that brings it.
#[derive(Clone, Copy, Debug)]
pub struct KernelFunction {
    /// Its name in the kernel's BTF.
    pub name: &'static str,
    /// The release or configuration.
    pub comes_with: &'static str,
}

/// A test run of a fentry program calls it; outer probes sit on it.
pub const FENTRY_TEST1: KernelFunction = KernelFunction {
    name: "bpf_fentry_test1",
    comes_with: "CONFIG_NET and CONFIG_BPF_SYSCALL",
};

/// A kfunc that outer programs call; inner probes sit on it.
pub const KFUNC: KernelFunction = KernelFunction {
    name: "bpf_modify_return_test_tp",
    comes_with: "Linux 6.10 with CONFIG_NET and CONFIG_BPF_SYSCALL",
};

/// A helper that outer programs call on a kernel without [`KFUNC`].
pub const HELPER: KernelFunction = KernelFunction {
    name: "bpf_get_current_comm",
    comes_with: "CONFIG_BPF_SYSCALL",
};

/// The helper `bpf_get_func_ip` of kprobe programs.
pub const GET_FUNC_IP: KernelFunction = KernelFunction {
    name: "bpf_get_func_ip_kprobe",
    comes_with: "Linux 5.15",
};

/// fprobe, the layer under kprobe.multi.
pub const FPROBE: KernelFunction = KernelFunction {
    name: "register_fprobe_ips",
    comes_with: "Linux 5.18 with CONFIG_FPROBE",
};

/// kprobe.session: only its programs may call this kfunc.
pub const SESSION: KernelFunction = KernelFunction {
    name: "bpf_session_is_return",
    comes_with: "Linux 6.10 with CONFIG_FPROBE",
};

/// Shows a struct by its BTF, and calls itself for a struct in it.
pub const STRUCT_SHOW: KernelFunction = KernelFunction {
    name: "btf_struct_show",
    comes_with: "CONFIG_BPF_SYSCALL",
};

/// `BPF_MAP_DELETE_ELEM` of a hash map.
pub const MAP_DELETE: KernelFunction = KernelFunction {
    name: "htab_map_delete_elem",
    comes_with: "CONFIG_BPF_SYSCALL",
};

/// Evicts an element of an LRU hash map, under the lock of the LRU list.
pub const LRU_DELETE_NODE: KernelFunction = KernelFunction {
    name: "htab_lru_map_delete_node",
    comes_with: "CONFIG_BPF_SYSCALL",
};

/// Updates a hash map.
pub const MAP_UPDATE_HASH: KernelFunction = KernelFunction {
    name: "htab_map_update_elem",
    comes_with: "CONFIG_BPF_SYSCALL",
};

/// `BPF_MAP_UPDATE_ELEM` of an array.
pub const MAP_UPDATE: KernelFunction = KernelFunction {
    name: "array_map_update_elem",
    comes_with: "CONFIG_BPF_SYSCALL",
};

/// Kprobe events read memory by it; a second level of probes sits on it.
pub const COPY_NOFAULT: KernelFunction = KernelFunction {
    name: "copy_from_kernel_nofault",
    comes_with: "Linux 5.8",
};

/// Sends a signal. The `irq_work` of `bpf_send_signal` calls it in a hardirq, if the program
/// ran with interrupts disabled.
pub const SEND_SIGNAL: KernelFunction = KernelFunction {
    name: "group_send_sig_info",
    comes_with: "every release",
};

/// A `bpf_timer` that expires, in a softirq.
pub const TIMER: KernelFunction = KernelFunction {
    name: "bpf_timer_cb",
    comes_with: "Linux 5.15",
};

/// Breakpoints of the processor.
pub const BREAKPOINT: KernelFunction = KernelFunction {
    name: "register_user_hw_breakpoint",
    comes_with: "CONFIG_HAVE_HW_BREAKPOINT",
};

/// Handles each breakpoint that is hit, in NMI context.
pub const BREAKPOINT_HIT: KernelFunction = KernelFunction {
    name: "hw_breakpoint_exceptions_notify",
    comes_with: "CONFIG_HAVE_HW_BREAKPOINT",
};

/// Tracepoints of system calls whose programs may sleep.
pub const FAULTABLE: KernelFunction = KernelFunction {
    name: "trace_call_bpf_faultable",
    comes_with: "Linux 7.2",
};

/// The list of system calls on which programs may sleep; 7.3 goes by the function's
/// name (`check_attach_sleepable`).
pub const ERROR_INJECTION: KernelFunction = KernelFunction {
    name: "within_error_injection_list",
    comes_with: "CONFIG_FUNCTION_ERROR_INJECTION",
};

/// A hook of the BPF LSM, in sched_setaffinity(2).
pub const LSM_HOOK: KernelFunction = KernelFunction {
    name: "bpf_lsm_task_setscheduler",
    comes_with: "CONFIG_BPF_LSM",
};

/// A kfunc that calls an LSM hook from a program of the BPF LSM.
pub const XATTR_KFUNC: KernelFunction = KernelFunction {
    name: "bpf_get_file_xattr",
    comes_with: "Linux 6.8 with CONFIG_BPF_LSM",
};

/// A function without an ftrace call site: kernel/trace/ is compiled without them.
pub const NO_CALL_SITE: KernelFunction = KernelFunction {
    name: "trace_call_bpf",
    comes_with: "CONFIG_BPF_EVENTS",
};

/// mmap(2) calls it under the lock of the process's mappings.
pub const MMAP: KernelFunction = KernelFunction {
    name: "do_mmap",
    comes_with: "CONFIG_MMU",
};

/// The system call that tests make, sched_setaffinity(2).
pub const SYSCALL: KernelFunction = KernelFunction {
    name: "__x64_sys_sched_setaffinity",
    comes_with: "CONFIG_SMP",
};

/// Runs each new task for the first time.
pub const NEW_TASK: KernelFunction = KernelFunction {
    name: "wake_up_new_task",
    comes_with: "every release",
};

/// Frees a task, mostly when a grace period of RCU has ended.
pub const FREE_TASK: KernelFunction = KernelFunction {
    name: "__put_task_struct",
    comes_with: "every release",
};

/// The helper `bpf_loop`.
pub const LOOP: KernelFunction = KernelFunction {
    name: "bpf_loop",
    comes_with: "Linux 5.17",
};

/// Uprobes of any kind.
pub const UPROBE: KernelFunction = KernelFunction {
    name: "uprobe_register",
    comes_with: "CONFIG_UPROBE_EVENTS",
};

/// Shows the counter of a kprobe.multi link in its fdinfo (da7e9c0a7fbc bpf: Add
/// show_fdinfo for kprobe_multi). A kernel that has it shows that of a kprobe by perf event,
/// too (`bpf_perf_link_fdinfo_kprobe`). On a link without cookies it dereferences NULL, seen
/// on 6.17.13 and 6.18.15, until ad6fface76da bpf: Fix kprobe_multi cookies access in
/// show_fdinfo callback.
pub(crate) const LINK_FDINFO: KernelFunction = KernelFunction {
    name: "bpf_kprobe_multi_show_fdinfo",
    comes_with: "Linux 6.17",
};

/// Returns the number of an attach type in `enum bpf_attach_type` of this BTF.
pub(crate) fn number_of(attach_type: AttachType, btf: &KernelBtf) -> Option<u32> {
    btf.enumerator("bpf_attach_type", attach_type.enumerator()?)
}

impl KernelFunction {
    /// Returns group and name of the tracepoint that `call_traced` of bpf/nmissed.bpf.h fires
    /// when it calls this function, [`KFUNC`] or [`HELPER`].
    #[must_use]
    pub fn fires(&self) -> (&'static str, &'static str) {
        match self.name == KFUNC.name {
            true => ("bpf_test_run", "bpf_trigger_tp"),
            false => ("exceptions", "page_fault_kernel"),
        }
    }

    pub(crate) fn is_in(&self, btf: &KernelBtf) -> bool {
        self.id(btf).is_some()
    }

    /// Returns the function's id in this BTF.
    pub(crate) fn id(&self, btf: &KernelBtf) -> Option<u32> {
        btf.function(self.name)
    }
}

impl fmt::Display for KernelFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.comes_with)
    }
}
