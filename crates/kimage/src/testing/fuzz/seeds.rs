// SPDX-License-Identifier: GPL-2.0-only
//! Inputs to start from.

use super::input::{DATA, METHODS, TABLES, TEXT, join, names, table_at};
use crate::compression::Compression;
use crate::testing::btf::Builder;
use crate::testing::containers::{bzimage, packed, pe};
use crate::testing::dwarf::{Dwarf, File};
use crate::testing::fixture::{Fixture, Layout, Sym};

/// An ELF file of a few hundred bytes.
pub(super) fn small() -> Vec<u8> {
    let fixture = Fixture::default()
        .section(".text", TEXT, vec![0x90; 16])
        .section(".rodata", DATA, vec![7; 8]);
    Fixture {
        symtab: vec![(TEXT, b't', "first".to_owned())],
        ..fixture
    }
    .elf()
}

pub(super) fn containers() -> Vec<Vec<u8>> {
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

pub(super) fn compressed(method: Compression) -> Vec<u8> {
    let number = METHODS.iter().position(|it| *it == method);
    let plain: Vec<u8> = (0..2000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
    let mut data = vec![number.expect("one of them") as u8];
    data.extend(packed(method, &plain));
    data
}

/// `.rodata` of every layout.
pub(super) fn symbol_tables() -> Vec<Vec<u8>> {
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

pub(super) fn prototypes() -> Vec<u8> {
    let mut btf = Builder::new();
    let large = btf.structure(24);
    btf.function("traced", 0, &[]);
    btf.function("other", 0, &[large]);
    btf.build()
}

pub(super) fn units() -> Vec<u8> {
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

pub(super) const MAKEFILES: [&str; 3] = [
    "CONFIG_ON=y\nCONFIG_TEXT=\"a b\"\n",
    "CC_FLAGS_FTRACE := -pg -mfentry\nexport CC_FLAGS_FTRACE\n",
    "obj-$(CONFIG_ON) += a.o b.o\nifdef CONFIG_OFF\nccflags-y += $(call cc-option,-Os)\nelse\n\
     CFLAGS_REMOVE_a.o = $(CC_FLAGS_FTRACE)\nendif\nKBUILD_CFLAGS := \\\n  \
     $(filter-out -pg,$(KBUILD_CFLAGS)) $(patsubst %.o,%,$(obj-y))\n",
];

pub(super) const CODE: [&[u8]; 3] = [
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
pub(super) fn kernels() -> Vec<Vec<u8>> {
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
