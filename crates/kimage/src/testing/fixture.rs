// SPDX-License-Identifier: GPL-2.0-only
//! Kernel images of a few hundred bytes, for tests.

use crate::bytes::align_up;

/// Which release's `scripts/kallsyms.c` writes the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layout {
    V4_6,
    V4_20,
    V6_1,
    /// And Debian's 6.1.
    V6_2,
    V6_4,
    V7_0,
}

/// A symbol: address, `nm` letter, name.
pub(crate) type Sym = (u64, u8, String);

#[derive(Clone, Debug)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) addr: u64,
    pub(crate) text: bool,
    pub(crate) bytes: Vec<u8>,
}

/// An image in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fixture {
    pub(crate) sections: Vec<Section>,
    pub(crate) symtab: Vec<Sym>,
}

impl Fixture {
    pub(crate) fn section(mut self, name: &'static str, addr: u64, bytes: Vec<u8>) -> Self {
        self.sections.push(Section {
            name,
            addr,
            text: name.contains("text"),
            bytes,
        });
        self
    }

    /// Appends kallsyms tables to `.rodata`-like content at an address.
    pub(crate) fn kallsyms(
        self,
        addr: u64,
        before: &[u8],
        symbols: &[Sym],
        layout: Layout,
        percpu: bool,
    ) -> Self {
        let mut rodata = before.to_vec();
        Tables {
            out: &mut rodata,
            addr,
            layout,
            percpu,
        }
        .write(symbols);
        self.section(".rodata", addr, rodata)
    }

    /// An ELF file: one segment per section.
    pub(crate) fn elf(&self) -> Vec<u8> {
        const EHDR: usize = 64;
        const PHDR: usize = 56;
        let mut file = vec![0; EHDR + PHDR * self.sections.len()];
        let mut names = vec![0];
        let mut headers = vec![[0; 64]];
        for (index, section) in self.sections.iter().enumerate() {
            file.resize(align_up(file.len(), 8), 0);
            let at = file.len();
            file.extend(&section.bytes);
            let program = program_header(section, at);
            file[EHDR + PHDR * index..][..PHDR].copy_from_slice(&program);
            let flags = if section.text { 6 } else { 2 };
            headers.push(section_header(
                &mut names,
                section.name,
                1,
                flags,
                section.addr,
                at,
                section.bytes.len(),
                0,
            ));
        }
        if !self.symtab.is_empty() {
            let (symbols, strings) = self.symbols();
            let link = headers.len() + 1;
            headers.push(section_header(
                &mut names,
                ".symtab",
                2,
                0,
                0,
                file.len(),
                symbols.len(),
                link,
            ));
            file.extend(symbols);
            headers.push(section_header(
                &mut names,
                ".strtab",
                3,
                0,
                0,
                file.len(),
                strings.len(),
                0,
            ));
            file.extend(strings);
        }
        let at = file.len();
        let last = section_header(&mut names, ".shstrtab", 3, 0, 0, at, 0, 0);
        headers.push(last);
        let len = names.len() as u64;
        headers.last_mut().unwrap()[32..40].copy_from_slice(&len.to_le_bytes());
        file.extend(&names);
        let table = file.len();
        headers.iter().for_each(|header| file.extend(header));
        file[..EHDR].copy_from_slice(&elf_header(self.sections.len(), table, headers.len()));
        file
    }

    fn symbols(&self) -> (Vec<u8>, Vec<u8>) {
        let mut symbols = vec![0; 24];
        let mut strings = vec![0];
        for (addr, kind, name) in &self.symtab {
            let home = self
                .sections
                .iter()
                .position(|it| it.text == kind.eq_ignore_ascii_case(&b't'))
                .unwrap()
                + 1;
            symbols.extend(u32::try_from(strings.len()).unwrap().to_le_bytes());
            symbols.extend([0x12, 0]);
            symbols.extend(u16::try_from(home).unwrap().to_le_bytes());
            symbols.extend(addr.to_le_bytes());
            symbols.extend([0; 8]);
            strings.extend(name.as_bytes());
            strings.push(0);
        }
        (symbols, strings)
    }
}

