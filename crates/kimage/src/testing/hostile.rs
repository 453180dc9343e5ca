// SPDX-License-Identifier: GPL-2.0-only
//! Images that lie: what they cost is bounded, and whatever is said is an error
//! or an answer.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use test_case::test_case;

use crate::testing::containers::packed;
use crate::testing::fixture::{Fixture, Layout, Sym};
use crate::testing::toy::Kernel;
use crate::{Compression, Error, Image, unwrap};

const TEXT: u64 = 0xffff_ffff_8100_0000;
const DATA: u64 = 0xffff_ffff_9000_0000;

/// What reading an ELF file and answering for all of it takes at most: so many
/// times its size, and what the largest function takes.
const GAIN: usize = 32;
const AT_LEAST: usize = 1 << 20;
/// Hardly any of these take a tenth of a second; squaring takes minutes.
const TIME: Duration = Duration::from_secs(10);

/// Runs something, and checks what it took.
fn bounded<T>(most: usize, act: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let mut result = None;
    let used = allocation_counter::measure(|| result = Some(act())).bytes_max;
    assert!(used <= most as u64, "{used} bytes, of at most {most}");
    assert!(start.elapsed() < TIME, "{:?}", start.elapsed());
    result.expect("it ran")
}

/// Asks an image for everything, in bounds.
fn ask(file: &[u8]) -> crate::Result<()> {
    bounded(GAIN * file.len() + AT_LEAST, || {
        let unwrapped = unwrap(file)?;
        let image = Image::parse(&unwrapped.elf)?;
        let functions = image.functions();
        // The summary has others count, whose memory nobody measures.
        let _ = image.count(&functions, true);
        let summary = image.summary(&functions, true);
        assert!(summary.functions <= functions.len());
        let _ = image.traceable_functions().count();
        let _ = image.about(&unwrapped.layers);
        let _ = image.diff(&image, String::new(), image.about(&[]), &[]);
        Ok(())
    })
}

fn refusal(file: &[u8]) -> String {
    ask(file).expect_err("it is no image").to_string()
}

/// Writes a value into a file.
fn patched(mut file: Vec<u8>, at: usize, value: &[u8]) -> Vec<u8> {
    file[at..at + value.len()].copy_from_slice(value);
    file
}

// Offsets into struct elf64_hdr.
const E_PHOFF: usize = 32;
const E_SHOFF: usize = 40;
const E_PHNUM: usize = 56;
const E_SHNUM: usize = 60;

fn word(file: &[u8], at: usize) -> usize {
    u64::from_le_bytes(file[at..at + 8].try_into().unwrap()) as usize
}

#[test]
fn a_file_cut_off_anywhere_is_refused_or_answered_for() {
    for file in [Kernel::whole().elf(), Kernel::whole().stripped()] {
        for end in (0..file.len()).step_by(97).chain(0..0x180) {
            let _ = ask(&file[..end]);
        }
        // The section headers come last.
        assert!(ask(&file[..file.len() - 1]).is_err());
    }
    assert!(refusal(b"").starts_with("not a kernel image"));
    assert!(refusal(b"\x7fELF").starts_with("ELF header: "));
}

/// Sections and segments past the end, on top of each other, of no size or of
/// all there is.
#[test]
fn no_word_of_a_header_is_believed() {
    let file = Kernel::whole().elf();
    let len = file.len() as u64;
    let tables = [(E_PHOFF, E_PHNUM, 56), (E_SHOFF, E_SHNUM, 64)];
    for (offset, count, size) in tables {
        let start = word(&file, offset);
        let headers = usize::from(file[count]);
        for at in (start..start + headers * size).step_by(8) {
            for value in [0, 1, 0x40, len - 1, len, u64::from(u32::MAX), u64::MAX] {
                let _ = ask(&patched(file.clone(), at, &value.to_le_bytes()));
            }
        }
    }
}

