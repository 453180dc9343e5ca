// SPDX-License-Identifier: GPL-2.0-only
//! Where in a function a kprobe can sit, and of which flavor it would be: the
//! rules of `register_kprobe()` and of x86's `arch_prepare_optimized_kprobe()`
//! for every instruction.

use std::cell::OnceCell;
use std::ops::Range;

use serde::Serialize;

use crate::answer::reason::{Blacklist, Condition, Mechanism, NotOptimized, Refusal};
use crate::facts::features::Features;
use crate::facts::functions::Function;
use crate::facts::image::Image;
use crate::facts::insn::{INT3, Insn, Insns};
use crate::facts::marks::{Marks, Special};
use crate::facts::tables::starts_in;

/// What a jump takes.
const JMP32: u64 = 5;
/// The most that a jump can displace: four bytes of instructions, and one more
/// of the greatest length.
const WINDOW: u64 = 4 + 15;

/// Padding up to a huge page's boundary makes extents of 2 MiB. What is longer
/// is no function, and is not decoded further.
const MAX_EXTENT: usize = 4 << 20;

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

impl Answer {
    /// In a word: the flavor, the error's name, or `depends`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Yes(Flavor::Ftrace) => "ftrace",
            Self::Yes(Flavor::Optimized) => "optimized",
            Self::Yes(Flavor::Int3(_)) => "int3",
            Self::No(refusal) => refusal.errno().name(),
            Self::Depends(_) => "depends",
        }
    }

    /// Why it is not better, if it could be.
    #[must_use]
    pub fn reason(self) -> Option<String> {
        match self {
            Self::Yes(Flavor::Ftrace | Flavor::Optimized) => None,
            Self::Yes(Flavor::Int3(reason)) => Some(reason.to_string()),
            Self::No(refusal) => Some(refusal.to_string()),
            Self::Depends(condition) => Some(condition.to_string()),
        }
    }
}

/// An instruction, and what becomes of a kprobe on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Site {
    /// From the start of the function.
    pub offset: u32,
    /// Bytes.
    pub len: u8,
    /// What a `register_kprobe()` by address and offset gets. One by BPF or
    /// perf must pass [`Image::within_notrace`] besides.
    #[serde(flatten)]
    pub answer: Answer,
}

impl<'a> Image<'a> {
    /// What becomes of a kprobe at each instruction of a function, as far as
    /// the function decodes, and up to the padding behind it. One on an ENDBR
    /// that the function starts with comes to sit behind it.
    #[must_use]
    pub fn sites(&self, function: &Function) -> Vec<Site> {
        self.place_of(function).sites().collect()
    }

    /// What becomes of a kprobe at any address.
    #[must_use]
    pub fn site(&self, addr: u64) -> Answer {
        let place = self.symbols.around(addr).map(|symbol| self.place(symbol));
        place.map_or(Answer::No(Refusal::NotText), |place| {
            place.register_kprobe(addr)
        })
    }

    /// Whether a function has no call site, so that BPF and perf may not probe
    /// it unless `CONFIG_KPROBE_EVENTS_ON_NOTRACE` is on:
    /// `within_notrace_func()`. A part of a function goes by the whole.
    #[must_use]
    pub fn within_notrace(&self, function: &Function) -> bool {
        if !self.features.notrace_refused || function.call_site.is_some() {
            return false;
        }
        let base = self.base(self.symbols.first_alias(function.symbol as usize));
        base.and_then(|(image, base)| image.call_site_in(image.extent(base)?))
            .is_none()
    }

    /// Where the name without its suffix is: for one of a module in the kernel,
    /// if that has it.
    fn base(&self, symbol: usize) -> Option<(&Self, u64)> {
        let (base, _) = self.symbols.name(symbol).split_once('.')?;
        let mut images = self.kernel().into_iter().chain([self]);
        images.find_map(|image| Some((image, image.symbols.address_of(base)?)))
    }

    /// What an answer is worth: that for a module goes by `Features::assumed()`
    /// if its kernel is not known.
    pub(crate) fn qualified(&self, answer: Answer) -> Answer {
        let condition = match answer {
            Answer::Yes(flavor) => Condition::Loader(flavor),
            Answer::No(Refusal::Notrace) => Condition::NotraceAllowed,
            Answer::No(Refusal::AmbiguousName) => Condition::NamesUnique,
            _ => return answer,
        };
        if self.is_adrift() {
            Answer::Depends(condition)
        } else {
            answer
        }
    }

