// SPDX-License-Identifier: GPL-2.0-only
//! The kernel's own symbol tables, found in a stripped image by their
//! structure (`scripts/kallsyms.c` writes them, `kernel/kallsyms.c` reads them).
//!
//! Nothing says where they are, and versions say little: distributions carry
//! later layouts in older kernels. What every layout since 4.6 has is
//!
//! | table | content |
//! | --- | --- |
//! | `num_syms` | how many symbols (4 bytes; 8 up to 4.19), right before `names` |
//! | `names` | per symbol a length (one byte; ULEB128 since 6.1) and that many token numbers |
//! | `markers` | where every 256th symbol starts in `names` (u32; u64 up to 4.19) |
//! | `seqs_of_names` | 3 bytes per symbol: the order by name (since 6.2, and here only until 6.3) |
//! | `token_table` | 256 strings |
//! | `token_index` | where each of the 256 starts (u16) |
//!
//! in this order, and around it the addresses:
//!
//! | since | `offsets` (s32 per symbol) | address of symbol i |
//! | --- | --- | --- |
//! | 4.6 | before `num_syms`, then `relative_base` (u64) | base + u32; or, with `ABSOLUTE_PERCPU`, the value itself if it is positive, else base - 1 - value |
//! | 6.4 | after `token_index`, then `relative_base` | the same |
//! | 7.0 | after `token_index`, no base | its own place + value |
//!
//! The token table is the anchor: the digits are always tokens of their own.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;

use crate::bytes::{NAME_LEN, align_up, i32_at, u16_at, u32_at, u64_at, until_nul};
use crate::elf::file::{Elf, Region};
use crate::elf::symbols::{Name, Symbol, SymbolSource, Symbols};

const TOKENS: usize = 256;
const DIGITS: &[u8] = b"0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00";
/// Symbols per marker.
const STRIDE: usize = 256;
/// The order by name has three bytes per symbol, which bounds their number.
const MAX_SYMBOLS: usize = 1 << 24;
/// How many token tables are tried: an image has one.
const MAX_TOKEN_TABLES: usize = 4;
/// How many bytes of names a byte of the tables stands for at most, beyond the
/// first [`FREE_NAMES`]. In kernels it is about 2.
const MAX_GAIN: usize = 16;
const FREE_NAMES: usize = 1 << 20;
/// How many runs of numbers are tried as markers: `seqs_of_names` can hold a
/// few that look like some.
const MAX_RUNS: usize = 16;

/// Finds and expands the tables, or `None` if the image has none.
pub(crate) fn recover(elf: &Elf<'_>) -> Option<Symbols<'static>> {
    let rodata = elf.section(".rodata");
    let regions = rodata.as_ref().map_or(elf.regions(), std::slice::from_ref);
    regions.iter().find_map(|region| recover_from(region, elf))
}

fn recover_from(region: &Region<'_>, elf: &Elf<'_>) -> Option<Symbols<'static>> {
    let data = region.bytes;
    let tables = memmem::find_iter(data, DIGITS)
        .filter_map(|digits| Tokens::around(data, digits))
        .take(MAX_TOKEN_TABLES);
    tables.into_iter().find_map(|tokens| {
        let names = Names::before(data, tokens.start)?;
        let addresses = Addresses::locate(region, elf, &tokens, &names)?;
        expand(data, &tokens, &names, &addresses)
    })
}

/// `token_table` and `token_index`.
struct Tokens {
    start: usize,
    /// Where each token's bytes are.
    spans: Vec<Range<usize>>,
    /// The end of `token_index`.
    end: usize,
}

impl Tokens {
    /// The tables around the ten digits, if they agree with each other.
    fn around(data: &[u8], digits: usize) -> Option<Self> {
        // The first token is left to the index: nothing ends what is before it.
        let second = (1..b'0').try_fold(digits, |at, _| previous_string(data, at))?;
        let mut spans = Vec::with_capacity(TOKENS);
        let mut at = second;
        for _ in 1..TOKENS {
            let len = until_nul(data, at)?.len();
            spans.push(at..at + len);
            at += len + 1;
        }
        // `.balign 8`, or 4 since 7.0.
        [align_up(at, 4), align_up(at, 8)]
            .into_iter()
            .find_map(|index| Self::indexed(data, &spans, index))
    }

