// SPDX-License-Identifier: GPL-2.0-only
//! The tables of a kernel that list call sites, blacklisted functions and patched
//! instructions.

use std::ops::Range;

use crate::bytes::{i32_at, u32_at, u64_at};
use crate::elf::file::{Elf, Region};
use crate::elf::symbols::Symbols;
use crate::facts::insn::{Insn, Insns};
use crate::facts::marks::{Mark, Special};

/// A table's bytes, and where they are loaded: its entries are relative to
/// themselves.
#[derive(Clone, Copy, Debug, Default)]
struct Table<'a> {
    addr: u64,
    bytes: &'a [u8],
}

impl<'a> Table<'a> {
    fn bounded(elf: &'a Elf<'_>, symbols: &Labels<'_>, start: &str, stop: &str) -> Option<Self> {
        let (addr, end) = (symbols.get(start)?, symbols.get(stop)?);
        Some(Self {
            addr,
            bytes: elf.between(addr, end)?,
        })
    }

    fn section(elf: &'a Elf<'_>, name: &str) -> Option<Self> {
        elf.section(name)
            .map(|Region { addr, bytes, .. }| Self { addr, bytes })
    }

    /// The offsets of entries of a size.
    fn entries(self, size: usize) -> impl Iterator<Item = usize> {
        (0..self.bytes.len() / size).map(move |index| index * size)
    }

    /// An address stored as its distance from where it is stored.
    fn relative(self, at: usize) -> Option<u64> {
        let distance = i32_at(self.bytes, at)?;
        Some(
            self.addr
                .wrapping_add(at as u64)
                .wrapping_add_signed(distance.into()),
        )
    }

    /// The relative addresses that entries of a size start with.
    fn relative_column(self, size: usize) -> Vec<u64> {
        self.entries(size)
            .filter_map(|at| self.relative(at))
            .collect()
    }

    fn absolute_column(self, size: usize) -> Vec<u64> {
        self.entries(size)
            .filter_map(|at| u64_at(self.bytes, at))
            .collect()
    }
}

/// Addresses of names: kallsyms, and `.symtab` for what it leaves out.
#[derive(Debug)]
pub(crate) struct Labels<'a> {
    symbols: &'a Symbols<'a>,
    /// Filled if kallsyms has no data symbols (`CONFIG_KALLSYMS_ALL` is off).
    more: Option<Symbols<'a>>,
}

impl<'a> Labels<'a> {
    pub(crate) fn new(elf: &Elf<'a>, symbols: &'a Symbols<'a>) -> Self {
        let whole = symbols
            .address_of("__start_rodata")
            .or_else(|| symbols.address_of("__start_mcount_loc"))
            .is_some();
        let more = (!whole)
            .then(|| Symbols::from_symtab(elf))
            .filter(|more| !more.is_empty());
        Self { symbols, more }
    }

    pub(crate) fn get(&self, name: &str) -> Option<u64> {
        let more = || self.more.as_ref().and_then(|more| more.address_of(name));
        self.symbols.address_of(name).or_else(more)
    }

    /// The range between two names, empty if one is missing.
    pub(crate) fn range(&self, start: &str, end: &str) -> Range<u64> {
        self.get(start)
            .zip(self.get(end))
            .map_or(0..0, |(start, end)| start..end)
    }
}

/// All tables that decide about probes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    /// `__mcount_loc` without the entries that `sorttable` zeroed: call sites,
    /// sorted.
    pub(crate) call_sites: Vec<u64>,
    /// How many were zeroed: sites of functions that the linker left out.
    pub(crate) zeroed: usize,
    /// `NOKPROBE_SYMBOL()`: function starts, sorted; `None` if the table could
    /// not be found.
    pub(crate) nokprobe: Option<Vec<u64>>,
    /// `ALLOW_ERROR_INJECTION()`: function starts, sorted.
    pub(crate) injectable: Vec<u64>,
    /// Marked instructions, sorted by address.
    pub(crate) marks: Vec<Mark>,
    /// Jumps that the kernel puts in place of something else, sorted.
    pub(crate) branches: Vec<Branch>,
}

