// SPDX-License-Identifier: GPL-2.0-only
//! What `cargo xtask fuzz` runs: a target per parser of foreign bytes, and one
//! for all of them in a row. Each holds what it found against what must be true
//! of any image, so that it finds wrong answers, not only panics.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use nmissed_kmakefile::{Kconfig, Makefiles};

use crate::container::decompress::samples::packed;
use crate::container::layers::samples::{bzimage, pe};
use crate::elf::file::Elf;
use crate::elf::kallsyms;
use crate::facts::btf::Btf;
use crate::facts::btf::builder::Builder;
use crate::facts::insn::Insns;
use crate::testing::dwarf::{Dwarf, File};
use crate::testing::fixture::{Fixture, Layout, Sym};
use crate::testing::toy::{FEATURES, Kernel};
use crate::testing::toy_module::{toy_module, toy_module_apart};
use crate::{ATTACH_TYPES, Compression, Detail, Document, Function, Image, Query, render, unwrap};

/// A parser, and what to start from.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is that of the program that runs it.
    pub name: &'static str,
    /// Panics if something is wrong; `None` for what the parser refuses.
    pub run: fn(&[u8]) -> Option<()>,
    /// Inputs that get far into it.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "elf",
        run: elf,
        seeds: || vec![Kernel::whole().elf(), small()],
    },
    Target {
        name: "container",
        run: container,
        seeds: containers,
    },
    Target {
        name: "decompress",
        run: decompress,
        seeds: || METHODS.map(compressed).to_vec(),
    },
    Target {
        name: "kallsyms",
        run: symbols,
        seeds: symbol_tables,
    },
    Target {
        name: "btf",
        run: btf,
        seeds: || vec![prototypes()],
    },
    Target {
        name: "insn",
        run: insn,
        seeds: || CODE.iter().map(|code| code.to_vec()).collect(),
    },
    Target {
        name: "tables",
        run: tables,
        seeds: kernels,
    },
    Target {
        name: "image",
        run: image,
        seeds: || vec![Kernel::with_files().elf(), Kernel::whole().stripped()],
    },
    Target {
        name: "dwarf",
        run: dwarf,
        seeds: || vec![units()],
    },
    Target {
        name: "makefile",
        run: makefile,
        seeds: || vec![join(&MAKEFILES.map(str::as_bytes))],
    },
    Target {
        name: "module",
        run: module,
        seeds: || vec![toy_module(), toy_module_apart()],
    },
];

/// The target of a name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

fn elf(data: &[u8]) -> Option<()> {
    let elf = Elf::parse(data).ok()?;
    for region in elf.regions() {
        let end = region.addr + region.bytes.len() as u64;
        assert_eq!(elf.between(region.addr, end), Some(region.bytes));
        assert!(elf.from(end).is_none_or(|next| next.len() <= data.len()));
    }
    let found = elf
        .section(".text")
        .into_iter()
        .chain(elf.section(".rodata"));
    assert!(
        found
            .into_iter()
            .all(|section| section.bytes.len() <= data.len())
    );
    assert!(elf.symbols().all(|symbol| !symbol.name.is_empty()));
    Some(())
}

fn container(data: &[u8]) -> Option<()> {
    let unwrapped = unwrap(data).ok()?;
    assert!(unwrapped.elf.starts_with(b"\x7fELF"));
    Some(())
}

const METHODS: [Compression; 6] = [
    Compression::Gzip,
    Compression::Bzip2,
    Compression::Lzma,
    Compression::Xz,
    Compression::Lz4,
    Compression::Zstd,
];

/// The first byte says which one.
fn decompress(data: &[u8]) -> Option<()> {
    const LIMIT: usize = 1 << 16;
    let (method, data) = data.split_first()?;
    let method = METHODS[usize::from(*method) % METHODS.len()];
    let plain = method.decompress(data, LIMIT).ok()?;
    assert!(plain.len() <= LIMIT);
    Some(())
}

const TEXT: u64 = 0xffff_ffff_8100_0000;
const DATA: u64 = 0xffff_ffff_8200_0000;

