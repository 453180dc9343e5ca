// SPDX-License-Identifier: GPL-2.0-only
//! Where in a function a kprobe can sit, and of which flavor it would be: the
//! rules of `register_kprobe()` and of x86's `arch_prepare_optimized_kprobe()`
//! for every instruction.

use std::cell::OnceCell;
use std::ops::Range;

use crate::functions::Function;
use crate::image::Image;
use crate::insn::{Insn, Insns};
use crate::reason::{Blacklist, Condition, NotOptimized, Refusal};
use crate::tables::{Patches, has, within};

/// What a jump takes.
const JMP32: u64 = 5;

/// How a kprobe gets control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavor {
    /// Called by ftrace.
    Ftrace,
    /// By a breakpoint, and soon after by a jump instead.
    Optimized,
    /// By a breakpoint, for the reason given.
    Int3(NotOptimized),
}

/// What becomes of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It works, in this way.
    Yes(Flavor),
    /// It is refused.
    No(Refusal),
    /// It depends on what only the running kernel knows.
    Depends(Condition),
}

/// An instruction, and what becomes of a kprobe on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// From the start of the function.
    pub offset: u32,
    /// Bytes.
    pub len: u8,
    /// What a `register_kprobe()` by address and offset gets. One by BPF or
    /// perf must pass [`Image::within_notrace`] besides.
    pub answer: Answer,
}

impl<'a> Image<'a> {
    /// What becomes of a kprobe at each instruction of a function, as far as
    /// the function decodes.
    #[must_use]
    pub fn sites(&self, function: &Function) -> Vec<Site> {
        let place = self.place(function.range());
        let site = |(addr, insn): &(u64, Insn)| Site {
            offset: (addr - function.addr) as u32,
            len: insn.len,
            answer: place.register_kprobe(*addr),
        };
        place.code().insns.iter().map(site).collect()
    }

    /// What becomes of a kprobe at any address.
    #[must_use]
    pub fn site(&self, addr: u64) -> Answer {
        let place = self.extent(addr).map(|extent| self.place(extent));
        place.map_or(Answer::No(Refusal::NotText), |place| {
            place.register_kprobe(addr)
        })
    }

    /// Whether an address is in a function without call site, which BPF and
    /// perf may not probe unless `CONFIG_KPROBE_EVENTS_ON_NOTRACE` is on:
    /// `within_notrace_func()`.
    #[must_use]
    pub fn within_notrace(&self, addr: u64) -> bool {
        let without = |addr: u64| {
            self.extent(addr)
                .is_some_and(|extent| self.call_site_in(extent).is_none())
        };
        self.features.notrace_refused
            && without(addr)
            && self.base_address(addr).is_none_or(without)
    }

    /// The address of the name without its suffix.
    fn base_address(&self, addr: u64) -> Option<u64> {
        let (symbol, _) = self.symbols.around(addr)?;
        let (base, _) = self.symbols.name(symbol).split_once('.')?;
        self.symbols.address_of(base)
    }

    pub(crate) fn place(&self, range: Range<u64>) -> Place<'_, 'a> {
        let tables = &self.tables;
        let list = |all| within(all, range.clone());
        Place {
            image: self,
            refusal: self.unsafe_place(range.start),
            call_sites: self.call_sites_in(range.clone()),
            jump_labels: tables.jump_labels.within(range.clone()),
            static_calls: tables.static_calls.within(range.clone()),
            bugs: list(&tables.bugs),
            faulting: list(&tables.faulting),
            smp_locks: if self.features.smp_locks_reserved {
                list(&tables.smp_locks)
            } else {
                &[]
            },
            alternatives: tables.alternatives.within(range.clone()),
            code: OnceCell::new(),
            range,
        }
    }

    /// Those rules of `check_kprobe_address_safe()` that hold for all of an
    /// extent, as everything does that goes by symbol.
    fn unsafe_place(&self, start: u64) -> Option<Refusal> {
        if !self.ranges.text.contains(&start) {
            return Some(if self.ranges.init.contains(&start) {
                Refusal::Init
            } else {
                Refusal::NotText
            });
        }
        if let Some(rule) = self.blacklisted_by(start) {
            return Some(Refusal::Blacklisted(rule));
        }
        self.is_preamble(start).then_some(Refusal::Preamble)
    }

    /// `within_kprobe_blacklist()`.
    fn blacklisted_by(&self, addr: u64) -> Option<Blacklist> {
        let base = || {
            let base = self.base_address(addr)?;
            self.address_blacklisted_by(base)
                .map(|_| Blacklist::BaseName)
        };
        self.address_blacklisted_by(addr).or_else(base)
    }

