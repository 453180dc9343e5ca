// SPDX-License-Identifier: GPL-2.0-only
//! Symbols as the running kernel sees them: sorted by address, and what a
//! function "is" ends where the next symbol starts.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::Hasher;
use std::ops::Range;

use goblin::elf::section_header::SHF_ALLOC;
use goblin::elf::sym::Sym;
use rustc_hash::FxHasher;

use crate::elf::file::{Elf, is_text};
use crate::elf::module::is_init;

/// Where the symbols were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolSource {
    /// The kernel's own tables (`scripts/kallsyms.c`): what it answers from at
    /// run time.
    Kallsyms,
    /// `.symtab`, in an image built without `CONFIG_KALLSYMS`; and in a module,
    /// whose kallsyms is made of it.
    Symtab,
}

impl fmt::Display for SymbolSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kallsyms => "kallsyms",
            Self::Symtab => ".symtab",
        })
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Symbol {
    pub(crate) addr: u64,
    pub(crate) name: Name,
    /// As `nm` prints it: `t` and `T` text, `w` and `W` weak...
    pub(crate) kind: u8,
}

/// A name in the arena of a [`Symbols`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    pub(crate) start: u32,
    pub(crate) len: u16,
}

/// All symbols, sorted by address.
#[derive(Debug)]
pub struct Symbols<'a> {
    arena: Cow<'a, [u8]>,
    table: Vec<Symbol>,
    /// Indexes into `table`, ordered by the hash of the name, then by name,
    /// then as the kernel comes across them: by address, in a module as
    /// `.symtab` has them. The hash is in the upper half.
    by_name: Vec<u64>,
    source: SymbolSource,
}

impl<'a> Symbols<'a> {
    /// `table` must be sorted by address, and its names must lie in `arena`.
    pub(crate) fn new(arena: Cow<'a, [u8]>, table: Vec<Symbol>, source: SymbolSource) -> Self {
        let all = 0..table.len();
        Self::indexed(arena, table, source, all, |index| index as u32)
    }

    /// The same, where only some are found by name, and in some order.
    fn indexed(
        arena: Cow<'a, [u8]>,
        table: Vec<Symbol>,
        source: SymbolSource,
        named: impl Iterator<Item = usize>,
        order: impl Fn(usize) -> u32,
    ) -> Self {
        let mut symbols = Self {
            arena,
            table,
            by_name: Vec::new(),
            source,
        };
        let mut by_name: Vec<u64> = named
            .map(|index| u64::from(hash(symbols.name_bytes(index))) << 32 | index as u64)
            .collect();
        // Whole keys first, which needs no names; then the few equal hashes.
        by_name.sort_unstable();
        for run in by_name.chunk_by_mut(|a, b| key_hash(*a) == key_hash(*b)) {
            run.sort_unstable_by(|a, b| symbols.compare(*a, *b, &order));
        }
        symbols.by_name = by_name;
        symbols
    }

    /// What `nm` lists, less what cannot be a name in kallsyms.
    pub(crate) fn from_symtab(elf: &Elf<'a>) -> Self {
        let symbols = elf
            .symbols()
            .filter(|symbol| !symbol.name.starts_with(b"$") && !symbol.name.starts_with(b".L"));
        let mut table: Vec<Symbol> = symbols
            .filter_map(|symbol| {
                let name = Name {
                    start: symbol.name_offset,
                    len: u16::try_from(symbol.name.len()).ok()?,
                };
                Some(Symbol {
                    addr: symbol.addr,
                    name,
                    kind: if symbol.text { b't' } else { b'd' },
                })
            })
            .collect();
        table.sort_by_key(|symbol| symbol.addr);
        Self::new(elf.strtab().into(), table, SymbolSource::Symtab)
    }