/// The content of `.rodata`.
fn symbols(data: &[u8]) -> Option<()> {
    let file = Fixture::default()
        .section(".text", TEXT, vec![0xcc; 0x100])
        .section(".rodata", DATA, data.to_vec())
        .elf();
    let elf = Elf::parse(&file).expect("a file around the tables");
    let symbols = kallsyms::recover(&elf)?;
    assert!(symbols.iter().is_sorted_by_key(|(addr, ..)| addr));
    for (index, (addr, _, name)) in symbols.iter().enumerate() {
        let named = symbols.named(symbols.name_bytes(index));
        assert!(named.into_iter().any(|found| found == index), "{name}");
        let first = symbols.around(addr).map(|first| symbols.get(first).addr);
        assert_eq!(first, Some(addr));
    }
    Some(())
}

fn btf(data: &[u8]) -> Option<()> {
    let btf = Btf::parse(data)?;
    for (id, _) in btf.functions() {
        let _ = btf.distill(id);
    }
    Some(())
}

fn insn(data: &[u8]) -> Option<()> {
    let mut at = 0;
    for insn in Insns::new(data) {
        let start = at;
        at += usize::from(insn.len);
        assert!(insn.len > 0 && at <= data.len());
        assert!((1..=3).contains(&insn.opcode_len));
        let alone = Insns::new(&data[start..at]).next();
        assert_eq!(alone, Some(insn), "it depends on what follows");
        let _ = (insn.jump_target(at as u64), insn.branch_target(at as u64));
        let _ = (
            [true, false].map(|early| insn.can_boost(early)),
            insn.is_beyond_emulation(),
            insn.is_exception(),
        );
    }
    (at > 0).then_some(())
}

/// A kernel whose code, symbols and tables are [`parts`] of the data.
fn tables(data: &[u8]) -> Option<()> {
    let [code, symbols, words, btf, rest @ ..] = parts::<{ 4 + TABLES.len() }>(data);
    let mut fixture = Fixture::default()
        .section(".text", TEXT, code.to_vec())
        .section(".init.data", DATA, words.to_vec())
        .section(".BTF", DATA + 0x10_0000, btf.to_vec());
    for (index, (name, bytes)) in TABLES.iter().zip(rest).enumerate() {
        fixture = fixture.section(name, table_at(index), bytes.to_vec());
    }
    fixture.symtab = vec![
        (TEXT, b't', "_stext".to_owned()),
        (TEXT + code.len() as u64, b't', "_etext".to_owned()),
    ];
    fixture.symtab.extend(
        symbols
            .chunks_exact(3)
            .map(|at| symbol([at[0], at[1], at[2]])),
    );
    exercise(&Image::parse(&fixture.elf()).ok()?);
    Some(())
}

/// Sections of entries that refer to their own place.
const TABLES: [&str; 7] = [
    "__ex_table",
    "__bug_table",
    ".smp_locks",
    ".altinstructions",
    ".parainstructions",
    ".ibt_endbr_seal",
    ".rodata",
];

fn table_at(index: usize) -> u64 {
    DATA + 0x20_0000 + 0x10_0000 * index as u64
}

/// Names that something depends on, apart from [`FEATURES`].
const IN_TEXT: [&str; 22] = [
    "traced",
    "traced.cold",
    "traced.isra.0",
    "other",
    "other.part.0",
    "__pfx_traced",
    "__cfi_traced",
    ".hidden",
    "security_hook",
    "__switch_to",
    "__x86_return_thunk",
    "_sinittext",
    "_einittext",
    "_end",
    "__noinstr_text_start",
    "__noinstr_text_end",
    "__entry_text_start",
    "__entry_text_end",
    "__kprobes_text_start",
    "__kprobes_text_end",
    "__indirect_thunk_start",
    "__indirect_thunk_end",
];
const IN_DATA: [&str; 15] = [
    "__start_mcount_loc",
    "__stop_mcount_loc",
    "__start_kprobe_blacklist",
    "__stop_kprobe_blacklist",
    "__start_error_injection_whitelist",
    "__stop_error_injection_whitelist",
    "__start___jump_table",
    "__stop___jump_table",
    "__start_static_call_sites",
    "__stop_static_call_sites",
    "btf_id_deny",
    "noreturn_deny",
    "__BTF_ID__set8__one",
    "__BTF_ID__set8__two",
    "__start_rodata",
];