/// A jump that may be there or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Branch {
    /// Address of the jump.
    pub(crate) from: u64,
    /// Target of the jump.
    pub(crate) to: u64,
    /// What puts it there: [`Special::JumpLabel`] or [`Special::Alternative`].
    pub(crate) by: Special,
}

impl Tables {
    pub(crate) fn read(elf: &Elf<'_>, labels: &Labels<'_>) -> Self {
        let bounded = |start, stop| Table::bounded(elf, labels, start, stop);
        let mcount = bounded("__start_mcount_loc", "__stop_mcount_loc")
            .map(|table| table.absolute_column(8))
            .or_else(|| mcount_run(elf))
            .unwrap_or_default();
        let (call_sites, zeroed) = call_sites(mcount);
        let alternatives = alternatives(elf);
        let keys = bounded("__start___jump_table", "__stop___jump_table").unwrap_or_default();
        let nokprobe = bounded("__start_kprobe_blacklist", "__stop_kprobe_blacklist");
        let injectable = bounded(
            "__start_error_injection_whitelist",
            "__stop_error_injection_whitelist",
        );
        Self {
            zeroed,
            nokprobe: nokprobe.map(|table| sorted(table.absolute_column(8))),
            injectable: sorted(injectable.unwrap_or_default().absolute_column(16)),
            marks: marks(
                elf,
                &call_sites,
                [
                    keys,
                    bounded("__start_static_call_sites", "__stop_static_call_sites")
                        .unwrap_or_default(),
                ],
                &alternatives,
                &text(elf, labels),
            ),
            branches: branches(elf, keys, &alternatives),
            call_sites,
        }
    }

    /// Those of a module, in sections of their own: `find_module_sections()`.
    pub(crate) fn of_module(elf: &Elf<'_>, text: &[Range<u64>]) -> Self {
        let section = |name| Table::section(elf, name).unwrap_or_default();
        let column = |name, size| sorted(section(name).absolute_column(size));
        let (call_sites, zeroed) = call_sites(column("__mcount_loc", 8));
        let alternatives = alternatives(elf);
        let patched = [section("__jump_table"), section(".static_call_sites")];
        Self {
            zeroed,
            nokprobe: Some(column("_kprobe_blacklist", 8)),
            injectable: column("_error_injection_whitelist", 16),
            marks: marks(elf, &call_sites, patched, &alternatives, text),
            branches: branches(elf, patched[0], &alternatives),
            call_sites,
        }
    }
}

/// Returns the entries of `__mcount_loc` that are not zeroed, sorted, and the number
/// of zeroed ones.
fn call_sites(mcount: Vec<u64>) -> (Vec<u64>, usize) {
    let all = mcount.len();
    let sites = sorted(mcount.into_iter().filter(|site| *site != 0).collect());
    let zeroed = all - sites.len();
    (sites, zeroed)
}

