// SPDX-License-Identifier: GPL-2.0-only
//! Functions, and the facts about each that the rules need.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::bytes::{array, i32_at};
use crate::facts::image::Image;
use crate::facts::tables::NOP5;

/// A symbol of the kernel's text. Aliases are functions of their own: each
/// name can be looked up.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Its index in [`Symbols`](crate::Symbols).
    pub(crate) symbol: u32,
    /// Address of its symbol.
    pub addr: u64,
    /// Up to the next symbol at another address: its extent for the kernel,
    /// padding included.
    pub size: u64,
    /// The part of the text that it is in.
    pub region: Region,
    /// Whether it starts with an ENDBR, in a kernel built with IBT.
    pub endbr: bool,
    /// The first call site in its extent.
    pub call_site: Option<CallSite>,
    /// How many call sites are in its extent: more than one where the linker
    /// dropped a weak function's name, but not its code.
    pub call_sites: u32,
    /// How many symbols have its name, itself included.
    pub copies: u32,
    /// Whether it is asked about as `MODULE:SYMBOL`.
    pub(crate) by_module: bool,
    /// Whether looking for a call site by its name finds that of another symbol.
    pub(crate) traced_elsewhere: bool,
    /// The number of its BTF type: the first function of its name.
    pub prototype: Option<NonZeroU32>,
}

impl Function {
    /// Returns the addresses of its extent.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.addr..self.addr + self.size
    }

    /// Where a probe at its entry goes: behind an ENDBR
    /// (`arch_adjust_kprobe_addr()`).
    #[must_use]
    pub fn entry(&self) -> u64 {
        self.addr + if self.endbr { 4 } else { 0 }
    }

    /// Where a probe at an offset goes; 0 means the entry, wherever that is.
    pub(crate) fn address_at(&self, offset: u64) -> u64 {
        match offset {
            0 => self.entry(),
            offset => self.addr.saturating_add(offset),
        }
    }

    /// Whether it has a call site that is its own.
    pub(crate) fn has_own_call_site(&self) -> bool {
        self.call_site.is_some() && !self.is_phantom()
    }

    /// Whether the call site belongs to another function, whose name the linker
    /// dropped: a probe attaches, and is never hit.
    #[must_use]
    pub fn is_phantom(&self) -> bool {
        // -mfentry puts the call first, behind an ENDBR at most.
        self.call_site
            .is_some_and(|site| site.addr.saturating_sub(self.addr) > 4)
    }
}

/// A part of the kernel's text with rules of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Region {
    /// `.text`, without rules of its own.
    Text,
    /// `.init.text`: freed after boot.
    Init,
    /// `.exit.text` of a kernel: freed after boot, and never run.
    Exit,
    /// `.entry.text`: no stack, or not the usual one.
    Entry,
    /// `.noinstr.text`: no instrumentation of any kind.
    Noinstr,
    /// `.kprobes.text`: what probes themselves need.
    Kprobes,
}

impl Region {
    /// Returns whether it is freed after boot.
    #[must_use]
    pub fn is_freed(self) -> bool {
        matches!(self, Self::Init | Self::Exit)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => ".text",
            Self::Init => ".init.text",
            Self::Exit => ".exit.text",
            Self::Entry => ".entry.text",
            Self::Noinstr => ".noinstr.text",
            Self::Kprobes => ".kprobes.text",
        })
    }
}

/// The place in a function from which ftrace is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallSite {
    /// Address of the call.
    pub addr: u64,
    /// The instruction there in the image.
    pub code: CallCode,
}

/// The instruction at a call site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallCode {
    /// `call` and the address it goes to, by gcc: `__fentry__`.
    Call(u64),
    /// A NOP of five bytes, by objtool or by clang.
    Nop,
    /// Bytes that ftrace does not recognize.
    Other([u8; 5]),
}

