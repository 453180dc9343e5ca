// SPDX-License-Identifier: GPL-2.0-only
//! Options and rules of a kernel, found by the symbols, strings and types that came with
//! them: a distribution rarely builds in its configuration, and a version does not decide
//! it. README.md has the table of signs and releases.

use std::ops::Range;

use memchr::memmem;

use crate::elf::file::Elf;
use crate::facts::btf::Btf;
use crate::facts::tables::Labels;

/// Which code looks up the call site of an address that fprobe is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FprobeLookup {
    /// ftrace, for the fprobe's own `ftrace_ops` (up to 6.13).
    #[default]
    Ftrace,
    /// fprobe, for its table of addresses (since 6.14, when it moved to fgraph).
    Fprobe,
}

/// The options of a kernel that decide about probes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// `CONFIG_KPROBES_ON_FTRACE`: a kprobe on a call site is ftrace-based.
    pub kprobes_on_ftrace: bool,
    /// `CONFIG_OPTPROBES`: an int3 may become a jump.
    pub optprobes: bool,
    /// `CONFIG_KPROBE_EVENTS`, which perf and BPF kprobes go through.
    pub kprobe_events: bool,
    /// `CONFIG_KPROBE_EVENTS_ON_NOTRACE` is off: those must be in a function
    /// with a call site.
    pub notrace_refused: bool,
    /// Those must name a symbol that no other has (6.6, and stable releases).
    pub unique_names: bool,
    /// `CONFIG_KRETPROBES`.
    pub kretprobes: bool,
    /// kprobe.multi exists (0dcac2725406, 5.18).
    pub kprobe_multi: bool,
    /// `CONFIG_FPROBE`, which kprobe.multi needs.
    pub fprobe: bool,
    /// Who looks up the call site of an address that fprobe is given.
    pub fprobe_lookup: FprobeLookup,
    /// `CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS`, which BPF trampolines need
    /// for a function with a call site.
    pub direct_calls: bool,
    /// `CONFIG_X86_KERNEL_IBT`: a probe on an ENDBR is moved behind it.
    pub ibt: bool,
    /// `CONFIG_MITIGATION_RETPOLINE`: the compiler makes no jump tables.
    pub retpoline: bool,
    /// The rules for instructions are those before 6.9: INT and UD are not
    /// refused as such, and of the opcode groups 2 to 5 only indirect jumps can be
    /// boosted. Found by the lack of `BPF_TOKEN_CREATE`, which came with 6.9; without BTF
    /// by `.parainstructions`, which went with 6.8.
    pub early_insn_rules: bool,
    /// `ftrace_location()` finds a call site anywhere in a function, not only at its
    /// address (aebfd12521d9, 5.18).
    pub inner_call_sites: bool,
    /// `CONFIG_BPF_KPROBE_OVERRIDE`.
    pub override_return: bool,
    /// `CONFIG_LIVEPATCH`.
    pub livepatch: bool,
    /// BPF trampolines pass structs by value (720e6a435194, 6.1).
    pub struct_arguments: bool,
    /// BPF trampolines pass unions by value (1cb80d9e93f8, 6.18); `None` if unknown.
    pub union_arguments: Option<bool>,
    /// BPF trampolines pass up to 12 registers of arguments, not 6 (473e3150e30a, 6.6).
    pub stack_arguments: bool,
    /// fexit and fmod_ret are refused for a return value of more than 8 bytes.
    pub wide_returns_refused: bool,
    /// A name that the kernel and a module have may mean the kernel's symbol. Up to 6.19
    /// it is refused if names must be unique.
    pub kernel_names_first: bool,
    /// Lock prefixes are out of bounds while one processor is present (up to
    /// 6.14: `alternatives_text_reserved()`).
    pub smp_locks_reserved: bool,
    /// Where a jump counts as an indirect one (up to 6.5); empty otherwise.
    pub indirect_thunks: Range<u64>,
}

impl Features {
    /// Stands in for a module's kernel that was not given: has every option, and
    /// every rule that refuses. Answers that follow from it are conditional.
    pub(crate) fn assumed() -> Self {
        Self {
            kprobes_on_ftrace: true,
            optprobes: true,
            kprobe_events: true,
            notrace_refused: true,
            unique_names: true,
            kretprobes: true,
            kprobe_multi: true,
            fprobe: true,
            fprobe_lookup: FprobeLookup::Fprobe,
            direct_calls: true,
            // The compiler emits an ENDBR for IBT only.
            ibt: true,
            retpoline: true,
            early_insn_rules: false,
            inner_call_sites: true,
            override_return: true,
            livepatch: true,
            struct_arguments: true,
            union_arguments: None,
            stack_arguments: true,
            wide_returns_refused: true,
            kernel_names_first: true,
            smp_locks_reserved: true,
            indirect_thunks: 0..0,
        }
    }

    pub(crate) fn of(elf: &Elf<'_>, labels: &Labels<'_>, btf: Option<&Btf<'_>>) -> Self {
        let has = |name| labels.get(name).is_some();
        let enumerator = |name| btf.map(|btf| btf.has_enumerator(name));
        Self {
            kprobes_on_ftrace: has("kprobe_ftrace_handler"),
            optprobes: has("arch_prepare_optimized_kprobe"),
            kprobe_events: has("create_local_trace_kprobe"),
            notrace_refused: has_string(elf, b"Could not probe notrace function"),
            // A callback, so no compiler inlines it.
            unique_names: has("count_symbols"),
            // x86 has CONFIG_KRETPROBES whenever it has kprobes; the trampoline was
            // renamed with 5.16 and 5.18.
            kretprobes: has("register_kretprobe"),
            // Of the same commit.
            kprobe_multi: enumerator("BPF_TRACE_KPROBE_MULTI").unwrap_or(true),
            fprobe: has("register_fprobe"),
            // Called back by fgraph, so no compiler inlines it.
            fprobe_lookup: if has("fprobe_return") {
                FprobeLookup::Fprobe
            } else {
                FprobeLookup::Ftrace
            },
            direct_calls: has("register_ftrace_direct"),
            ibt: has("__ibt_endbr_seal") || elf.section(".ibt_endbr_seal").is_some(),
            // __x86_indirect_thunk_array came with 5.13.
            retpoline: has("__x86_indirect_thunk_rax"),
            early_insn_rules: enumerator("BPF_TOKEN_CREATE").map_or_else(
                || elf.section(".parainstructions").is_some(),
                |since_6_9| !since_6_9,
            ),
            // Of the same series.
            inner_call_sites: has("arch_adjust_kprobe_addr"),
            override_return: has("bpf_override_return"),
            livepatch: has("klp_enable_patch"),
            // Of the same commit.
            struct_arguments: btf.is_none_or(|it| it.has_member("btf_func_model", "arg_flags")),
            // Of the same release, as are the next two.
            union_arguments: enumerator("BPF_TASK_WORK"),
            stack_arguments: enumerator("BPF_TRACE_UPROBE_MULTI").unwrap_or(true),
            kernel_names_first: enumerator("BPF_TRACE_FSESSION").unwrap_or(true),
            wide_returns_refused: has_string(elf, b"with a >8 byte return value"),
            smp_locks_reserved: has("alternatives_text_reserved"),
            indirect_thunks: labels.range("__indirect_thunk_start", "__indirect_thunk_end"),
        }
    }
}

/// Whether a string is in read-only data.
pub(crate) fn has_string(elf: &Elf<'_>, text: &[u8]) -> bool {
    elf.section(".rodata")
        .is_some_and(|rodata| memmem::find(rodata.bytes, text).is_some())
}
