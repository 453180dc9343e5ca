// SPDX-License-Identifier: GPL-2.0-only
//! Runs a parser on an input, and checks what holds for every image.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use nmissed_kmakefile::{Kconfig, Makefiles};

use super::input::{DATA, METHODS, TABLES, TEXT, parts, symbol, table_at};
use crate::elf::file::Elf;
use crate::elf::kallsyms;
use crate::facts::btf::Btf;
use crate::facts::insn::Insns;
use crate::testing::fixture::Fixture;
use crate::testing::toy::Kernel;
use crate::{ATTACH_TYPES, Detail, Document, Function, Image, Query, render, unwrap};

pub(super) fn elf(data: &[u8]) -> Option<()> {
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

pub(super) fn container(data: &[u8]) -> Option<()> {
    let unwrapped = unwrap(data).ok()?;
    assert!(unwrapped.elf.starts_with(b"\x7fELF"));
    Some(())
}

/// The first byte says which one.
pub(super) fn decompress(data: &[u8]) -> Option<()> {
    const LIMIT: usize = 1 << 16;
    let (method, data) = data.split_first()?;
    let method = METHODS[usize::from(*method) % METHODS.len()];
    let plain = method.decompress(data, LIMIT).ok()?;
    assert!(plain.len() <= LIMIT);
    Some(())
}

/// The content of `.rodata`.
pub(super) fn symbols(data: &[u8]) -> Option<()> {
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

pub(super) fn btf(data: &[u8]) -> Option<()> {
    let btf = Btf::parse(data)?;
    for (id, _) in btf.functions() {
        let _ = btf.distill(id, true);
    }
    Some(())
}

pub(super) fn insn(data: &[u8]) -> Option<()> {
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
pub(super) fn tables(data: &[u8]) -> Option<()> {
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

/// A file as a user has it.
pub(super) fn image(data: &[u8]) -> Option<()> {
    exercise(&Image::parse(&unwrap(data).ok()?.elf).ok()?);
    Some(())
}

/// A module alone, and for the kernel that loads it.
pub(super) fn module(data: &[u8]) -> Option<()> {
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
pub(super) fn dwarf(data: &[u8]) -> Option<()> {
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
pub(super) fn makefile(data: &[u8]) -> Option<()> {
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
            module: None,
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