fn marks(
    elf: &Elf<'_>,
    call_sites: &[u64],
    [keys, static_calls]: [Table<'_>; 2],
    alternatives: &[Alternative],
    text: &[Range<u64>],
) -> Vec<Mark> {
    let section = |name| Table::section(elf, name).unwrap_or_default();
    let each = |what, len: u8, addrs: Vec<u64>| {
        addrs.into_iter().map(move |addr| Mark { addr, len, what })
    };
    let jump_labels = keys.relative_column(16);
    let static_calls = static_calls.relative_column(8);
    let mut marks: Vec<Mark> = each(Special::CallSite, 5, call_sites.to_vec()).collect();
    marks.extend(jump_labels.into_iter().map(|addr| jump_label(elf, addr)));
    marks.extend(each(Special::StaticCall, 5, static_calls));
    marks.extend(each(Special::Bug, 1, bugs(section("__bug_table"), text)));
    marks.extend(each(
        Special::Faulting,
        1,
        section("__ex_table").relative_column(12),
    ));
    marks.extend(each(
        Special::SmpLock,
        1,
        section(".smp_locks").relative_column(4),
    ));
    marks.extend(alternatives.iter().map(|it| Mark {
        addr: it.addr,
        len: it.len,
        what: Special::Alternative,
    }));
    marks.sort_unstable_by_key(|mark| (mark.addr, mark.what, u8::MAX - mark.len));
    // Of several of a kind at an address the longest stands for all.
    marks.dedup_by_key(|mark| (mark.addr, mark.what));
    marks
}

fn sorted(mut all: Vec<u64>) -> Vec<u64> {
    all.sort_unstable();
    all
}

/// A static key's branch is two or five bytes: `arch_jump_entry_size()`.
fn jump_label(elf: &Elf<'_>, addr: u64) -> Mark {
    let insn = elf.from(addr).and_then(Insn::decode);
    Mark {
        addr,
        len: insn.map_or(5, |insn| insn.len),
        what: Special::JumpLabel,
    }
}

/// A `struct bug_entry` has 8 to 16 bytes: `CONFIG_DEBUG_BUGVERBOSE` adds
/// four, and so does the format that came with 6.19. With the right size, which
/// is the smallest that fits, entries point to instructions; with a smaller one
/// half of them point elsewhere. Not all of them trap: a `WARN()` with
/// arguments is entered where its arguments are loaded.
fn bugs(table: Table<'_>, text: &[Range<u64>]) -> Vec<u64> {
    let is_text = |addr: &u64| text.iter().any(|range| range.contains(addr));
    let fits = |size: &usize| {
        let wrong = table
            .relative_column(*size)
            .iter()
            .filter(|addr| !is_text(addr))
            .count();
        table.bytes.len().is_multiple_of(*size) && wrong <= table.bytes.len() / size / 10
    };
    [8, 12, 16]
        .into_iter()
        .find(fits)
        .map(|size| table.relative_column(size))
        .unwrap_or_default()
}

/// Everything that holds instructions, in use after boot or not.
fn text(elf: &Elf<'_>, labels: &Labels<'_>) -> [Range<u64>; 3] {
    let exit = elf.section(".exit.text");
    [
        labels.range("_stext", "_etext"),
        labels.range("_sinittext", "_einittext"),
        exit.map_or(0..0, |exit| {
            exit.addr..exit.addr.saturating_add(exit.bytes.len() as u64)
        }),
    ]
}

/// The jumps of static keys, and those that alternatives are replaced with.
fn branches(elf: &Elf<'_>, keys: Table<'_>, alternatives: &[Alternative]) -> Vec<Branch> {
    // struct jump_entry: where, where to, and the key.
    let keys = keys.entries(16).filter_map(|at| {
        Some(Branch {
            from: keys.relative(at)?,
            to: keys.relative(at + 4)?,
            by: Special::JumpLabel,
        })
    });
    let mut all: Vec<Branch> = keys.collect();
    for it in alternatives {
        all.extend(replaced_jumps(elf, *it));
    }
    all.sort_unstable();
    all
}

/// Jumps among the instructions that replace others: they go where they would
/// have gone from where they are kept (`apply_relocation()`).
fn replaced_jumps(elf: &Elf<'_>, alternative: Alternative) -> impl Iterator<Item = Branch> {
    let Replacement { addr, len } = alternative.replacement;
    let code = elf.from(addr).and_then(|code| code.get(..len.into()));
    let mut end = addr;
    let jumps = Insns::new(code.unwrap_or_default()).filter_map(move |insn| {
        end = end.wrapping_add(insn.len.into());
        insn.jump_target(end)
    });
    jumps.map(move |to| Branch {
        from: alternative.addr,
        to,
        by: Special::Alternative,
    })
}

/// Instructions that differ from processor to processor.
#[derive(Clone, Copy, Debug)]
struct Alternative {
    addr: u64,
    len: u8,
    replacement: Replacement,
}

/// The instructions that replace them.
#[derive(Clone, Copy, Debug, Default)]
struct Replacement {
    addr: u64,
    len: u8,
}

fn alternatives(elf: &Elf<'_>) -> Vec<Alternative> {
    let mut all = Vec::new();
    if let Some(table) = Table::section(elf, ".altinstructions") {
        all.extend(alt_instructions(elf, table));
    }
    if let Some(table) = Table::section(elf, ".parainstructions") {
        all.extend(paravirt_calls(table.bytes));
    }
    all
}

/// `struct paravirt_patch_site`, up to 6.7: the address of a call, a type and the length.
/// What replaces it is never a jump. The section ends with the last field of the last
/// entry, without the padding to 16 bytes (`_paravirt_alt()`).
fn paravirt_calls(table: &[u8]) -> impl Iterator<Item = Alternative> {
    table.chunks(16).filter_map(|entry| {
        Some(Alternative {
            addr: u64_at(entry, 0)?,
            len: *entry.get(9)?,
            replacement: Replacement::default(),
        })
    })
}

/// `struct alt_instr`: two relative addresses, the feature (16 bits, 32 with
/// flags since 6.3), the two lengths, and padding up to 5.12.
fn alt_instructions(elf: &Elf<'_>, table: Table<'_>) -> Vec<Alternative> {
    let entry = |at: usize, len_at: usize| -> Option<Alternative> {
        let (addr, len) = (table.relative(at)?, *table.bytes.get(at + len_at)?);
        let replacement = Replacement {
            addr: table.relative(at + 4)?,
            len: *table.bytes.get(at + len_at + 1)?,
        };
        elf.from(addr)
            .filter(|code| code.len() >= len.into())
            .map(|_| Alternative {
                addr,
                len,
                replacement,
            })
    };
    let read = |(size, len_at): (usize, usize)| -> Option<Vec<Alternative>> {
        let whole = table.bytes.len().is_multiple_of(size);
        whole
            .then(|| {
                table
                    .entries(size)
                    .map(|at| entry(at, len_at))
                    .collect::<Option<_>>()
            })
            .flatten()
    };
    [(14, 12), (12, 10), (13, 10)]
        .into_iter()
        .find_map(read)
        .unwrap_or_default()
}

/// The mcount table of an image without data symbols: the longest run of
/// words that are zero or, ascending, the address of a call or a five-byte NOP.
fn mcount_run(elf: &Elf<'_>) -> Option<Vec<u64>> {
    /// Fewer are not worth being taken for a table.
    const LEAST: usize = 16;
    let data = elf.section(".init.data")?.bytes;
    let words: Vec<u64> = data
        .chunks_exact(8)
        .filter_map(|word| u64_at(word, 0))
        .collect();
    let is_site = |addr: u64| {
        elf.from(addr)
            .is_some_and(|code| code.starts_with(&[0xe8]) || code.starts_with(&NOP5))
    };
    let continues = |a: &u64, b: &u64| (*a == 0 || a < b) && is_site(*b);
    let runs = words.chunk_by(|a, b| (*a == 0 && *b == 0) || continues(a, b));
    let longest = runs.max_by_key(|run| run.iter().filter(|site| **site != 0).count())?;
    (longest.len() >= LEAST).then(|| longest.to_vec())
}

/// The NOP that objtool leaves at a call site, and ftrace at boot: `x86_nops[5]`.
pub(crate) const NOP5: [u8; 5] = [0x0f, 0x1f, 0x44, 0, 0];

/// The BTF ids of a `BTF_SET_START()` set.
pub(crate) fn btf_set(elf: &Elf<'_>, labels: &Labels<'_>, name: &str) -> Option<Vec<u32>> {
    let set = elf.from(labels.get(name)?)?;
    let count = u32_at(set, 0)? as usize;
    (0..count.min(set.len() / 4))
        .map(|index| u32_at(set, 4 + 4 * index))
        .collect()
}

/// The BTF ids of all `BTF_KFUNCS_START()` sets: pairs of an id and flags
/// behind a count and flags.
pub(crate) fn kfunc_sets(elf: &Elf<'_>, symbols: &Symbols<'_>) -> Vec<u32> {
    let sets: Vec<u64> = symbols
        .iter()
        .filter(|(_, _, name)| name.starts_with("__BTF_ID__set8__"))
        .map(|(addr, ..)| addr)
        .collect();
    // None reaches into the next one, so that all of them are no more than the
    // image is.
    let ends = sets.iter().skip(1).copied().chain([u64::MAX]);
    let mut all: Vec<u32> = Vec::new();
    for (start, end) in sets.iter().zip(ends) {
        all.extend(kfunc_set(elf, *start, end));
    }
    all.sort_unstable();
    all
}

/// The numbers that BTF types of functions had when they were resolved, with the names:
/// `BTF_ID(func, NAME)`, a symbol and a word each.
pub(crate) fn function_ids<'s>(
    elf: &'s Elf<'_>,
    symbols: &'s Symbols<'_>,
) -> impl Iterator<Item = (u32, &'s [u8])> {
    symbols.iter().filter_map(|(addr, _, symbol)| {
        let rest = symbol.strip_prefix("__BTF_ID__func__")?;
        let (name, _) = rest.rsplit_once("__")?;
        let id = u32_at(elf.from(addr)?, 0).filter(|id| *id != 0)?;
        Some((id, name.as_bytes()))
    })
}