#[test]
fn header_tables_past_the_end_are_named() {
    let file = Kernel::whole().elf();
    let moved = |at| refusal(&patched(file.clone(), at, &u64::MAX.to_le_bytes()));
    let cut = "the ELF table at 0xffffffffffffffff is cut off";
    assert_eq!(moved(E_SHOFF), cut);
    assert_eq!(moved(E_PHOFF), cut);
    let more = |at| refusal(&patched(file.clone(), at, &[0xff, 0xff]));
    assert!(more(E_SHNUM).starts_with("ELF section headers: "));
    assert!(more(E_PHNUM).starts_with("ELF program headers: "));
}

/// Where the header of `.symtab` has its offset.
fn symtab_offset(file: &[u8]) -> usize {
    const SHT_SYMTAB: u8 = 2;
    let headers = word(file, E_SHOFF);
    let mut kinds = file[headers..].chunks_exact(64).map(|header| header[4]);
    let index = kinds.position(|kind| kind == SHT_SYMTAB);
    headers + 64 * index.expect("a symbol table") + 24
}

#[test]
fn a_symbol_table_past_the_end_is_named() {
    let file = Kernel::whole().elf();
    let at = symtab_offset(&file);
    let file = patched(file, at, &0x7fff_ffff_u64.to_le_bytes());
    assert_eq!(refusal(&file), ".symtab at 0x7fffffff is cut off");
}

#[test]
fn sixty_five_thousand_sections_are_read() {
    let mut file = Kernel::whole().elf();
    let first = word(&file, E_SHOFF);
    let (known, header) = (
        usize::from(file[E_SHNUM]),
        file[first + 64..][..64].to_vec(),
    );
    for _ in known..0xffff {
        file.extend(&header);
    }
    ask(&patched(file, E_SHNUM, &[0xff, 0xff])).unwrap();
}

/// Functions without end: one address, one name.
#[test]
fn symbols_that_are_all_the_same_are_answered_for() {
    let one = |n: u64| (TEXT + n / 100_000 * 16, b't', "same".to_owned());
    let fixture = Fixture::default()
        .section(".text", TEXT, vec![0x90; 0x4000])
        .section(".BTF", DATA, many_prototypes("same", 50_000));
    let mut symtab: Vec<Sym> = (0..200_000).map(one).collect();
    symtab.push((TEXT, b't', "_stext".to_owned()));
    symtab.push((TEXT + 0x4000, b't', "_etext".to_owned()));
    ask(&Fixture { symtab, ..fixture }.elf()).unwrap();
}

fn many_prototypes(name: &str, count: usize) -> Vec<u8> {
    let mut btf = crate::testing::btf::Builder::new();
    for _ in 0..count {
        btf.function(name, 0, &[]);
    }
    btf.build()
}

/// Each name is the rest of one string.
#[test]
fn names_that_share_one_end_are_not_read_to_the_end() {
    const LONG: usize = 4_000_000;
    let mut symtab: Vec<Sym> = vec![
        (TEXT, b't', "_stext".to_owned()),
        (TEXT + 16, b't', "_etext".to_owned()),
        (TEXT, b't', "x".repeat(LONG)),
    ];
    let first = symtab.len();
    symtab.extend((0..200_000).map(|_| (TEXT, b't', String::new())));
    let fixture = Fixture::default().section(".text", TEXT, vec![0x90; 16]);
    let count = symtab.len();
    let mut file = Fixture { symtab, ..fixture }.elf();
    // The null symbol comes first, and a name is what a symbol starts with.
    let symbols = word(&file, symtab_offset(&file)) + 24;
    for n in first..count {
        let name = 16 + n as u32;
        file[symbols + 24 * n..][..4].copy_from_slice(&name.to_le_bytes());
    }
    ask(&file).unwrap();
}

#[test]
fn names_need_not_be_utf_8() {
    let mut file = Kernel::whole().elf();
    for at in 0..file.len() - 6 {
        if &file[at..at + 6] == b"traced" {
            file[at..at + 6].copy_from_slice(b"\xff\xfe\xc0\x80\xed\xa0");
        }
    }
    ask(&file).unwrap();
}