    /// The extent that starts with a symbol, the first of its address.
    fn place(&self, symbol: usize) -> Place<'_, 'a> {
        let range = self.extent_of(symbol);
        Place {
            image: self,
            refusal: self.unsafe_place(symbol),
            marks: Marks::new(&self.tables.marks).near(&range),
            code: OnceCell::new(),
            range,
        }
    }

    pub(crate) fn place_of(&self, function: &Function) -> Place<'_, 'a> {
        self.place(self.symbols.first_alias(function.symbol as usize))
    }

    /// Those rules of `check_kprobe_address_safe()` that hold for all of an
    /// extent, as everything does that goes by symbol.
    fn unsafe_place(&self, symbol: usize) -> Option<Refusal> {
        let start = self.symbols.get(symbol).addr;
        if !self.ranges.text.contains(&start) {
            return Some(match self.ranges.init.contains(&start) {
                true if self.is_module() => Refusal::ModuleInit,
                true => Refusal::Init,
                false => Refusal::NotText,
            });
        }
        if let Some(rule) = self.blacklisted_by(symbol) {
            return Some(Refusal::Blacklisted(rule));
        }
        self.is_preamble(symbol).then_some(Refusal::Preamble)
    }

    /// Whether kprobes may not be in a function.
    pub(crate) fn is_blacklisted(&self, function: &Function) -> bool {
        let symbol = self.symbols.first_alias(function.symbol as usize);
        matches!(self.unsafe_place(symbol), Some(Refusal::Blacklisted(_)))
    }

    /// Where jumps from a range may go that are there or not.
    fn branches_in(&self, range: &Range<u64>) -> impl Iterator<Item = (u64, Condition)> {
        let all = &self.tables.branches;
        let first = all.partition_point(|it| it.from < range.start);
        let last = all.partition_point(|it| it.from < range.end);
        let here = all.get(first..last).unwrap_or_default().iter();
        here.filter_map(|it| Some((it.to, switch(it.by)?)))
    }

    /// Where a probe goes that is put on an ENDBR, if one is at the address.
    fn entry_behind_endbr(&self, addr: u64) -> Option<u64> {
        (self.features.ibt && self.is_endbr(addr)).then(|| addr.saturating_add(4))
    }

    /// `is_cfi_preamble_symbol()`.
    pub(crate) fn is_preamble(&self, symbol: usize) -> bool {
        let name = self.symbols.name_bytes(symbol);
        name.starts_with(b"__cfi_") || name.starts_with(b"__pfx_")
    }

    /// `within_kprobe_blacklist()`.
    fn blacklisted_by(&self, symbol: usize) -> Option<Blacklist> {
        let base = || {
            let (image, base) = self.base(symbol)?;
            image
                .address_blacklisted_by(base)
                .map(|_| Blacklist::BaseName)
        };
        self.address_blacklisted_by(self.symbols.get(symbol).addr)
            .or_else(base)
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

    /// As `can_optimize()` counts them. The compiler makes no jump tables for a
    /// retpoline or IBT kernel, so nothing counts there since 6.6; before, a jump
    /// to a thunk did.
    fn is_indirect_jump(&self, insn: &Insn, end: u64) -> bool {
        let thunks = &self.features.indirect_thunks;
        if thunks.is_empty() && (self.features.retpoline || self.features.ibt) {
            return false;
        }
        let to_thunk = || {
            insn.jump_target(end)
                .is_some_and(|target| thunks.contains(&target))
        };
        insn.is_indirect_jump() || (to_thunk() && !self.is_return(insn, end))
    }

    /// A `ret` until boot decides: `jmp __x86_return_thunk`.
    fn is_return(&self, insn: &Insn, end: u64) -> bool {
        insn.opcode[0] == 0xe9
            && self.return_thunk.is_some()
            && insn.branch_target(end) == self.return_thunk
    }
}

/// An extent, and what the tables say about it.
#[derive(Debug)]
pub(crate) struct Place<'i, 'a> {
    image: &'i Image<'a>,
    range: Range<u64>,
    /// Why nothing in it can be probed.
    refusal: Option<Refusal>,
    marks: Marks<'i>,
    code: OnceCell<Code>,
}

/// The instructions of an extent.
#[derive(Debug, Default)]
struct Code {
    ops: Vec<Op>,
    /// Where relative jumps go, sorted.
    targets: Vec<u64>,
    /// Where jumps go that may be there or not, sorted.
    switched: Vec<(u64, Condition)>,
    /// Why nothing in it can be optimized.
    unoptimized: Option<NotOptimized>,
    /// Why that is not certain for the rest.
    unsure: Option<Condition>,
    /// Where decoding ended: the end of the extent if all of it decodes.
    end: u64,
}

/// An instruction, as far as the rules care.
#[derive(Clone, Copy, Debug)]
struct Op {
    addr: u64,
    len: u8,
    moves: Moves,
    /// Why `arch_prepare_kprobe()` refuses it.
    refused: Option<Refusal>,
}

impl Op {
    fn end(&self) -> u64 {
        self.addr + u64::from(self.len)
    }
}

/// Whether an instruction can run from a buffer, and go on behind the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moves {
    Yes,
    No,
    /// If boot patches the jump to the return thunk to a `ret`.
    AsReturn,
}

