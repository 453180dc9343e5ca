// SPDX-License-Identifier: GPL-2.0-only
//! Options of a kernel, found by the symbols and strings that they add: a
//! distribution rarely builds in its configuration, and a version does not decide it.

use std::ops::Range;

use memchr::memmem;

use crate::elf::file::Elf;
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
    /// boosted. Found by `.parainstructions`, which went with 6.8: that release,
    /// and older ones without `CONFIG_PARAVIRT`, are taken for newer ones.
    pub early_insn_rules: bool,
    /// BPF trampolines pass more arguments than fit in registers (since 6.6).
    /// Found by uprobe.multi, which came with the same release.
    pub stack_arguments: bool,
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
            fprobe: true,
            fprobe_lookup: FprobeLookup::Fprobe,
            direct_calls: true,
            // The compiler emits an ENDBR for IBT only.
            ibt: true,
            retpoline: true,
            early_insn_rules: false,
            stack_arguments: true,
            smp_locks_reserved: true,
            indirect_thunks: 0..0,
        }
    }

    pub(crate) fn of(elf: &Elf<'_>, labels: &Labels<'_>) -> Self {
        let has = |name| labels.get(name).is_some();
        Self {
            kprobes_on_ftrace: has("kprobe_ftrace_handler"),
            optprobes: has("arch_prepare_optimized_kprobe"),
            kprobe_events: has("create_local_trace_kprobe"),
            notrace_refused: has_string(elf, b"Could not probe notrace function"),
            // A callback, so no compiler inlines it.
            unique_names: has("count_symbols"),
            kretprobes: has("arch_rethook_trampoline") || has("__kretprobe_trampoline"),
            fprobe: has("register_fprobe"),
            // Called back by fgraph, so no compiler inlines it.
            fprobe_lookup: if has("fprobe_return") {
                FprobeLookup::Fprobe
            } else {
                FprobeLookup::Ftrace
            },
            direct_calls: has("register_ftrace_direct"),
            ibt: has("__ibt_endbr_seal") || elf.section(".ibt_endbr_seal").is_some(),
            retpoline: has("__x86_indirect_thunk_array"),
            early_insn_rules: elf.section(".parainstructions").is_some(),
            stack_arguments: has("bpf_uprobe_multi_link_attach"),
            smp_locks_reserved: has("alternatives_text_reserved"),
            indirect_thunks: labels.range("__indirect_thunk_start", "__indirect_thunk_end"),
        }
    }
}

/// Whether a string is in read-only data.
fn has_string(elf: &Elf<'_>, text: &[u8]) -> bool {
    elf.section(".rodata")
        .is_some_and(|rodata| memmem::find(rodata.bytes, text).is_some())
}