fn elf_header(segments: usize, sections_at: usize, sections: usize) -> [u8; 64] {
    let mut header = [0; 64];
    header[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    header[16..20].copy_from_slice(&[2, 0, 62, 0]);
    header[20] = 1;
    header[32..40].copy_from_slice(&64_u64.to_le_bytes());
    header[40..48].copy_from_slice(&(sections_at as u64).to_le_bytes());
    let counts = [64, 56, segments, 64, sections, sections - 1];
    for (index, count) in counts.into_iter().enumerate() {
        header[52 + 2 * index..][..2].copy_from_slice(&u16::try_from(count).unwrap().to_le_bytes());
    }
    header
}

fn program_header(section: &Section, at: usize) -> [u8; 56] {
    let mut header = [0; 56];
    header[0] = 1;
    header[4] = if section.text { 5 } else { 6 };
    let len = section.bytes.len() as u64;
    for (index, value) in [at as u64, section.addr, section.addr, len, len, 8]
        .into_iter()
        .enumerate()
    {
        header[8 + 8 * index..][..8].copy_from_slice(&value.to_le_bytes());
    }
    header
}

#[expect(clippy::too_many_arguments, reason = "the fields of Elf64_Shdr")]
fn section_header(
    names: &mut Vec<u8>,
    name: &str,
    kind: u32,
    flags: u64,
    addr: u64,
    at: usize,
    len: usize,
    link: usize,
) -> [u8; 64] {
    let mut header = [0; 64];
    header[..4].copy_from_slice(&u32::try_from(names.len()).unwrap().to_le_bytes());
    header[4..8].copy_from_slice(&kind.to_le_bytes());
    for (index, value) in [flags, addr, at as u64, len as u64].into_iter().enumerate() {
        header[8 + 8 * index..][..8].copy_from_slice(&value.to_le_bytes());
    }
    header[40..44].copy_from_slice(&u32::try_from(link).unwrap().to_le_bytes());
    names.extend(name.as_bytes());
    names.push(0);
    header
}

/// What `write_src()` of `scripts/kallsyms.c` writes.
struct Tables<'a> {
    out: &'a mut Vec<u8>,
    addr: u64,
    layout: Layout,
    percpu: bool,
}

impl Tables<'_> {
    fn write(&mut self, symbols: &[Sym]) {
        let older = self.layout < Layout::V6_4;
        if older {
            self.offsets(symbols);
        }
        self.align();
        self.out
            .extend(u32::try_from(symbols.len()).unwrap().to_le_bytes());
        self.align();
        let markers = self.names(symbols);
        self.align();
        for marker in markers {
            let width = if self.layout == Layout::V4_6 { 8 } else { 4 };
            self.out.extend(&u64::from(marker).to_le_bytes()[..width]);
        }
        if self.layout == Layout::V6_2 {
            self.seqs(symbols);
        }
        self.tokens();
        if !older {
            self.offsets(symbols);
            self.seqs(symbols);
        }
        self.align();
    }

    fn align(&mut self) {
        let to = if self.layout == Layout::V7_0 { 4 } else { 8 };
        self.out.resize(align_up(self.out.len(), to), 0);
    }

    fn offsets(&mut self, symbols: &[Sym]) {
        self.align();
        // A per-CPU symbol is one below the kernel's half.
        let base = symbols
            .iter()
            .map(|symbol| symbol.0)
            .find(|addr| *addr >> 63 == 1 || !self.percpu)
            .unwrap();
        for (addr, ..) in symbols {
            let here = self.addr + self.out.len() as u64;
            let value = match self.layout {
                Layout::V7_0 => addr.wrapping_sub(here),
                _ if !self.percpu => addr - base,
                _ if *addr >> 63 == 0 => *addr,
                _ => base.wrapping_sub(1).wrapping_sub(*addr),
            };
            self.out.extend((value as u32).to_le_bytes());
        }
        if self.layout != Layout::V7_0 {
            self.align();
            self.out.extend(base.to_le_bytes());
        }
    }

    fn names(&mut self, symbols: &[Sym]) -> Vec<u32> {
        let start = self.out.len();
        let mut markers = Vec::new();
        for (index, (_, kind, name)) in symbols.iter().enumerate() {
            if index % 256 == 0 {
                markers.push(u32::try_from(self.out.len() - start).unwrap());
            }
            let packed = pack(*kind, name);
            if packed.len() > 0x7f && self.layout >= Layout::V6_1 {
                self.out.push(packed.len() as u8 | 0x80);
                self.out.push((packed.len() >> 7) as u8);
            } else {
                self.out.push(u8::try_from(packed.len()).unwrap());
            }
            self.out.extend(packed);
        }
        markers
    }

    fn tokens(&mut self) {
        self.align();
        let start = self.out.len();
        let mut index = Vec::new();
        for token in 0..=255 {
            index.extend(u16::try_from(self.out.len() - start).unwrap().to_le_bytes());
            self.out.extend(expand(token));
            self.out.push(0);
        }
        self.align();
        self.out.extend(index);
    }

    fn seqs(&mut self, symbols: &[Sym]) {
        self.align();
        let mut order: Vec<usize> = (0..symbols.len()).collect();
        order.sort_by_key(|index| (&symbols[*index].2, symbols[*index].0));
        for index in order {
            self.out
                .extend(&u32::try_from(index).unwrap().to_be_bytes()[1..]);
        }
    }
}

/// Token 0x80 stands for `__`, 0x81 for `func`; the others for themselves, or
/// for nothing.
fn expand(token: u8) -> Vec<u8> {
    match token {
        0x80 => b"__".to_vec(),
        0x81 => b"func".to_vec(),
        b'!'..=b'~' => vec![token],
        _ => Vec::new(),
    }
}

fn pack(kind: u8, name: &str) -> Vec<u8> {
    let text = format!("{}{name}", char::from(kind));
    // A token never stands for the type.
    let (kind, name) = text.split_at(1);
    let name = name.replace("__", "\u{1}").replace("func", "\u{2}");
    let token = |byte| match byte {
        1 => 0x80,
        2 => 0x81,
        byte => byte,
    };
    kind.bytes().chain(name.bytes().map(token)).collect()
}