/// Why `can_probe()`, `__copy_instruction()` or `prepare_emulation()` refuses
/// an instruction.
fn refused(insn: &Insn, features: &Features) -> Option<Refusal> {
    if insn.is_exception() && !insn.emulated && !features.early_insn_rules {
        Some(Refusal::Trap)
    } else if insn.emulated || insn.masks_exceptions() || insn.opcode[0] == INT3 {
        Some(Refusal::Uncopyable)
    } else if insn.is_beyond_emulation() {
        Some(Refusal::BeyondEmulation)
    } else {
        None
    }
}

impl Place<'_, '_> {
    /// Each instruction.
    pub(crate) fn sites(&self) -> impl Iterator<Item = Site> {
        let site = |(index, op): (usize, &Op)| Site {
            offset: (op.addr - self.range.start) as u32,
            len: op.len,
            answer: self.register(op.addr, || Some(index)),
        };
        self.code().ops.iter().enumerate().map(site)
    }

    /// `register_kprobe()` at an address, without the name's resolution.
    pub(crate) fn register_kprobe(&self, addr: u64) -> Answer {
        self.register(addr, || {
            self.code()
                .ops
                .binary_search_by_key(&addr, |op| op.addr)
                .ok()
        })
    }

    /// The same, with a way to find the instruction at the address.
    fn register(&self, addr: u64, instruction: impl FnOnce() -> Option<usize>) -> Answer {
        match self.image.entry_behind_endbr(self.range.start) {
            // arch_adjust_kprobe_addr() moves it.
            Some(entry) if addr == self.range.start => self.register_kprobe(entry),
            _ => self.image.qualified(self.registered(addr, instruction)),
        }
    }

    fn registered(&self, addr: u64, instruction: impl FnOnce() -> Option<usize>) -> Answer {
        if let Some(refusal) = self.refusal {
            return Answer::No(refusal);
        }
        let near = self.marks.near(&(addr..addr.saturating_add(WINDOW)));
        let ftrace = near.at(addr, Special::CallSite);
        if ftrace && !self.image.features.kprobes_on_ftrace {
            return Answer::No(Refusal::NotBuiltIn(Mechanism::KprobesOnFtrace));
        }
        if let Some(refusal) = unsafe_address(addr, near) {
            return Answer::No(refusal);
        }
        if self.image.tables.nokprobe.is_none() {
            return Answer::Depends(Condition::Blacklist);
        }
        if ftrace {
            return Answer::Yes(Flavor::Ftrace);
        }
        match instruction() {
            Some(index) => self.prepare(index, near),
            None => self.beside(addr, near),
        }
    }

    /// What is said where no instruction starts in the image.
    fn beside(&self, addr: u64, near: Marks<'_>) -> Answer {
        let code = self.code();
        let before = code.ops.partition_point(|op| op.addr < addr).checked_sub(1);
        match before.map(|index| code.ops[index]) {
            Some(op) if addr < op.end() => self.inside(&op, addr, near),
            _ if code.end <= addr => Answer::Depends(Condition::Decoder),
            // Padding.
            _ => self.refused_trap(),
        }
    }

    /// What is said of an INT3.
    fn refused_trap(&self) -> Answer {
        Answer::No(if self.image.features.early_insn_rules {
            Refusal::Uncopyable
        } else {
            Refusal::Trap
        })
    }