/// An offset and the number of a name.
fn symbol([low, high, name]: [u8; 3]) -> Sym {
    let offset = u64::from(u16::from_le_bytes([low, high]));
    let (base, kind, name) = names().cycle().nth(name.into()).expect("it has no end");
    (base + offset, kind, name.to_owned())
}

/// All names, each with where it belongs and its kind.
fn names() -> impl Iterator<Item = (u64, u8, &'static str)> + Clone {
    let in_text = IN_TEXT.into_iter().chain(FEATURES);
    let in_data = IN_DATA.into_iter().map(|name| (DATA, b'd', name));
    in_text.map(|name| (TEXT, b't', name)).chain(in_data)
}

/// A file as a user has it.
fn image(data: &[u8]) -> Option<()> {
    exercise(&Image::parse(&unwrap(data).ok()?.elf).ok()?);
    Some(())
}

/// A module alone, and for the kernel that loads it.
fn module(data: &[u8]) -> Option<()> {
    static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| Kernel::whole().elf());
    static KERNEL: LazyLock<Image<'_>> =
        LazyLock::new(|| Image::parse(&FILE).expect("the kernel of the tests"));
    let file = unwrap(data).ok()?.elf;
    if let Ok(alone) = Image::parse(&file) {
        exercise(&alone);
    }
    exercise(&Image::parse_module(&file, &KERNEL).ok()?);
    Some(())
}

/// Sections of DWARF, which are [`parts`] of the data.
fn dwarf(data: &[u8]) -> Option<()> {
    let end = TEXT + 0x100;
    let mut fixture = Fixture::default().section(".text", TEXT, vec![0x90; 0x100]);
    for (index, (name, bytes)) in DWARF.iter().zip(parts::<{ DWARF.len() }>(data)).enumerate() {
        fixture = fixture.section(name, table_at(index), bytes.to_vec());
    }
    fixture.symtab = [
        (TEXT, "_stext"),
        (TEXT, "one"),
        (TEXT + 0x80, "two"),
        (end, "_etext"),
    ]
    .map(|(addr, name)| (addr, b't', name.to_owned()))
    .to_vec();
    let file = fixture.elf();
    let image = Image::parse(&file).expect("an image around the sections");
    let functions = image.functions();
    let directories = image.summary(&functions, false).directories?;
    let counted: usize = directories.iter().map(|it| it.functions).sum();
    assert_eq!(counted, functions.len());
    Some(())
}

const DWARF: [&str; 6] = [
    ".debug_info",
    ".debug_abbrev",
    ".debug_rnglists",
    ".debug_ranges",
    ".debug_str",
    ".debug_addr",
];

/// A configuration and two Makefiles.
fn makefile(data: &[u8]) -> Option<()> {
    let [config, top, below] = parts(data).map(|it| String::from_utf8_lossy(it).into_owned());
    let files = BTreeMap::from([
        ("Makefile".to_owned(), top),
        ("kernel/Makefile".to_owned(), below),
    ]);
    let makefiles = Makefiles::read(&files, &Kconfig::parse(&config));
    let _ = makefiles.flag_of("kernel/a");
    (!makefiles.lines().is_empty()).then_some(())
}

/// How many functions, and how many places in each, are asked about alone.
const MOST: usize = 4;

/// Asks an image everything.
fn exercise(image: &Image<'_>) {
    let functions = image.functions();
    let detail = Detail {
        why: true,
        sites: true,
    };
    let mut document = Document {
        file: "vmlinux".to_owned(),
        about: image.about(&[]),
        summary: Some(image.summary(&functions, true)),
        functions: Vec::new(),
        diff: Some(image.diff(image, String::new(), image.about(&[]), &[])),
        makefiles: None,
        all: true,
    };
    let summary = document.summary.as_ref().expect("it was made");
    assert_eq!(summary.functions + summary.preambles, functions.len());
    for (attach, counts) in &summary.entries {
        let sum: usize = counts.0.iter().map(|it| it.count).sum();
        assert_eq!(sum, summary.functions, "{attach}");
    }
    for function in functions.iter().take(MOST) {
        agree(image, function);
        let query = Query {
            symbol: image.name(function).to_owned(),
            offset: function.size / 2,
        };
        let reports = image.report(&functions, &query, detail);
        document
            .functions
            .extend(reports.into_iter().flatten().take(MOST));
    }
    let _ = image.traceable_functions().count();
    let _ = render(&document);
}