fn kfunc_set(elf: &Elf<'_>, start: u64, end: u64) -> impl Iterator<Item = u32> {
    let set = elf.from(start).unwrap_or_default();
    let room = usize::try_from(end - start).unwrap_or(usize::MAX);
    let count = u32_at(set, 0).map_or(0, |count| count as usize);
    let pairs = set[..set.len().min(room)].chunks_exact(8).skip(1);
    pairs.take(count).filter_map(|pair| u32_at(pair, 0))
}

/// Whether a sorted list has an address.
pub(crate) fn has(sorted: &[u64], addr: u64) -> bool {
    sorted.binary_search(&addr).is_ok()
}

/// The part of a sorted list that lies in a range.
pub(crate) fn within(sorted: &[u64], range: Range<u64>) -> &[u64] {
    let below = |addr: u64| sorted.partition_point(|it| *it < addr);
    let start = below(range.start);
    &sorted[start..below(range.end).max(start)]
}

/// Whether a sorted list has anything in a range.
pub(crate) fn starts_in(sorted: &[u64], range: Range<u64>) -> bool {
    let first = sorted.partition_point(|it| *it < range.start);
    sorted.get(first).is_some_and(|it| *it < range.end)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    const TEXT: Range<u64> = 0x10_0000..0x20_0000;
    const TABLE: u64 = 0x30_0000;

    /// Entries of a size: a relative address into the text, and three more
    /// words that are something else.
    fn table(size: usize, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for index in 0..count {
            let at = TABLE + bytes.len() as u64;
            let target = TEXT.start + 0x40 * index as u64;
            let words = [
                target.wrapping_sub(at) as u32,
                0x1234,
                0x60_0000,
                0x8000_0007,
            ];
            bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()).take(size));
        }
        bytes
    }

    #[test_case(8; "without file and line")]
    #[test_case(12; "with either file or format")]
    #[test_case(16; "with both")]
    fn bug_entries_have_the_size_at_which_they_point_to_text(size: usize) {
        // 24 is a multiple of all of them.
        let bytes = table(size, 24);
        let found = bugs(
            Table {
                addr: TABLE,
                bytes: &bytes,
            },
            &[TEXT],
        );
        let wanted: Vec<u64> = (0..24).map(|index| TEXT.start + 0x40 * index).collect();
        assert_eq!(found, wanted);
    }

    #[test_case(16; "padded")]
    #[test_case(12; "as the macro of the kernel leaves it")]
    #[test_case(10; "to the last field")]
    fn last_paravirt_call_needs_no_padding(last: usize) {
        let mut table = [0; 32];
        for (entry, addr) in table.chunks_mut(16).zip([0x1000_u64, 0x2000]) {
            entry[..8].copy_from_slice(&addr.to_le_bytes());
            entry[9] = 7;
        }
        let calls = paravirt_calls(&table[..16 + last]);
        let calls: Vec<_> = calls.map(|it| (it.addr, it.len)).collect();
        assert_eq!(calls, [(0x1000, 7), (0x2000, 7)]);
        assert_eq!(paravirt_calls(&table[..25]).count(), 1);
    }

    #[test]
    fn a_table_of_nothing_known_is_left_alone() {
        let bytes = [0xff; 48];
        assert_eq!(
            bugs(
                Table {
                    addr: TABLE,
                    bytes: &bytes
                },
                &[TEXT]
            ),
            Vec::<u64>::new()
        );
    }
}