    /// What is said inside of an instruction: one may start there once boot has
    /// patched it.
    fn inside(&self, op: &Op, addr: u64, near: Marks<'_>) -> Answer {
        if near.touch(&(addr..addr + 1), Special::Alternative) {
            Answer::Depends(Condition::Alternative)
        } else if op.moves == Moves::AsReturn && self.image.features.early_insn_rules {
            // INT3 follows a `ret`.
            Answer::Depends(Condition::ReturnThunk)
        } else {
            Answer::No(Refusal::NotAnInstruction)
        }
    }

    /// `arch_prepare_kprobe()`, then the attempt to optimize.
    fn prepare(&self, index: usize, near: Marks<'_>) -> Answer {
        let op = self.code().ops[index];
        let here = op.addr..op.addr + 1;
        // Boot may have put something else here: a call through memory, for one,
        // becomes a call of what a hypervisor offers.
        if near.touch(&here, Special::Alternative) {
            return Answer::Depends(Condition::Alternative);
        }
        if let Some(refusal) = op.refused {
            return Answer::No(refusal);
        }
        if let Some(condition) = self.changeable(&here, near) {
            return Answer::Depends(condition);
        }
        if let Some(reason) = self.cannot_optimize(op.addr) {
            return Answer::Yes(Flavor::Int3(reason));
        }
        match self.copy_optimized(index, near) {
            Answer::Yes(Flavor::Optimized) => self
                .may_be_jumped_into(op.addr)
                .map_or(Answer::Yes(Flavor::Optimized), Answer::Depends),
            answer => answer,
        }
    }

    /// Whether a jump that may be there or not goes into the five bytes.
    fn may_be_jumped_into(&self, addr: u64) -> Option<Condition> {
        let switched = &self.code().switched;
        let next = switched.partition_point(|(to, _)| *to <= addr);
        let (to, condition) = switched.get(next)?;
        (*to <= addr + JMP32).then_some(*condition)
    }

    /// What makes these bytes uncertain.
    fn changeable(&self, window: &Range<u64>, near: Marks<'_>) -> Option<Condition> {
        if self.image.features.smp_locks_reserved && near.start_in(window, Special::SmpLock) {
            return Some(Condition::SmpLock);
        }
        near.touch(window, Special::Alternative)
            .then_some(Condition::Alternative)
    }

    /// `can_optimize()`.
    fn cannot_optimize(&self, addr: u64) -> Option<NotOptimized> {
        let code = self.code();
        if self.range.end - addr < JMP32 {
            return Some(NotOptimized::TooShort);
        }
        let jumped_into = || starts_in(&code.targets, addr + 1..addr + JMP32 + 1);
        code.unoptimized
            .or_else(|| jumped_into().then_some(NotOptimized::JumpTarget))
    }

    /// `copy_optimized_instructions()`, and what is patched before it runs.
    fn copy_optimized(&self, index: usize, near: Marks<'_>) -> Answer {
        let ops = &self.code().ops[index..];
        let start = ops[0].addr;
        let replaced = ops.iter().take_while(|op| op.addr < start + JMP32);
        let (mut end, mut returns) = (start, false);
        for op in replaced {
            // What boot puts in its place may be movable.
            let patched = || near.touch(&(op.addr..op.end()), Special::Alternative);
            if op.moves == Moves::No && !patched() {
                return Answer::Yes(Flavor::Int3(NotOptimized::Unboostable));
            }
            returns |= op.moves == Moves::AsReturn;
            end = op.end();
        }
        if end < start + JMP32 {
            // Padding follows.
            return Answer::Yes(Flavor::Int3(NotOptimized::Unboostable));
        }
        let window = start..end;
        let reserved = [Special::CallSite, Special::JumpLabel, Special::StaticCall];
        if reserved.into_iter().any(|what| near.touch(&window, what)) {
            return Answer::Yes(Flavor::Int3(NotOptimized::Reserved));
        }
        match self.changeable(&window, near) {
            Some(condition) => Answer::Depends(condition),
            None if returns => Answer::Depends(Condition::ReturnThunk),
            None => self
                .code()
                .unsure
                .map_or(Answer::Yes(Flavor::Optimized), Answer::Depends),
        }
    }

    fn code(&self) -> &Code {
        self.code.get_or_init(|| self.decode())
    }