    /// The tables, if the index at `index` has all tokens but the first at `spans`.
    fn indexed(data: &[u8], spans: &[Range<usize>], index: usize) -> Option<Self> {
        let entry = |token: usize| u16_at(data, index + 2 * token).map(usize::from);
        let second = spans.first()?.start;
        let start = second.checked_sub(entry(1)?)?;
        let agrees =
            |(token, span): (usize, &Range<usize>)| entry(token + 1) == Some(span.start - start);
        let whole = entry(0) == Some(0) && spans.iter().enumerate().all(agrees);
        let first = start..second.checked_sub(1)?;
        whole.then(|| Self {
            start,
            spans: [&[first], spans].concat(),
            end: index + 2 * TOKENS,
        })
    }
}

/// Where the NUL-terminated string before the one at `at` starts.
fn previous_string(data: &[u8], at: usize) -> Option<usize> {
    let (terminator, before) = data.get(..at)?.split_last()?;
    (*terminator == 0).then(|| memchr::memrchr(0, before).map_or(0, |nul| nul + 1))
}

/// `num_syms`, `names` and `markers`.
struct Names {
    count: usize,
    start: usize,
    /// Offset of `num_syms`.
    head: usize,
    /// Whether lengths above 127 have a second byte.
    long: bool,
}

impl Names {
    /// The tables that end where the token table starts, `seqs_of_names`
    /// perhaps between.
    fn before(data: &[u8], tokens: usize) -> Option<Self> {
        [4, 8].into_iter().find_map(|width| {
            let lowest = tokens.saturating_sub(3 * MAX_SYMBOLS) & !3;
            let starts = (lowest..tokens & !3)
                .step_by(4)
                .rev()
                .filter(|start| u32_at(data, *start) == Some(0));
            let runs = starts
                .filter_map(|start| Markers::at(data, start, width, tokens))
                .take(MAX_RUNS);
            runs.into_iter()
                .find_map(|markers| Self::with_markers(data, markers))
        })
    }

    fn with_markers(data: &[u8], markers: Markers) -> Option<Self> {
        // What follows the markers may look like one more of them.
        (markers.count - 1..=markers.count).rev().find_map(|count| {
            [false, true]
                .into_iter()
                .find_map(|long| Self::ending_at(data, &markers, count, long))
        })
    }

    /// Tries each start that would put the names' end right before the markers.
    fn ending_at(data: &[u8], markers: &Markers, count: usize, long: bool) -> Option<Self> {
        let last = markers.get(data, count - 1)?;
        let newest = markers.start.checked_sub(last)?;
        let oldest = newest.saturating_sub(STRIDE * NAME_LEN);
        let starts = (oldest..=newest).rev().filter(|start| start % 4 == 0);
        starts
            .flat_map(|start| [4, 8].map(|gap| (start, start.checked_sub(gap))))
            .find_map(|(start, head)| {
                Self {
                    count: num_syms(data, head?, start)?,
                    start,
                    head: head?,
                    long,
                }
                .checked(data, markers, count)
            })
    }

    /// Itself, if every marker is where its symbol starts.
    fn checked(self, data: &[u8], markers: &Markers, count: usize) -> Option<Self> {
        if self.count.div_ceil(STRIDE) != count {
            return None;
        }
        let block = |index: usize| {
            let symbols = STRIDE.min(self.count - STRIDE * index);
            skip(
                data,
                self.start + markers.get(data, index)?,
                symbols,
                self.long,
            )
        };
        // The last block first: hardly any wrong start gets beyond it.
        let end = block(count - 1)?;
        let ends = end <= markers.start && markers.start - end < 8;
        let agree = |index| {
            block(index).is_some_and(|next| Some(next - self.start) == markers.get(data, index + 1))
        };
        (ends && (0..count - 1).all(agree)).then_some(self)
    }
}

/// The number of symbols between `head` and the names, if nothing else is there.
fn num_syms(data: &[u8], head: usize, names: usize) -> Option<usize> {
    let count = u32_at(data, head)? as usize;
    let padded = names - head == 4 || u32_at(data, head + 4) == Some(0);
    (padded && count < MAX_SYMBOLS).then_some(count)
}

/// A run of ascending offsets that starts with 0.
struct Markers {
    start: usize,
    width: usize,
    count: usize,
}

