// SPDX-License-Identifier: GPL-2.0-only
//! Whether a jump can replace the int3 of a kprobe: x86's
//! `arch_prepare_optimized_kprobe()`.

use std::ops::Range;

use crate::answer::arming::{Arming, NotOptimized};
use crate::answer::condition::Condition;
use crate::answer::value::Answer;
use crate::facts::features::Features;
use crate::facts::marks::{Marks, Special};
use crate::facts::tables::starts_in;
use crate::rules::code::{Code, Moves};

/// The length of a jump.
const JMP32: u64 = 5;

impl Code {
    /// How a kprobe that is an int3 at first is armed in the end. `near` are the
    /// marks around the instruction.
    pub(super) fn arming(&self, index: usize, near: Marks<'_>, features: &Features) -> Answer {
        let addr = self.ops[index].addr;
        if let Some(reason) = self.cannot_optimize(addr) {
            return Answer::Yes(Arming::Int3(reason));
        }
        match self.copy_optimized(index, near, features) {
            Answer::Yes(Arming::Optimized) => self
                .may_be_jumped_into(addr)
                .map_or(Answer::Yes(Arming::Optimized), Answer::Depends),
            answer => answer,
        }
    }

    /// `can_optimize()`.
    fn cannot_optimize(&self, addr: u64) -> Option<NotOptimized> {
        if self.extent_end - addr < JMP32 {
            return Some(NotOptimized::TooShort);
        }
        let jumped_into = || starts_in(&self.targets, addr + 1..addr + JMP32 + 1);
        self.unoptimized
            .or_else(|| jumped_into().then_some(NotOptimized::JumpTarget))
    }

    /// Whether a jump that boot or a static key adds goes into the five bytes.
    fn may_be_jumped_into(&self, addr: u64) -> Option<Condition> {
        let next = self.switched.partition_point(|(to, _)| *to <= addr);
        let (to, condition) = self.switched.get(next)?;
        (*to <= addr + JMP32).then_some(*condition)
    }

    /// `copy_optimized_instructions()`, and what is patched before it runs.
    fn copy_optimized(&self, index: usize, near: Marks<'_>, features: &Features) -> Answer {
        let ops = &self.ops[index..];
        let start = ops[0].addr;
        let replaced = ops.iter().take_while(|op| op.addr < start + JMP32);
        let (mut end, mut returns) = (start, false);
        for op in replaced {
            // What boot puts in its place may be movable.
            let patched = || near.touch(&(op.addr..op.end()), Special::Alternative);
            if op.moves == Moves::No && !patched() {
                return Answer::Yes(Arming::Int3(NotOptimized::Unboostable));
            }
            returns |= op.moves == Moves::AsReturn;
            end = op.end();
        }
        if end < start + JMP32 {
            // Padding follows.
            return Answer::Yes(Arming::Int3(NotOptimized::Unboostable));
        }
        let window = start..end;
        let reserved = [Special::CallSite, Special::JumpLabel, Special::StaticCall];
        if reserved.into_iter().any(|what| near.touch(&window, what)) {
            return Answer::Yes(Arming::Int3(NotOptimized::Reserved));
        }
        match changeable(features, &window, near) {
            Some(condition) => Answer::Depends(condition),
            None if returns => Answer::Depends(Condition::ReturnThunk),
            None => self
                .unsure
                .map_or(Answer::Yes(Arming::Optimized), Answer::Depends),
        }
    }
}

/// What makes these bytes uncertain.
pub(super) fn changeable(
    features: &Features,
    window: &Range<u64>,
    near: Marks<'_>,
) -> Option<Condition> {
    if features.smp_locks_reserved && near.start_in(window, Special::SmpLock) {
        return Some(Condition::SmpLock);
    }
    near.touch(window, Special::Alternative)
        .then_some(Condition::Alternative)
}