/// An image of many symbols and a first one, whose `.rodata` was changed.
fn with_tables(first: &str, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut symbols: Vec<Sym> = (0..SYMBOLS)
        .map(|n| (TEXT + u64::from(n), b't', name.to_owned()))
        .collect();
    symbols[0].2 = first.to_owned();
    let mut fixture = Fixture::default()
        .section(".text", TEXT, vec![0x90; SYMBOLS as usize])
        .kallsyms(DATA, b"", &symbols, Layout::V6_4, true);
    change(&mut fixture.sections[1].bytes);
    fixture.elf()
}

const SYMBOLS: u32 = 5000;

#[test]
fn a_billion_symbols_are_none() {
    let file = with_tables("f", "f", |rodata| {
        assert_eq!(rodata[..4], SYMBOLS.to_le_bytes());
        rodata[..4].copy_from_slice(&1_000_000_000_u32.to_le_bytes());
    });
    assert_eq!(refusal(&file), Error::NoSymbols.to_string());
}

#[test]
fn names_longer_than_any_in_a_kernel_are_none() {
    let whole = |len: usize| with_tables(&"x".repeat(len), "f", |_| ());
    // Nothing but the tables, so that it stops right after them.
    let text = Error::Missing {
        what: "_stext and _etext",
    };
    assert_eq!(refusal(&whole(511)), text.to_string());
    assert_eq!(refusal(&whole(512)), Error::NoSymbols.to_string());
}

/// The token `f` stands for a hundred of them.
#[test]
fn names_do_not_grow_without_end() {
    const MORE: u16 = 104;
    let file = with_tables("f", "ffff", |rodata| {
        let token = rodata.windows(4).position(|it| it == b"f\0g\0").unwrap();
        rodata.splice(token..token, [b'f'; MORE as usize]);
        // What is below `!` is empty, and so starts at its own number.
        let start = |it: &[u8]| it.chunks_exact(2).zip(0..).all(|(at, n)| at == [n, 0]);
        let index = rodata.windows(2 * 32).position(start).unwrap();
        for at in rodata[index..][2 * usize::from(b'g')..512].chunks_exact_mut(2) {
            let moved = u16::from_le_bytes([at[0], at[1]]) + MORE;
            at.copy_from_slice(&moved.to_le_bytes());
        }
    });
    assert_eq!(refusal(&file), Error::NoSymbols.to_string());
}

#[test]
fn token_tables_without_end_are_not_all_tried() {
    let file = with_tables("f", "f", |rodata| {
        rodata[0] ^= 1;
        *rodata = rodata.repeat(1000);
    });
    assert_eq!(refusal(&file), Error::NoSymbols.to_string());
}

#[test]
fn instructions_that_all_tables_list_are_answered_for() {
    const FUNCTION: usize = 1 << 20;
    let end = TEXT + FUNCTION as u64;
    let entries = |size: usize, at: u64| -> Vec<u8> {
        let entry = |n: u64| {
            let mut entry = vec![0xff; size];
            let distance = (TEXT + 0x100).wrapping_sub(at + n * size as u64) as u32;
            entry[..4].copy_from_slice(&distance.to_le_bytes());
            entry
        };
        (0..100_000).flat_map(entry).collect()
    };
    let mut image = Fixture::default().section(".text", TEXT, vec![0x90; FUNCTION]);
    let tables = [
        ("__ex_table", 12),
        (".smp_locks", 4),
        ("__bug_table", 12),
        (".altinstructions", 14),
    ];
    for (index, (name, size)) in tables.into_iter().enumerate() {
        let at = DATA + 0x100_0000 * index as u64;
        image = image.section(name, at, entries(size, at));
    }
    image.symtab = vec![
        (TEXT, b't', "_stext".to_owned()),
        (end, b't', "_etext".to_owned()),
        (DATA, b'd', "__start_kprobe_blacklist".to_owned()),
        (DATA, b'd', "__stop_kprobe_blacklist".to_owned()),
    ];
    ask(&image.elf()).unwrap();
}