impl Markers {
    /// The longest run that does not reach beyond `end`; two at least.
    fn at(data: &[u8], start: usize, width: usize, end: usize) -> Option<Self> {
        /// A symbol takes two bytes at least.
        const STEP: Range<u64> = 2 * STRIDE as u64..(STRIDE * NAME_LEN) as u64;
        let mut run = Self {
            start,
            width,
            count: 1,
        };
        let mut last = 0;
        while start + (run.count + 1) * width <= end {
            let next = run.get(data, run.count)? as u64;
            if !next
                .checked_sub(last)
                .is_some_and(|step| STEP.contains(&step))
            {
                break;
            }
            last = next;
            run.count += 1;
        }
        (run.count > 1).then_some(run)
    }

    fn get(&self, data: &[u8], index: usize) -> Option<usize> {
        let at = self.start + index * self.width;
        if self.width == 4 {
            u32_at(data, at).map(|value| value as usize)
        } else {
            u64_at(data, at)?.try_into().ok()
        }
    }
}

/// The length of a symbol's name in tokens, and how many bytes say so.
fn length(data: &[u8], at: usize, long: bool) -> Option<(usize, usize)> {
    let first = usize::from(*data.get(at)?);
    if long && first & 0x80 != 0 {
        return Some((first & 0x7f | usize::from(*data.get(at + 1)?) << 7, 2));
    }
    Some((first, 1))
}

/// Where `count` symbols further starts.
fn skip(data: &[u8], mut at: usize, count: usize, long: bool) -> Option<usize> {
    for _ in 0..count {
        let (len, bytes) = length(data, at, long)?;
        if len == 0 {
            return None;
        }
        at += bytes + len;
    }
    Some(at)
}

/// How offsets become addresses.
#[derive(Clone, Copy, Debug)]
enum Encoding {
    /// Base plus an unsigned offset.
    Unsigned { base: u64 },
    /// `KALLSYMS_ABSOLUTE_PERCPU`.
    AbsolutePercpu { base: u64 },
    /// Relative to the offset's own address, which is this one for the first.
    Place { first: u64 },
}

impl Encoding {
    fn address(self, index: usize, offset: i32) -> u64 {
        match self {
            Self::Unsigned { base } => base.wrapping_add(u64::from(offset as u32)),
            Self::AbsolutePercpu { .. } if offset >= 0 => offset as u64,
            Self::AbsolutePercpu { base } => {
                base.wrapping_sub(1).wrapping_sub(offset as i64 as u64)
            }
            Self::Place { first } => first
                .wrapping_add(4 * index as u64)
                .wrapping_add(offset as i64 as u64),
        }
    }
}

/// `offsets` and what they are relative to.
struct Addresses {
    offsets: usize,
    encoding: Encoding,
}

impl Addresses {
    fn locate(region: &Region<'_>, elf: &Elf<'_>, tokens: &Tokens, names: &Names) -> Option<Self> {
        let bytes = 4 * names.count;
        let based = |offsets: usize, base: usize| {
            let base = u64_at(region.bytes, base).filter(|base| elf.from(*base).is_some())?;
            [
                Encoding::AbsolutePercpu { base },
                Encoding::Unsigned { base },
            ]
            .into_iter()
            .map(|encoding| Self { offsets, encoding })
            .find(|addresses| addresses.ascend(region.bytes, names.count) >= Some(base))
        };
        let newer = || {
            let offsets = align_up(tokens.end, 8);
            based(offsets, align_up(offsets + bytes, 8))
        };
        let older = || {
            let base = names.head.checked_sub(8)?;
            based(base.checked_sub(bytes)? & !7, base)
        };
        let placed = || {
            let offsets = align_up(tokens.end, 4);
            let addresses = Self {
                offsets,
                encoding: Encoding::Place {
                    first: region.addr + offsets as u64,
                },
            };
            addresses
                .ascend(region.bytes, names.count)
                .map(|_| addresses)
        };
        newer().or_else(older).or_else(placed)
    }

    /// The last address, if the symbols are sorted: only when misread are they
    /// not.
    fn ascend(&self, data: &[u8], count: usize) -> Option<u64> {
        (0..count).try_fold(0, |last, index| {
            self.get(data, index).filter(|addr| *addr >= last)
        })
    }

    fn get(&self, data: &[u8], index: usize) -> Option<u64> {
        Some(
            self.encoding
                .address(index, i32_at(data, self.offsets + 4 * index)?),
        )
    }
}