/// Different ways to ask for the same give the same answer.
fn agree(image: &Image<'_>, function: &Function) {
    let answers = image.answers(function);
    for (attach, answer) in ATTACH_TYPES.into_iter().zip(answers) {
        assert_eq!(image.answer(function, attach), answer, "{attach}");
        assert_eq!(image.explain(function, attach).answer, answer, "{attach}");
    }
    let sites = image.sites(function);
    assert!(sites.is_sorted_by_key(|site| site.offset));
    for site in sites.iter().take(MOST) {
        let end = u64::from(site.offset) + u64::from(site.len);
        assert!(site.len > 0 && u64::from(site.offset) < function.size && end > 0);
        let addr = function.addr + u64::from(site.offset);
        assert_eq!(image.site(addr), site.answer, "{addr:#x}");
    }
}

/// Splits data into a number of pieces, each behind its length (u16); what is
/// missing is empty.
fn parts<const N: usize>(mut data: &[u8]) -> [&[u8]; N] {
    std::array::from_fn(|_| {
        let Some((len, rest)) = data.split_first_chunk() else {
            return &[][..];
        };
        let len = usize::from(u16::from_le_bytes(*len)).min(rest.len());
        let part;
        (part, data) = rest.split_at(len);
        part
    })
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    let mut data = Vec::new();
    for part in parts {
        data.extend((part.len() as u16).to_le_bytes());
        data.extend(*part);
    }
    data
}

/// An ELF file of a few hundred bytes.
fn small() -> Vec<u8> {
    let fixture = Fixture::default()
        .section(".text", TEXT, vec![0x90; 16])
        .section(".rodata", DATA, vec![7; 8]);
    Fixture {
        symtab: vec![(TEXT, b't', "first".to_owned())],
        ..fixture
    }
    .elf()
}

fn containers() -> Vec<Vec<u8>> {
    let in_bzimage = |method| {
        let mut payload = packed(method, &small());
        payload.extend((small().len() as u32).to_le_bytes());
        bzimage(&payload)
    };
    let mut all: Vec<Vec<u8>> = METHODS.map(in_bzimage).to_vec();
    all.push(pe(b".linux\0\0", &bzimage(&small())));
    all.push(packed(Compression::Gzip, &all[0]));
    all
}