    fn decode(&self) -> Code {
        let Range { start, end } = self.range;
        let rest = self.image.elf.from(start).unwrap_or_default();
        let len = usize::try_from(end - start)
            .unwrap_or(MAX_EXTENT)
            .min(MAX_EXTENT)
            .min(rest.len());
        let used = rest[..len]
            .iter()
            .rposition(|byte| *byte != INT3)
            .map_or(0, |last| last + 1);
        let padding = start + used as u64;
        let mut code = Code {
            end: start,
            ops: Vec::with_capacity(used / 4),
            ..Code::default()
        };
        let mut indirect = false;
        let mut insns = Insns::new(rest);
        while code.end < padding
            && let Some(insn) = insns.next()
        {
            let op = self.op(code.end, &insn);
            code.end = op.end();
            if let Some(to) = insn.jump_target(code.end) {
                match self.switched_by(&op) {
                    Some(condition) => code.switched.push((to, condition)),
                    None => code.targets.push(to),
                }
            }
            indirect |= self.image.is_indirect_jump(&insn, code.end);
            code.ops.push(op);
        }
        if code.end >= padding {
            code.end = code.end.max(start + len as u64);
        }
        code.targets.sort_unstable();
        code.switched.extend(self.image.branches_in(&self.range));
        code.switched.sort_unstable_by_key(|(to, _)| *to);
        code.unoptimized = self.unoptimized(indirect);
        code.unsure = self.unsure(&code);
        code
    }

    /// What may put something else in the place of a jump.
    fn switched_by(&self, op: &Op) -> Option<Condition> {
        let here = op.addr..op.end();
        let near = self.marks.near(&here);
        [Special::Alternative, Special::JumpLabel]
            .into_iter()
            .find(|what| near.touch(&here, *what))
            .and_then(switch)
    }

    /// The rules of `can_optimize()` that hold for the whole extent.
    fn unoptimized(&self, indirect_jump: bool) -> Option<NotOptimized> {
        let features = &self.image.features;
        let entry = self.image.ranges.entry.contains(&self.range.start);
        let faulting = self.marks.start_in(&self.range, Special::Faulting);
        let rules = [
            (!features.optprobes, NotOptimized::NotBuiltIn),
            (entry, NotOptimized::EntryText),
            (faulting, NotOptimized::Faulting),
            (indirect_jump, NotOptimized::IndirectJump),
        ];
        rules
            .into_iter()
            .find(|(applies, _)| *applies)
            .map(|(_, reason)| reason)
    }

    /// Not all of it decodes, or it has returns where a jump to the return
    /// thunk counts as an indirect one.
    fn unsure(&self, code: &Code) -> Option<Condition> {
        if code.end < self.range.end {
            return Some(Condition::Decoder);
        }
        let thunks = &self.image.features.indirect_thunks;
        let counts = self
            .image
            .return_thunk
            .is_some_and(|thunk| thunks.contains(&thunk));
        let returns = || code.ops.iter().any(|op| op.moves == Moves::AsReturn);
        (counts && returns()).then_some(Condition::ReturnThunk)
    }

    fn op(&self, addr: u64, insn: &Insn) -> Op {
        let end = addr + u64::from(insn.len);
        let copied = !insn.emulated && !insn.masks_exceptions() && insn.opcode[0] != INT3;
        let early = self.image.features.early_insn_rules;
        let moves = if copied && insn.can_boost(early) {
            Moves::Yes
        } else if self.image.is_return(insn, end) {
            Moves::AsReturn
        } else {
            Moves::No
        };
        Op {
            addr,
            len: insn.len,
            moves,
            refused: refused(insn, &self.image.features),
        }
    }
}

/// Who only knows what is at such an instruction.
fn switch(what: Special) -> Option<Condition> {
    match what {
        Special::Alternative => Some(Condition::Alternative),
        Special::JumpLabel => Some(Condition::StaticKey),
        _ => None,
    }
}

/// Those rules of `check_kprobe_address_safe()` that go by address.
fn unsafe_address(addr: u64, near: Marks<'_>) -> Option<Refusal> {
    let here = addr..addr.saturating_add(1);
    let rules = [
        (near.touch(&here, Special::JumpLabel), Refusal::JumpLabel),
        (near.touch(&here, Special::StaticCall), Refusal::StaticCall),
        (near.at(addr, Special::Bug), Refusal::Bug),
    ];
    rules
        .into_iter()
        .find(|(applies, _)| *applies)
        .map(|(_, refusal)| refusal)
}