    /// What a loaded module answers from: `is_core_symbol()`, as with
    /// `CONFIG_KALLSYMS_ALL`, less what `find_kallsyms_symbol()` passes over.
    /// Those of the init sections are forgotten once it runs, and not found by
    /// name.
    pub(crate) fn of_module(elf: &Elf<'a>) -> Self {
        let mut all: Vec<(Symbol, u32, bool)> = elf
            .entries()
            .zip(0..)
            .filter_map(|(entry, order)| {
                let (symbol, core) = module_symbol(elf, &entry)?;
                Some((symbol, order, core))
            })
            .collect();
        all.sort_by_key(|(symbol, ..)| symbol.addr);
        let table = all.iter().map(|(symbol, ..)| *symbol).collect();
        let core = (0..all.len()).filter(|index| all[*index].2);
        Self::indexed(
            elf.strtab().into(),
            table,
            SymbolSource::Symtab,
            core,
            |index| all[index].1,
        )
    }

    /// Where they come from.
    #[must_use]
    pub fn source(&self) -> SymbolSource {
        self.source
    }

    /// How many there are, data included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// All of them by address: address, `nm` letter, name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u64, char, &str)> {
        self.table
            .iter()
            .enumerate()
            .map(|(index, symbol)| (symbol.addr, char::from(symbol.kind), self.name(index)))
    }

    /// The address that `kallsyms_lookup_name()` gives for a name: if several
    /// symbols have it the lowest, in a module that of the first in `.symtab`.
    #[must_use]
    pub fn address_of(&self, name: &str) -> Option<u64> {
        self.named(name.as_bytes())
            .next()
            .map(|index| self.table[index].addr)
    }

    pub(crate) fn get(&self, index: usize) -> &Symbol {
        &self.table[index]
    }

    pub(crate) fn name(&self, index: usize) -> &str {
        std::str::from_utf8(self.name_bytes(index)).unwrap_or("?")
    }

    pub(crate) fn name_bytes(&self, index: usize) -> &[u8] {
        let Name { start, len } = self.table[index].name;
        &self.arena[start as usize..][..usize::from(len)]
    }

    /// The symbols of a name, in the order in which the kernel comes across
    /// them.
    pub(crate) fn named(&self, name: &[u8]) -> impl ExactSizeIterator<Item = usize> {
        let wanted = hash(name);
        let order = |key: &u64| {
            key_hash(*key)
                .cmp(&wanted)
                .then_with(|| self.name_bytes(key_index(*key)).cmp(name))
        };
        let start = self
            .by_name
            .partition_point(|key| order(key) == Ordering::Less);
        let count = self.by_name[start..].partition_point(|key| order(key) == Ordering::Equal);
        self.by_name[start..start + count]
            .iter()
            .map(|key| key_index(*key))
    }

    /// The indexes of the symbols between two addresses.
    pub(crate) fn between(&self, start: u64, end: u64) -> Range<usize> {
        let below = |addr: u64| self.table.partition_point(|symbol| symbol.addr < addr);
        let first = below(start);
        first..below(end).max(first)
    }

    /// The first of the symbols at the highest address that is not above
    /// `addr`: `get_symbol_pos()`.
    pub(crate) fn around(&self, addr: u64) -> Option<usize> {
        let next = self.table.partition_point(|symbol| symbol.addr <= addr);
        Some(self.first_alias(next.checked_sub(1)?))
    }

    /// The first of the symbols at the same address as this one: whose name the
    /// kernel uses for the address.
    pub(crate) fn first_alias(&self, index: usize) -> usize {
        let addr = self.table[index].addr;
        let before = &self.table[..index];
        match before.last() {
            Some(last) if last.addr == addr => before.partition_point(|it| it.addr < addr),
            _ => index,
        }
    }

    /// The next address that has a symbol.
    pub(crate) fn next_address(&self, index: usize) -> Option<u64> {
        let addr = self.table[index].addr;
        let after = &self.table[index + 1..];
        let next = match after.first() {
            Some(next) if next.addr == addr => after.partition_point(|it| it.addr == addr),
            _ => 0,
        };
        after.get(next).map(|symbol| symbol.addr)
    }

    /// Runs of symbols that share a name, one call per name.
    pub(crate) fn for_each_name(
        &self,
        mut act: impl FnMut(&mut dyn ExactSizeIterator<Item = usize>),
    ) {
        let same = |a: &u64, b: &u64| {
            a >> 32 == b >> 32 && self.name_bytes(key_index(*a)) == self.name_bytes(key_index(*b))
        };
        for run in self.by_name.chunk_by(same) {
            act(&mut run.iter().map(|key| key_index(*key)));
        }
    }

    /// The order of two names of the same hash.
    fn compare(&self, a: u64, b: u64, order: impl Fn(usize) -> u32) -> Ordering {
        let (a, b) = (key_index(a), key_index(b));
        self.name_bytes(a)
            .cmp(self.name_bytes(b))
            .then_with(|| order(a).cmp(&order(b)))
    }
}