    fn address_blacklisted_by(&self, addr: u64) -> Option<Blacklist> {
        let ranges = &self.ranges;
        let named = [
            (&ranges.kprobes, Blacklist::KprobesText),
            (&ranges.noinstr, Blacklist::NoinstrText),
            (&ranges.entry, Blacklist::EntryText),
        ];
        let rule = named
            .iter()
            .find(|(range, _)| range.contains(&addr))
            .map(|(_, rule)| *rule);
        rule.or_else(|| {
            let next = self.nokprobe.partition_point(|range| range.start <= addr);
            let listed = next
                .checked_sub(1)
                .is_some_and(|last| self.nokprobe[last].contains(&addr));
            listed.then_some(Blacklist::Listed)
        })
    }

    /// `is_cfi_preamble_symbol()`.
    fn is_preamble(&self, addr: u64) -> bool {
        let symbol = self
            .symbols
            .around(addr)
            .map(|(symbol, _)| self.symbols.name_bytes(symbol));
        symbol.is_some_and(|name| name.starts_with(b"__cfi_") || name.starts_with(b"__pfx_"))
    }
}

/// An extent, with what the tables say about it: mostly nothing, so that a
/// question about one of its instructions is cheap.
#[derive(Debug)]
pub(crate) struct Place<'i, 'a> {
    image: &'i Image<'a>,
    range: Range<u64>,
    /// Why nothing in it can be probed.
    refusal: Option<Refusal>,
    call_sites: &'i [u64],
    jump_labels: &'i [(u64, u8)],
    static_calls: &'i [(u64, u8)],
    bugs: &'i [u64],
    faulting: &'i [u64],
    smp_locks: &'i [u64],
    alternatives: &'i [(u64, u8)],
    code: OnceCell<Code>,
}

/// The instructions of an extent.
#[derive(Debug, Default)]
struct Code {
    insns: Vec<(u64, Insn)>,
    /// Where relative jumps go, sorted.
    targets: Vec<u64>,
    indirect_jump: bool,
    /// Where decoding ended; the end of the range if all of it decodes.
    end: u64,
}

impl Place<'_, '_> {
    /// `register_kprobe()` at an address, without the name's resolution.
    pub(crate) fn register_kprobe(&self, addr: u64) -> Answer {
        let ftrace = has(self.call_sites, addr);
        let features = &self.image.features;
        if ftrace && !features.kprobes_on_ftrace {
            return Answer::No(Refusal::NotBuiltIn("CONFIG_KPROBES_ON_FTRACE"));
        }
        if let Some(refusal) = self.refusal.or_else(|| self.unsafe_address(addr)) {
            return Answer::No(refusal);
        }
        if self.image.tables.nokprobe.is_none() {
            return Answer::Depends(Condition::Blacklist);
        }
        if ftrace {
            Answer::Yes(Flavor::Ftrace)
        } else {
            self.prepare_kprobe(addr)
        }
    }

    /// The other rules of `check_kprobe_address_safe()`.
    fn unsafe_address(&self, addr: u64) -> Option<Refusal> {
        let here = addr..addr + 1;
        let rules = [
            (
                Patches::touch(self.jump_labels, here.clone()),
                Refusal::JumpLabel,
            ),
            (Patches::touch(self.static_calls, here), Refusal::StaticCall),
            (has(self.bugs, addr), Refusal::Bug),
        ];
        rules
            .into_iter()
            .find(|(applies, _)| *applies)
            .map(|(_, refusal)| refusal)
    }

    /// `arch_prepare_kprobe()`, then the attempt to optimize.
    fn prepare_kprobe(&self, addr: u64) -> Answer {
        if self.code().end <= addr {
            return Answer::Depends(Condition::Decoder);
        }
        let Some(index) = self.index_of(addr) else {
            return Answer::No(Refusal::NotAnInstruction);
        };
        let insn = &self.code().insns[index].1;
        let rules = [
            (insn.is_exception() && !insn.emulated, Refusal::Trap),
            (
                insn.emulated || insn.masks_exceptions(),
                Refusal::Uncopyable,
            ),
            (insn.is_beyond_emulation(), Refusal::BeyondEmulation),
        ];
        if let Some((_, refusal)) = rules.into_iter().find(|(applies, _)| *applies) {
            return Answer::No(refusal);
        }
        if has(self.smp_locks, addr) {
            return Answer::Depends(Condition::SmpLock);
        }
        if Patches::touch(self.alternatives, addr..addr + 1) {
            return Answer::Depends(Condition::Alternative);
        }
        self.optimize(addr, index)
    }

