// SPDX-License-Identifier: GPL-2.0-only
//! The instructions of an extent, with what kprobes need to know of them.

use std::ops::Range;

use crate::answer::arming::NotOptimized;
use crate::answer::condition::Condition;
use crate::answer::refusal::Refusal;
use crate::facts::features::Features;
use crate::facts::image::Image;
use crate::facts::insn::{INT3, Insn, Insns};
use crate::facts::marks::{Marks, Special};

/// Padding up to a huge page's boundary makes extents of 2 MiB. What is longer
/// is no function, and is not decoded further.
const MAX_EXTENT: usize = 4 << 20;

/// The instructions of an extent.
#[derive(Debug, Default)]
pub(super) struct Code {
    pub(super) ops: Vec<Op>,
    /// Targets of relative jumps, sorted.
    pub(super) targets: Vec<u64>,
    /// Targets of jumps that boot or a static key adds or removes, sorted.
    pub(super) switched: Vec<(u64, Condition)>,
    /// Why nothing in the extent can be optimized.
    pub(super) unoptimized: Option<NotOptimized>,
    /// Why the optimization of the rest is not certain.
    pub(super) unsure: Option<Condition>,
    /// Where decoding ended: the end of the extent if all of it decodes.
    pub(super) end: u64,
    /// The end of the extent.
    pub(super) extent_end: u64,
}

/// An instruction, as far as the rules need it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Op {
    pub(super) addr: u64,
    pub(super) len: u8,
    pub(super) moves: Moves,
    /// Why `arch_prepare_kprobe()` refuses it.
    pub(super) refused: Option<Refusal>,
}

impl Op {
    pub(super) fn end(&self) -> u64 {
        self.addr + u64::from(self.len)
    }
}

/// Whether an instruction can run from a buffer, and go on behind the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moves {
    Yes,
    No,
    /// If boot patches the jump to the return thunk to a `ret`.
    AsReturn,
}

impl Code {
    pub(super) fn decode(image: &Image<'_>, extent: &Range<u64>, marks: Marks<'_>) -> Self {
        let Range { start, end } = *extent;
        let rest = image.elf.from(start).unwrap_or_default();
        let len = usize::try_from(end - start)
            .unwrap_or(MAX_EXTENT)
            .min(MAX_EXTENT)
            .min(rest.len());
        let used = rest[..len].iter().rposition(|byte| *byte != INT3);
        let used = used.map_or(0, |last| last + 1);
        let padding = start + used as u64;
        let mut code = Self {
            end: start,
            extent_end: end,
            ops: Vec::with_capacity(used / 4),
            ..Self::default()
        };
        let mut indirect = false;
        let mut insns = Insns::new(rest);
        while code.end < padding
            && let Some(insn) = insns.next()
        {
            let op = op(image, code.end, &insn);
            code.end = op.end();
            if let Some(to) = insn.jump_target(code.end) {
                match switched_by(&op, marks) {
                    Some(condition) => code.switched.push((to, condition)),
                    None => code.targets.push(to),
                }
            }
            indirect |= is_indirect_jump(image, &insn, code.end);
            code.ops.push(op);
        }
        if code.end >= padding {
            code.end = code.end.max(start + len as u64);
        }
        code.targets.sort_unstable();
        code.switched.extend(branches_in(image, extent));
        code.switched.sort_unstable_by_key(|(to, _)| *to);
        code.unoptimized = unoptimized(image, extent, marks, indirect);
        code.unsure = code.unsure(image);
        code
    }

    /// Not all of the extent decodes, or it has returns where a jump to the
    /// return thunk counts as an indirect one.
    fn unsure(&self, image: &Image<'_>) -> Option<Condition> {
        if self.end < self.extent_end {
            return Some(Condition::Decoder);
        }
        let thunks = &image.features.indirect_thunks;
        let counts = image
            .return_thunk
            .is_some_and(|thunk| thunks.contains(&thunk));
        let returns = || self.ops.iter().any(|op| op.moves == Moves::AsReturn);
        (counts && returns()).then_some(Condition::ReturnThunk)
    }
}

/// The rules of `can_optimize()` that hold for the whole extent.
fn unoptimized(
    image: &Image<'_>,
    extent: &Range<u64>,
    marks: Marks<'_>,
    indirect_jump: bool,
) -> Option<NotOptimized> {
    let entry = image.ranges.entry.contains(&extent.start);
    let faulting = marks.start_in(extent, Special::Faulting);
    let rules = [
        (!image.features.optprobes, NotOptimized::NotBuiltIn),
        (entry, NotOptimized::EntryText),
        (faulting, NotOptimized::Faulting),
        (indirect_jump, NotOptimized::IndirectJump),
    ];
    rules
        .into_iter()
        .find_map(|(applies, reason)| applies.then_some(reason))
}

fn op(image: &Image<'_>, addr: u64, insn: &Insn) -> Op {
    let end = addr + u64::from(insn.len);
    let copied = !insn.emulated && !insn.masks_exceptions() && insn.opcode[0] != INT3;
    let moves = if copied && insn.can_boost(image.features.early_insn_rules) {
        Moves::Yes
    } else if is_return(image, insn, end) {
        Moves::AsReturn
    } else {
        Moves::No
    };
    Op {
        addr,
        len: insn.len,
        moves,
        refused: refused(insn, &image.features),
    }
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

/// What may replace the jump that an instruction is.
fn switched_by(op: &Op, marks: Marks<'_>) -> Option<Condition> {
    let here = op.addr..op.end();
    let near = marks.near(&here);
    [Special::Alternative, Special::JumpLabel]
        .into_iter()
        .find(|what| near.touch(&here, *what))
        .and_then(condition)
}

/// Targets of jumps in a range that boot or a static key adds.
fn branches_in(image: &Image<'_>, range: &Range<u64>) -> impl Iterator<Item = (u64, Condition)> {
    let all = &image.tables.branches;
    let first = all.partition_point(|it| it.from < range.start);
    let last = all.partition_point(|it| it.from < range.end);
    let here = all.get(first..last).unwrap_or_default().iter();
    here.filter_map(|it| Some((it.to, condition(it.by)?)))
}

/// What decides which instruction the running kernel has at such a place.
fn condition(what: Special) -> Option<Condition> {
    match what {
        Special::Alternative => Some(Condition::Alternative),
        Special::JumpLabel => Some(Condition::StaticKey),
        _ => None,
    }
}

/// As `can_optimize()` counts them. The compiler makes no jump tables for a
/// retpoline or IBT kernel, so nothing counts there since 6.6; before, a jump
/// to a thunk did.
fn is_indirect_jump(image: &Image<'_>, insn: &Insn, end: u64) -> bool {
    let thunks = &image.features.indirect_thunks;
    if thunks.is_empty() && (image.features.retpoline || image.features.ibt) {
        return false;
    }
    let to_thunk = || {
        insn.jump_target(end)
            .is_some_and(|target| thunks.contains(&target))
    };
    insn.is_indirect_jump() || (to_thunk() && !is_return(image, insn, end))
}

/// A `ret` until boot decides: `jmp __x86_return_thunk`.
fn is_return(image: &Image<'_>, insn: &Insn, end: u64) -> bool {
    insn.opcode[0] == 0xe9
        && image.return_thunk.is_some()
        && insn.branch_target(end) == image.return_thunk
}
