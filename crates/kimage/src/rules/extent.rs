// SPDX-License-Identifier: GPL-2.0-only
//! Where in an extent `register_kprobe()` accepts a kprobe, and how it is armed
//! there. An extent reaches from a symbol to the next address with a symbol.

use std::cell::OnceCell;
use std::ops::Range;

use serde::Serialize;

use crate::answer::arming::Arming;
use crate::answer::condition::Condition;
use crate::answer::refusal::{Mechanism, Refusal};
use crate::answer::value::Answer;
use crate::facts::functions::Function;
use crate::facts::image::Image;
use crate::facts::marks::{Marks, Special};
use crate::rules::code::{Code, Moves, Op};
use crate::rules::optimize::changeable;

/// The most bytes that a jump can displace: four bytes of instructions, and one
/// more of the greatest length.
const WINDOW: u64 = 4 + 15;

/// An instruction, and the answer for a kprobe on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Site {
    /// Bytes from the start of the function.
    pub offset: u32,
    /// Length of the instruction in bytes.
    pub len: u8,
    /// The answer for a `register_kprobe()` by address and offset. One by BPF or
    /// perf must also pass [`Image::within_notrace`].
    #[serde(flatten)]
    pub answer: Answer,
}

/// An extent, and what the tables say about it.
#[derive(Debug)]
pub(crate) struct Extent<'i, 'a> {
    image: &'i Image<'a>,
    range: Range<u64>,
    /// Why nothing in it can be probed.
    refusal: Option<Refusal>,
    marks: Marks<'i>,
    code: OnceCell<Code>,
}

impl<'a> Image<'a> {
    /// Returns the answer for a kprobe at each instruction of a function, as far
    /// as the function decodes, and up to the padding behind it. A kprobe on an
    /// ENDBR that the function starts with is moved behind it.
    #[must_use]
    pub fn sites(&self, function: &Function) -> Vec<Site> {
        self.extent_around(function).sites().collect()
    }

    /// Returns the answer for a kprobe at any address.
    #[must_use]
    pub fn site(&self, addr: u64) -> Answer {
        let extent = self
            .symbols
            .around(addr)
            .map(|symbol| self.extent_at(symbol));
        extent.map_or(Answer::No(Refusal::NotText), |extent| {
            extent.register_kprobe(addr)
        })
    }

    /// The extent that starts with a symbol, the first of its address.
    fn extent_at(&self, symbol: usize) -> Extent<'_, 'a> {
        let range = self.extent_of(symbol);
        Extent {
            image: self,
            refusal: self.extent_refusal(symbol),
            marks: Marks::new(&self.tables.marks).near(&range),
            code: OnceCell::new(),
            range,
        }
    }

    pub(crate) fn extent_around(&self, function: &Function) -> Extent<'_, 'a> {
        self.extent_at(self.symbols.first_alias(function.symbol as usize))
    }

    /// Where a kprobe on an ENDBR goes, if there is one at the address.
    fn entry_behind_endbr(&self, addr: u64) -> Option<u64> {
        (self.features.ibt && self.is_endbr(addr)).then(|| addr.saturating_add(4))
    }

    /// The answer for a module goes by `Features::assumed()` if its kernel was
    /// not given, and then depends on that kernel.
    pub(crate) fn qualified(&self, answer: Answer) -> Answer {
        let condition = match answer {
            Answer::Yes(arming) => Condition::Loader(arming),
            Answer::No(Refusal::Notrace) => Condition::NotraceAllowed,
            Answer::No(Refusal::AmbiguousName) => Condition::NamesUnique,
            _ => return answer,
        };
        if self.lacks_kernel() {
            Answer::Depends(condition)
        } else {
            answer
        }
    }
}

impl Extent<'_, '_> {
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
        let ops = || &self.code().ops;
        self.register(addr, || {
            ops().binary_search_by_key(&addr, |op| op.addr).ok()
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
            return Answer::Yes(Arming::Ftrace);
        }
        match instruction() {
            Some(index) => self.prepare(index, near),
            None => self.beside(addr, near),
        }
    }

    /// The answer where no instruction starts in the image.
    fn beside(&self, addr: u64, near: Marks<'_>) -> Answer {
        let code = self.code();
        let before = code.ops.partition_point(|op| op.addr < addr).checked_sub(1);
        match before.map(|index| code.ops[index]) {
            Some(op) if addr < op.end() => self.inside(&op, addr, near),
            _ if code.end <= addr => Answer::Depends(Condition::Decoder),
            // Padding: INT3.
            _ if self.image.features.early_insn_rules => Answer::No(Refusal::Uncopyable),
            _ => Answer::No(Refusal::Trap),
        }
    }

    /// The answer inside of an instruction: one may start there once boot has
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
        if let Some(condition) = changeable(&self.image.features, &here, near) {
            return Answer::Depends(condition);
        }
        self.code().arming(index, near, &self.image.features)
    }

    fn code(&self) -> &Code {
        self.code
            .get_or_init(|| Code::decode(self.image, &self.range, self.marks))
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
        .find_map(|(applies, refusal)| applies.then_some(refusal))
}