    /// `arch_prepare_optimized_kprobe()`.
    fn optimize(&self, addr: u64, index: usize) -> Answer {
        match self.cannot_optimize(addr) {
            Some(reason) => Answer::Yes(Flavor::Int3(reason)),
            None => self.copy_optimized(addr, index),
        }
    }

    /// `can_optimize()`.
    fn cannot_optimize(&self, addr: u64) -> Option<NotOptimized> {
        let code = self.code();
        let rules = [
            (!self.image.features.optprobes, NotOptimized::NotBuiltIn),
            (
                self.image.ranges.entry.contains(&addr),
                NotOptimized::EntryText,
            ),
            (self.range.end - addr < JMP32, NotOptimized::TooShort),
            (!self.faulting.is_empty(), NotOptimized::Faulting),
            (code.end < self.range.end, NotOptimized::Undecodable),
            (code.indirect_jump, NotOptimized::IndirectJump),
            (
                !within(&code.targets, addr + 1..addr + JMP32 + 1).is_empty(),
                NotOptimized::JumpTarget,
            ),
        ];
        rules
            .into_iter()
            .find(|(applies, _)| *applies)
            .map(|(_, reason)| reason)
    }

    /// `copy_optimized_instructions()`, and what is patched before it runs.
    fn copy_optimized(&self, addr: u64, index: usize) -> Answer {
        let mut end = addr;
        let mut thunk = false;
        for (at, insn) in &self.code().insns[index..] {
            if end >= addr + JMP32 {
                break;
            }
            end = at + u64::from(insn.len);
            if self.image.is_return(insn, end) {
                thunk = true;
            } else if insn.emulated
                || insn.opcode[0] == 0xcc
                || insn.masks_exceptions()
                || !insn.can_boost()
            {
                return Answer::Yes(Flavor::Int3(NotOptimized::Unboostable));
            }
        }
        let window = addr..end;
        if self.is_reserved(window.clone()) {
            Answer::Yes(Flavor::Int3(NotOptimized::Reserved))
        } else if Patches::touch(self.alternatives, window.clone()) {
            Answer::Depends(Condition::Alternative)
        } else if !within(self.smp_locks, window).is_empty() {
            Answer::Depends(Condition::SmpLock)
        } else if thunk {
            Answer::Depends(Condition::ReturnThunk)
        } else {
            Answer::Yes(Flavor::Optimized)
        }
    }

    fn is_reserved(&self, window: Range<u64>) -> bool {
        !within(self.call_sites, window.start.saturating_sub(4)..window.end).is_empty()
            || Patches::touch(self.jump_labels, window.clone())
            || Patches::touch(self.static_calls, window)
    }

    fn index_of(&self, addr: u64) -> Option<usize> {
        self.code()
            .insns
            .binary_search_by_key(&addr, |(at, _)| *at)
            .ok()
    }

    fn code(&self) -> &Code {
        self.code.get_or_init(|| self.decode())
    }

    fn decode(&self) -> Code {
        let Range { start, end } = self.range;
        let bytes = self.image.elf.from(start).unwrap_or_default();
        let mut code = Code {
            end: start,
            ..Code::default()
        };
        let mut insns = Insns::new(bytes);
        while code.end < end
            && let Some(insn) = insns.next()
        {
            let at = code.end;
            code.end += u64::from(insn.len);
            code.targets.extend(insn.jump_target(code.end));
            code.indirect_jump |= self.image.is_indirect_jump(&insn, code.end);
            code.insns.push((at, insn));
        }
        code.targets.sort_unstable();
        code
    }
}

impl Image<'_> {
    /// As `can_optimize()` counts them: a retpoline kernel has no jump tables.
    fn is_indirect_jump(&self, insn: &Insn, end: u64) -> bool {
        if self.features.retpoline || self.features.ibt {
            let thunks = &self.features.indirect_thunks;
            return !thunks.is_empty()
                && insn
                    .jump_target(end)
                    .is_some_and(|target| thunks.contains(&target));
        }
        insn.is_indirect_jump()
    }

    /// A `ret` until boot decides: `jmp __x86_return_thunk`.
    fn is_return(&self, insn: &Insn, end: u64) -> bool {
        insn.opcode[0] == 0xe9
            && self.return_thunk.is_some()
            && insn.branch_target(end) == self.return_thunk
    }
}