fn compressed(method: Compression) -> Vec<u8> {
    let number = METHODS.iter().position(|it| *it == method);
    let plain: Vec<u8> = (0..2000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
    let mut data = vec![number.expect("one of them") as u8];
    data.extend(packed(method, &plain));
    data
}

/// `.rodata` of every layout.
fn symbol_tables() -> Vec<Vec<u8>> {
    let layouts = [
        Layout::V4_6,
        Layout::V4_20,
        Layout::V6_1,
        Layout::V6_2,
        Layout::V6_4,
        Layout::V7_0,
    ];
    let rodata = |layout| {
        let percpu = layout != Layout::V7_0;
        let symbols: Vec<Sym> = (0..260_u64)
            .map(|n| (TEXT + n / 2, b't', format!("f{}", n / 3)))
            .collect();
        let mut fixture = Fixture::default().kallsyms(DATA, &[], &symbols, layout, percpu);
        fixture.sections.remove(0).bytes
    };
    layouts.map(rodata).to_vec()
}

fn prototypes() -> Vec<u8> {
    let mut btf = Builder::new();
    let large = btf.structure(24);
    btf.function("traced", 0, &[]);
    btf.function("other", 0, &[large]);
    btf.build()
}

fn units() -> Vec<u8> {
    let file = |name, ranges: &[(u64, u64)]| File {
        name,
        options: "GNU C11 12.2.0 -pg",
        ranges: ranges.to_vec(),
    };
    let scattered = [(TEXT + 0x40, TEXT + 0x60), (TEXT + 0x80, TEXT + 0x90)];
    let files = [
        file("/source/init/main.c", &[(TEXT, TEXT + 0x40)]),
        file("/source/kernel/../lib/two.c", &scattered),
    ];
    let dwarf = Dwarf::of(&files);
    join(&[&dwarf.info, &dwarf.abbreviations, &dwarf.ranges])
}

const MAKEFILES: [&str; 3] = [
    "CONFIG_ON=y\nCONFIG_TEXT=\"a b\"\n",
    "CC_FLAGS_FTRACE := -pg -mfentry\nexport CC_FLAGS_FTRACE\n",
    "obj-$(CONFIG_ON) += a.o b.o\nifdef CONFIG_OFF\nccflags-y += $(call cc-option,-Os)\nelse\n\
     CFLAGS_REMOVE_a.o = $(CC_FLAGS_FTRACE)\nendif\nKBUILD_CFLAGS := \\\n  \
     $(filter-out -pg,$(KBUILD_CFLAGS)) $(patsubst %.o,%,$(obj-y))\n",
];

const CODE: [&[u8]; 3] = [
    &[
        0xf3, 0x0f, 0x1e, 0xfa, 0xe8, 0, 0, 0, 0, 0x55, 0x48, 0x89, 0xe5, 0x5d, 0xe9, 0, 0, 0, 0,
    ],
    &[
        0xf0, 0xff, 0x07, 0xeb, 0xfa, 0xff, 0x20, 0x0f, 0x0b, b'x', b'e', b'n', 0x0f, 0xa2, 0xcc,
    ],
    &[
        0xc5, 0xf8, 0x77, 0x62, 0xf1, 0x7c, 0x48, 0x28, 0xc1, 0x8e, 0xd0, 0x0f, 0x84, 0, 0, 0, 0,
    ],
];

/// Functions of the code above, each in some table.
fn kernels() -> Vec<Vec<u8>> {
    let code = CODE.concat();
    let symbols = |offset: usize| {
        let numbers = 0..names().count();
        let each = move |name: usize| [(name * 3 + offset) as u8, 0, name as u8];
        numbers.flat_map(each).collect::<Vec<u8>>()
    };
    let words: Vec<u8> = (0..40_u64)
        .flat_map(|n| (TEXT + 4 * n).to_le_bytes())
        .collect();
    let to_text = |index: usize| {
        let word = move |n: usize| {
            let here = table_at(index) + 4 * n as u64;
            (TEXT + n as u64).wrapping_sub(here) as u32
        };
        (0..12)
            .flat_map(move |n| word(n).to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let tables: Vec<Vec<u8>> = (0..TABLES.len()).map(to_text).collect();
    let btf = prototypes();
    let kernel = |offset| {
        let symbols = symbols(offset);
        let mut all: Vec<&[u8]> = vec![&code, &symbols, &words, &btf];
        all.extend(tables.iter().map(Vec::as_slice));
        join(&all)
    };
    vec![kernel(0), kernel(1)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::damage::{damage, spoil};

    #[test]
    fn seeds_are_few_and_small() {
        let all: Vec<Vec<u8>> = TARGETS.iter().flat_map(|target| (target.seeds)()).collect();
        let bytes: usize = all.iter().map(Vec::len).sum();
        assert!(bytes < 100_000, "{bytes} bytes in {} seeds", all.len());
    }

    #[test]
    fn every_target_reads_its_seeds_and_refuses_nothing_at_all() {
        for target in TARGETS {
            let refused = (target.run)(&[]).is_none();
            let image_around = ["tables", "dwarf"].contains(&target.name);
            assert!(refused || image_around, "{}", target.name);
            for (index, seed) in (target.seeds)().iter().enumerate() {
                let name = target.name;
                assert!((target.run)(seed).is_some(), "{name}, seed {index}");
            }
        }
    }

    #[test]
    fn parts_come_out_as_they_went_in() {
        let data = join(&[b"abc", b"", b"d"]);
        assert_eq!(parts::<4>(&data), [b"abc".as_slice(), b"", b"d", b""]);
        assert_eq!(parts::<1>(&data[..4]), [b"ab"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn no_target_fails_on_damaged_seeds(
            damage in damage(1..8),
            cut: prop::sample::Index,
        ) {
            for target in TARGETS {
                for mut seed in (target.seeds)() {
                    spoil(&mut seed, &damage);
                    let _ = (target.run)(&seed);
                    let _ = (target.run)(&seed[..cut.index(seed.len())]);
                }
            }
        }
    }
}