/// Expands all names: `kallsyms_expand_symbol()`. `None` for names that no kernel
/// has.
fn expand(
    data: &[u8],
    tokens: &Tokens,
    names: &Names,
    addresses: &Addresses,
) -> Option<Symbols<'static>> {
    let mut arena = Vec::with_capacity(names.count * 24);
    let mut table = Vec::with_capacity(names.count);
    let mut at = names.start;
    for index in 0..names.count {
        let (len, bytes) = length(data, at, names.long)?;
        let start = arena.len();
        for token in data.get(at + bytes..at + bytes + len)? {
            arena.extend_from_slice(&data[tokens.spans[usize::from(*token)].clone()]);
        }
        at += bytes + len;
        let most = FREE_NAMES + MAX_GAIN * (at - names.start);
        if arena.len() - start > NAME_LEN || arena.len() > most {
            return None;
        }
        // The first character is the symbol's type.
        let kind = *arena.get(start)?;
        let name = Name {
            start: u32::try_from(start + 1).ok()?,
            len: (arena.len() - start - 1) as u16,
        };
        table.push(Symbol {
            addr: addresses.get(data, index)?,
            name,
            kind,
        });
    }
    Some(Symbols::new(
        Cow::Owned(arena),
        table,
        SymbolSource::Kallsyms,
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;
    use crate::testing::damage::{damage, spoil};
    use crate::testing::fixture::{Fixture, Layout, Sym};

    const TEXT: u64 = 0xffff_ffff_8100_0000;
    const RODATA: u64 = 0xffff_ffff_8200_0000;

    /// 700 of them: three markers, aliases, a name that needs two length bytes.
    fn symbols(percpu: bool) -> Vec<Sym> {
        let per_cpu =
            (0..if percpu { 20_u64 } else { 0 }).map(|n| (n * 64, b'A', format!("percpu_{n}")));
        let text = (0..680_u64).map(|n| (TEXT + n / 2 * 16, b't', format!("__func{n}_with_words")));
        let mut all: Vec<Sym> = per_cpu.chain(text).collect();
        all[300].2 = format!("__pfx_{}", "x".repeat(140));
        all
    }

    fn image(layout: Layout, percpu: bool, before: &[u8]) -> Vec<u8> {
        let mut symbols = symbols(percpu);
        if layout < Layout::V6_1 {
            symbols[300].2.truncate(100);
        }
        let text = vec![0xcc; 0x4000];
        Fixture::default()
            .section(".text", TEXT, text)
            .kallsyms(RODATA, before, &symbols, layout, percpu)
            .elf()
    }

    #[test_case(Layout::V4_6, true, 0; "v4_6")]
    #[test_case(Layout::V4_20, true, 8; "v4_20")]
    #[test_case(Layout::V6_1, true, 16; "v6_1")]
    #[test_case(Layout::V6_2, true, 64; "v6_2 and debian's 6_1")]
    #[test_case(Layout::V6_2, false, 64; "v6_2 without percpu")]
    #[test_case(Layout::V6_4, true, 0; "v6_4")]
    #[test_case(Layout::V6_4, false, 0; "v6_4 without percpu")]
    #[test_case(Layout::V7_0, false, 4; "v7_0")]
    fn every_layout_gives_the_symbols_that_went_in(layout: Layout, percpu: bool, before: usize) {
        // What looks like a token table, but has no index, is passed by.
        let mut noise = [&[0_u8; 0x60], DIGITS, &[b'a', 0].repeat(400)].concat();
        noise.resize(noise.len().next_multiple_of(64) + before, 0xff);
        let file = image(layout, percpu, &noise);
        let found = recover(&Elf::parse(&file).unwrap()).expect("the tables are there");
        let mut wanted = symbols(percpu);
        if layout < Layout::V6_1 {
            wanted[300].2.truncate(100);
        }
        assert_eq!(found.len(), wanted.len());
        for ((addr, kind, name), wanted) in found.iter().zip(wanted) {
            assert_eq!((addr, kind as u8, name.to_owned()), wanted);
        }
    }

    #[test]
    fn an_image_without_tables_has_none() {
        let file = Fixture::default()
            .section(".rodata", RODATA, DIGITS.repeat(100))
            .elf();
        assert!(recover(&Elf::parse(&file).unwrap()).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn damaged_tables_do_not_panic(
            layout in prop_oneof![Just(Layout::V4_20), Just(Layout::V6_2), Just(Layout::V6_4), Just(Layout::V7_0)],
            damage in damage(1..8),
        ) {
            let mut file = image(layout, layout != Layout::V7_0, &[]);
            let rodata = 0x4000..;
            spoil(&mut file[rodata], &damage);
            if let Ok(elf) = Elf::parse(&file) {
                let _ = recover(&elf);
            }
        }
    }
}