impl Image<'_> {
    /// Returns all functions, by address.
    #[must_use]
    pub fn functions(&self) -> Vec<Function> {
        let ranges = &self.ranges;
        let mut all: Vec<Function> = [&ranges.text, &ranges.init, &ranges.exit]
            .into_iter()
            .flat_map(|range| self.symbols.between(range.start, range.end))
            .filter(|index| matches!(self.symbols.get(*index).kind, b't' | b'T' | b'w' | b'W'))
            .map(|index| self.function_at(index))
            .collect();
        all.sort_by_key(|function| function.symbol);
        self.count_copies(&mut all);
        self.find_prototypes(&mut all);
        all
    }

    /// Returns the functions of a name, by address.
    #[must_use]
    pub fn functions_named(&self, name: &str) -> Vec<Function> {
        self.functions()
            .into_iter()
            .filter(|function| self.name(function) == name)
            .collect()
    }

    /// Returns the name of a function, suffix included.
    #[must_use]
    pub fn name(&self, function: &Function) -> &str {
        self.symbols.name(function.symbol as usize)
    }

    /// Returns what gcc and clang append to the name of a part or a clone of a function
    /// (`.isra.0`, `.constprop.0`, `.part.0`, `.cold`...), the dot included.
    #[must_use]
    pub fn suffix(&self, function: &Function) -> Option<&str> {
        let name = self.name(function);
        let base = base_name(name);
        (base.len() < name.len()).then(|| &name[base.len()..])
    }

    fn function_at(&self, index: usize) -> Function {
        let addr = self.symbols.get(index).addr;
        let range = self.extent_of(index);
        let sites = self.call_sites_in(range.clone());
        Function {
            symbol: index as u32,
            addr,
            size: range.end.saturating_sub(addr),
            region: self.region(addr),
            endbr: self.features.ibt && self.is_endbr(addr),
            call_site: sites.first().map(|site| self.call_site(*site)),
            call_sites: sites.len() as u32,
            copies: 1,
            by_module: false,
            traced_elsewhere: false,
            prototype: None,
        }
    }

    fn region(&self, addr: u64) -> Region {
        let ranges = &self.ranges;
        let named = [
            (&ranges.init, Region::Init),
            (&ranges.exit, Region::Exit),
            (&ranges.entry, Region::Entry),
            (&ranges.noinstr, Region::Noinstr),
            (&ranges.kprobes, Region::Kprobes),
        ];
        named
            .iter()
            .find(|(range, _)| range.contains(&addr))
            .map_or(Region::Text, |(_, region)| *region)
    }

    /// `is_endbr()`: ENDBR64, ENDBR32, or the NOP that seals one.
    pub(crate) fn is_endbr(&self, addr: u64) -> bool {
        let code = self.elf.from(addr).and_then(|code| array(code, 0));
        matches!(
            code,
            Some([0xf3, 0x0f, 0x1e, 0xfa | 0xfb] | [0x0f, 0x1f, 0x40, 0xd6])
        )
    }

    fn call_site(&self, addr: u64) -> CallSite {
        let bytes = self
            .elf
            .from(addr)
            .and_then(|code| array(code, 0))
            .unwrap_or_default();
        let code = match bytes {
            NOP5 => CallCode::Nop,
            [0xe8, ..] => CallCode::Call(
                addr.wrapping_add(5)
                    .wrapping_add_signed(i32_at(&bytes, 1).map_or(0, i64::from)),
            ),
            bytes => CallCode::Other(bytes),
        };
        CallSite { addr, code }
    }

    fn count_copies(&self, functions: &mut [Function]) {
        self.symbols.for_each_name(|run| {
            let copies = run.len() as u32;
            if copies == 1 {
                return;
            }
            let run: Vec<usize> = run.collect();
            let first = run.iter().copied().find(|it| self.stays_traceable(*it));
            for index in run {
                if let Some(function) = find(functions, index) {
                    function.copies = copies;
                    function.traced_elsewhere = first.is_some_and(|first| first != index);
                }
            }
        });
    }

    /// Whether a symbol has a call site once the kernel has booted.
    pub(crate) fn stays_traceable(&self, symbol: usize) -> bool {
        let site = self.call_site_in(self.extent_of(symbol));
        site.is_some_and(|site| !self.ranges.is_freed(site))
    }

    fn find_prototypes(&self, functions: &mut [Function]) {
        let Some(btf) = &self.btf else { return };
        // The first of a name, as btf_find_by_name_kind() and libbpf take it.
        let mut ids = FxHashMap::<&[u8], u32>::default();
        for (id, name) in btf.functions() {
            ids.entry(name).or_insert(id);
        }
        for function in functions {
            let name = self.symbols.name_bytes(function.symbol as usize);
            function.prototype = ids.get(name).and_then(|id| NonZeroU32::new(*id));
        }
    }
}

/// The function that a symbol is; they are ordered by symbol.
fn find(functions: &mut [Function], symbol: usize) -> Option<&mut Function> {
    let at = functions.binary_search_by_key(&(symbol as u32), |function| function.symbol);
    at.ok().map(|at| &mut functions[at])
}

/// Returns a name without the suffix that the compiler appended.
pub(crate) fn base_name(name: &str) -> &str {
    match name.find('.') {
        Some(dot) if dot > 0 => &name[..dot],
        _ => name,
    }
}