/// A symbol that a module keeps, and whether for longer than its init section.
fn module_symbol(elf: &Elf<'_>, entry: &Sym) -> Option<(Symbol, bool)> {
    let section = elf
        .sections()
        .get(entry.st_shndx)
        .filter(|section| section.sh_flags & u64::from(SHF_ALLOC) != 0)?;
    let name = elf.symbol_name(entry);
    // is_mapping_symbol()
    let mapping = [b".L".as_slice(), b"L0", b"$"];
    if name.is_empty() || mapping.iter().any(|start| name.starts_with(start)) {
        return None;
    }
    let name = Name {
        start: u32::try_from(entry.st_name).ok()?,
        len: u16::try_from(name.len()).ok()?,
    };
    let symbol = Symbol {
        addr: section.sh_addr.wrapping_add(entry.st_value),
        name,
        kind: if is_text(section) { b't' } else { b'd' },
    };
    let init = elf.section_name(section).is_some_and(is_init);
    Some((symbol, !init))
}

fn hash(name: &[u8]) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write(name);
    (hasher.finish() >> 32) as u32
}

fn key_hash(key: u64) -> u32 {
    (key >> 32) as u32
}

fn key_index(key: u64) -> usize {
    key as u32 as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols() -> Symbols<'static> {
        let all = [
            (0x10, "a"),
            (0x20, "twice"),
            (0x20, "alias"),
            (0x30, "twice"),
            (0x38, "end"),
        ];
        let mut arena = Vec::new();
        let table = all.map(|(addr, name)| {
            let name_at = Name {
                start: arena.len() as u32,
                len: name.len() as u16,
            };
            arena.extend(name.as_bytes());
            Symbol {
                addr,
                name: name_at,
                kind: b't',
            }
        });
        Symbols::new(arena.into(), table.to_vec(), SymbolSource::Kallsyms)
    }

    #[test]
    fn names_are_found_lowest_address_first() {
        let symbols = symbols();
        assert_eq!(symbols.named(b"twice").collect::<Vec<_>>(), [1, 3]);
        assert_eq!(symbols.address_of("twice"), Some(0x20));
        assert_eq!(symbols.address_of("thrice"), None);
    }

    #[test]
    fn an_address_belongs_to_the_first_alias_before_it() {
        let symbols = symbols();
        assert_eq!(
            [0xf, 0x10, 0x2f, 0x1000].map(|addr| symbols.around(addr)),
            [None, Some(0), Some(1), Some(4)]
        );
        assert_eq!(
            [0, 1, 2, 4].map(|index| symbols.next_address(index)),
            [Some(0x20), Some(0x30), Some(0x30), None]
        );
        assert_eq!(symbols.between(0x20, 0x38), 1..4);
    }

    #[test]
    fn each_name_comes_once_with_all_that_have_it() {
        let mut counts = Vec::new();
        symbols().for_each_name(|run| counts.push(run.len()));
        counts.sort_unstable();
        assert_eq!(counts, [1, 1, 1, 2]);
    }
}