/// Sets of kfuncs that each have all that follows.
#[test]
fn sets_on_top_of_each_other_are_read_once() {
    let mut image = Fixture::default()
        .section(".text", TEXT, vec![0x90; 16])
        .section(".data", DATA, vec![0xff; 400_000]);
    image.symtab = (0..40_000)
        .map(|n| (DATA + 8 * n, b'd', format!("__BTF_ID__set8__{n}")))
        .collect();
    image.symtab.push((TEXT, b't', "_stext".to_owned()));
    image.symtab.push((TEXT + 16, b't', "_etext".to_owned()));
    ask(&image.elf()).unwrap();
}

#[test]
fn segments_on_top_of_each_other_are_refused() {
    let file = Kernel::whole().elf();
    let first = word(&file, E_PHOFF);
    let second = file[first + 56..first + 112].to_vec();
    let text = refusal(&patched(file, first, &second));
    assert!(
        text.ends_with("two of them are loaded to the same address"),
        "{text}"
    );
}

const PLAIN: usize = 4 << 20;

#[test_case(Compression::Gzip; "gzip")]
#[test_case(Compression::Bzip2; "bzip2")]
#[test_case(Compression::Lzma; "lzma")]
#[test_case(Compression::Xz; "xz")]
#[test_case(Compression::Lz4; "lz4")]
#[test_case(Compression::Zstd; "zstd")]
fn a_bomb_does_not_go_off(method: Compression) {
    /// A block of legacy lz4, and a decompressor's state.
    const ROOM: usize = 10 << 20;
    const LIMIT: usize = 1 << 20;
    let bomb = packed(method, &vec![0; PLAIN]);
    let error = bounded(2 * LIMIT + ROOM, || method.decompress(&bomb, LIMIT));
    assert!(
        matches!(error, Err(Error::TooLarge { limit: LIMIT, .. })),
        "{error:?}"
    );
}

/// 64 MiB are always accepted, and no more than that for a small file.
#[test]
fn a_bomb_in_a_bomb_does_not_go_off() {
    const LIMIT: usize = 65 << 20;
    let bomb = packed(Compression::Zstd, &vec![0; LIMIT]);
    let nested = packed(Compression::Zstd, &bomb);
    for file in [bomb, nested] {
        assert!(file.len() < 16 << 10);
        let error = bounded(3 * LIMIT, || unwrap(&file).map(|_| ()));
        assert!(
            matches!(error, Err(Error::TooLarge { limit, .. }) if limit < LIMIT),
            "{error:?}"
        );
    }
}

/// A size that is claimed is not one that is allocated for.
#[test]
fn a_payload_that_claims_a_gigabyte_gets_none() {
    let mut payload = packed(Compression::Zstd, b"\x7fELF");
    payload.extend((1_u32 << 30).to_le_bytes());
    let file = crate::testing::containers::bzimage(&payload);
    let error = bounded(65 << 20, || unwrap(&file).map(|_| ()));
    assert!(matches!(error, Err(Error::Malformed { .. })), "{error:?}");
}

/// Each block of a legacy lz4 frame may hold 8 MiB, and these hold a byte.
#[test]
fn a_hundred_thousand_blocks_are_read() {
    let block = [2, 0, 0, 0, 0x10, b'x'];
    let mut file = packed(Compression::Lz4, b"");
    file.truncate(4);
    (0..100_000).for_each(|_| file.extend(block));
    let plain = bounded(30 << 20, || Compression::Lz4.decompress(&file, 1 << 20));
    assert_eq!(plain.unwrap(), vec![b'x'; 100_000]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn flipped_bits_and_cut_ends_are_refused_or_answered_for(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u32), 1..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
        stripped: bool,
    ) {
        let mut file = if stripped {
            Kernel::whole().stripped()
        } else {
            Kernel::whole().elf()
        };
        for (at, bit) in flips {
            let at = at.index(file.len());
            file[at] ^= 1 << bit;
        }
        file.truncate(cut.map_or(file.len(), |cut| cut.index(file.len())));
        let _ = ask(&file);
    }
}
