// SPDX-License-Identifier: GPL-2.0-only
//! Finds an instruction for a probe of a given flavor that every call of a function
//! executes.

use nmissed_wire::Flavor;

use crate::answer::value::Answer;
use crate::facts::functions::Function;
use crate::facts::image::Image;
use crate::facts::insn::{Insn, Insns};
use crate::facts::marks::{Marks, Special};
use crate::rules::extent::Site;

impl Image<'_> {
    /// Returns the first site of a flavor that each call of a function executes once.
    #[must_use]
    pub fn pick(&self, function: &Function, wanted: Flavor) -> Option<Site> {
        let end = self.straight_end(function);
        let mut sites = self.sites(function).into_iter();
        sites.find(|site| {
            let here = function.addr + u64::from(site.offset);
            let fits = matches!(site.answer, Answer::Yes(arming) if arming.flavor() == wanted);
            fits && here <= end
        })
    }

    /// The last instruction before the way through a function may fork.
    fn straight_end(&self, function: &Function) -> u64 {
        let marks = Marks::new(&self.tables.marks).near(&function.range());
        let code = self.elf.from(function.addr).unwrap_or_default();
        let mut last = function.addr;
        let mut next = function.addr;
        for insn in Insns::new(code) {
            let end = next + u64::from(insn.len);
            if !function.range().contains(&next) || marks.at(next, Special::JumpLabel) {
                break;
            }
            last = next;
            if leaves(&insn, end) {
                break;
            }
            next = end;
        }
        last
    }
}

/// Whether the next instruction may be another than the one that follows.
fn leaves(insn: &Insn, end: u64) -> bool {
    insn.jump_target(end).is_some()
        || insn.is_indirect_jump()
        || insn.is_exception()
        || insn.is_return()
}
