// SPDX-License-Identifier: GPL-2.0-only
//! Instructions that a table of the kernel lists, all in one sorted list: most
//! functions have none, and one search shows it.

use std::ops::Range;

/// The table that lists an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Special {
    /// `__mcount_loc`: the call to ftrace.
    CallSite,
    /// `__jump_table`: a static key's branch.
    JumpLabel,
    /// `.static_call_sites`.
    StaticCall,
    /// `__bug_table`: `BUG()` or `WARN()`.
    Bug,
    /// `__ex_table`: it may fault.
    Faulting,
    /// `.smp_locks`: a lock prefix.
    SmpLock,
    /// `.altinstructions` or `.parainstructions`: code that depends on the
    /// processor or the hypervisor.
    Alternative,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) addr: u64,
    pub(crate) len: u8,
    pub(crate) what: Special,
}

/// Marks, sorted by address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks<'a>(&'a [Mark]);

impl<'a> Marks<'a> {
    /// `all` must be sorted.
    pub(crate) fn new(all: &'a [Mark]) -> Self {
        Self(all)
    }

    /// Those that may share a byte with the range.
    pub(crate) fn near(self, range: &Range<u64>) -> Self {
        // None is longer than a byte can count.
        let lowest = range.start.saturating_sub(u8::MAX.into());
        let rest = &self.0[self.0.partition_point(|mark| mark.addr < lowest)..];
        Self(&rest[..rest.partition_point(|mark| mark.addr < range.end)])
    }

    /// Whether one of a kind starts at an address.
    pub(crate) fn at(self, addr: u64, what: Special) -> bool {
        self.0
            .iter()
            .any(|mark| mark.addr == addr && mark.what == what)
    }

    /// Whether one of a kind starts in the range.
    pub(crate) fn start_in(self, range: &Range<u64>, what: Special) -> bool {
        self.0
            .iter()
            .any(|mark| mark.what == what && range.contains(&mark.addr))
    }

    /// Whether one of a kind shares a byte with the range.
    pub(crate) fn touch(self, range: &Range<u64>, what: Special) -> bool {
        let touches = |mark: &Mark| {
            mark.addr < range.end && mark.addr.saturating_add(mark.len.into()) > range.start
        };
        self.0.iter().any(|mark| mark.what == what && touches(mark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_from_every_byte_of_it() {
        let mark = |addr, len, what| Mark { addr, len, what };
        let all = [
            mark(10, 1, Special::Bug),
            mark(100, 5, Special::CallSite),
            mark(104, 2, Special::JumpLabel),
        ];
        let marks = Marks::new(&all);
        for (range, call, key) in [
            (99..100, false, false),
            (99..101, true, false),
            (104..105, true, true),
            (105..106, false, true),
            (106..200, false, false),
        ] {
            let near = marks.near(&range);
            assert_eq!(near.touch(&range, Special::CallSite), call, "{range:?}");
            assert_eq!(near.touch(&range, Special::JumpLabel), key, "{range:?}");
        }
        assert!(marks.at(10, Special::Bug) && !marks.at(10, Special::CallSite));
        assert!(!marks.start_in(&(101..200), Special::CallSite));
        assert_eq!(marks.near(&(5000..6000)).0, []);
    }
}
