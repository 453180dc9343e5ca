// SPDX-License-Identifier: GPL-2.0-only
//! A kernel module in memory: laid out and linked as `load_module()` does it
//! (kernel/module/main.c), at an address that is made up.
//!
//! The parts follow each other from [`BASE`] on, each on pages of its own: text,
//! read-only data, data, and the same three of the init sections. What has no
//! bytes in the file comes last. Undefined symbols have the addresses
//! of the kernel that loads the module, if that is given; otherwise each has an address
//! of its own, from [`IMPORTS`] on.

use std::ops::Range;

use goblin::elf::section_header::{
    SHF_ALLOC, SHF_WRITE, SHT_NOBITS, SHT_REL, SHT_RELA, SectionHeader,
};
use goblin::elf::sym::Sym;

use crate::elf::file::{Elf, Memory, is_loaded, is_text};
use crate::elf::reloc::Rela;
use crate::{Error, Result};

/// `MODULES_VADDR` of a kernel with KASLR.
const BASE: u64 = 0xffff_ffff_c000_0000;
/// Up to `MODULES_END`.
const SPACE: u64 = 0x3f00_0000;
/// `__START_KERNEL_map`, below which nothing is linked to.
const IMPORTS: u64 = 0xffff_ffff_8000_0000;
/// How far apart undefined symbols are.
const IMPORT: u64 = 16;
/// Up to where kernels are linked to.
const IMPORTS_END: u64 = 0xffff_ffff_8100_0000;

const PAGE: u64 = 4096;
/// Padding between functions.
const INT3: u8 = 0xcc;
/// How many parts have bytes.
const PARTS: usize = 6;
const CORE_TEXT: usize = 0;
const INIT_TEXT: usize = 3;
/// Bytes of memory that a layout may take beyond the size of the file: alignment of parts and
/// sections.
const PADDING: u64 = 64 << 10;

// Section numbers, from include/uapi/linux/elf.h and include/linux/elf.h.
const SHN_UNDEF: usize = 0;
const SHN_LIVEPATCH: usize = 0xff20;
const SHN_ABS: usize = 0xfff1;
const SHN_COMMON: usize = 0xfff2;
const SHF_RELA_LIVEPATCH: u64 = 0x0010_0000;

/// The text of a module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    /// What stays, up to the end of its last page: `MOD_TEXT`.
    pub(crate) core: Range<u64>,
    /// `MOD_INIT_TEXT`: freed once the module runs.
    pub(crate) init: Range<u64>,
}

/// Lays out a relocatable file and applies its relocations. `exported`
/// returns the addresses of undefined symbols.
pub(crate) fn link(elf: &mut Elf<'_>, exported: impl Fn(&str) -> Option<u64>) -> Result<Text> {
    let layout = Layout::of(elf)?;
    let memory = layout.fill(elf)?;
    elf.load(&layout.addrs, memory);
    relocate(elf, exported)?;
    let part = |part: usize| layout.parts[part].clone();
    Ok(Text {
        core: part(CORE_TEXT),
        init: part(INIT_TEXT),
    })
}

/// `module_init_section()`: `.exit.text` stays.
pub(crate) fn is_init(name: &[u8]) -> bool {
    name.starts_with(b".init")
}

/// The name of the undefined symbol that stands at an address.
pub(crate) fn import_at<'a>(elf: &Elf<'a>, addr: u64) -> Option<&'a [u8]> {
    if !(IMPORTS..IMPORTS_END).contains(&addr) || !addr.is_multiple_of(IMPORT) {
        return None;
    }
    let entry = elf.entry(((addr - IMPORTS) / IMPORT) as usize)?;
    (entry.st_shndx == SHN_UNDEF).then(|| elf.symbol_name(&entry))
}

/// Where the undefined symbol of a name stands.
pub(crate) fn import(elf: &Elf<'_>, name: &str) -> Option<u64> {
    let is_it =
        |entry: &Sym| entry.st_shndx == SHN_UNDEF && elf.symbol_name(entry) == name.as_bytes();
    let index = elf.entries().position(|entry| is_it(&entry))?;
    Some(import_addr(index))
}

fn import_addr(symbol: usize) -> u64 {
    IMPORTS + IMPORT * symbol as u64
}

/// Addresses of all sections.
struct Layout {
    /// Per section; zero for those that are not in memory, and for per-CPU variables.
    addrs: Vec<u64>,
    parts: [Range<u64>; PARTS],
}

impl Layout {
    fn of(elf: &Elf<'_>) -> Result<Self> {
        let sections = elf.sections();
        let mut addrs = vec![0; sections.len()];
        let mut next = BASE;
        let mut place = |wanted: Option<usize>| {
            let start = next;
            for (addr, section) in addrs.iter_mut().zip(sections) {
                if is_placed(elf, section) && part(elf, section) == wanted {
                    *addr = aligned(next, section.sh_addralign)?;
                    next = end(*addr, section.sh_size)?;
                }
            }
            next = aligned(next, PAGE)?;
            Ok::<_, Error>(start..next)
        };
        let mut parts = <[Range<u64>; PARTS]>::default();
        for (index, range) in parts.iter_mut().enumerate() {
            *range = place(Some(index))?;
        }
        place(None)?;
        check_size(elf, parts[PARTS - 1].end - BASE)?;
        Ok(Self { addrs, parts })
    }

    /// The bytes of all parts. What the kernel leaves zero around the text is
    /// INT3 here, as between functions: no rule but that of no instruction being
    /// there tells one from the other.
    fn fill(&self, elf: &Elf<'_>) -> Result<Memory> {
        let at = |addr: u64| (addr - BASE) as usize;
        let mut bytes = vec![0; at(self.parts[PARTS - 1].end)];
        for text in [&self.parts[CORE_TEXT], &self.parts[INIT_TEXT]] {
            bytes[at(text.start)..at(text.end)].fill(INT3);
        }
        for (addr, section) in self.addrs.iter().zip(elf.sections()) {
            if *addr == 0 || !is_loaded(section) {
                continue;
            }
            let content = elf.content(section).ok_or(Error::Truncated {
                what: "module section",
                offset: section.sh_offset,
            })?;
            bytes[at(*addr)..][..content.len()].copy_from_slice(content);
        }
        Ok(Memory { addr: BASE, bytes })
    }
}

/// Whether it gets an address here: per-CPU variables have theirs elsewhere.
fn is_placed(elf: &Elf<'_>, section: &SectionHeader) -> bool {
    section.sh_flags & u64::from(SHF_ALLOC) != 0
        && elf.section_name(section) != Some(b".data..percpu")
}

/// Which part a section belongs to; `None` for one without bytes.
fn part(elf: &Elf<'_>, section: &SectionHeader) -> Option<usize> {
    if section.sh_type == SHT_NOBITS {
        return None;
    }
    let init = elf.section_name(section).is_some_and(is_init);
    let writable = section.sh_flags & u64::from(SHF_WRITE) != 0;
    let first = if init { INIT_TEXT } else { CORE_TEXT };
    Some(match (is_text(section), writable) {
        (true, _) => first,
        (false, false) => first + 1,
        (false, true) => first + 2,
    })
}

fn aligned(addr: u64, to: u64) -> Result<u64> {
    let to = to.max(1);
    if !to.is_power_of_two() {
        let why = "the alignment of one is no power of two";
        return Err(Error::Layout { why });
    }
    match addr & (to - 1) {
        0 => Ok(addr),
        over => end(addr, to - over),
    }
}

fn end(addr: u64, size: u64) -> Result<u64> {
    addr.checked_add(size)
        .filter(|end| *end <= BASE + SPACE)
        .ok_or_else(|| {
            let why = "they take more memory than there is for all modules";
            Error::Layout { why }
        })
}

/// Refuses a small file that would take much memory: sections that share bytes of the
/// file, or are far apart.
fn check_size(elf: &Elf<'_>, total: u64) -> Result<()> {
    let len = elf.len() as u64;
    let sum = |wanted: fn(&SectionHeader) -> bool| {
        let sizes = elf.sections().iter().filter(|it| wanted(it));
        sizes.fold(0_u64, |sum, it| sum.saturating_add(it.sh_size))
    };
    if sum(is_loaded) > len || sum(|it| it.sh_type == SHT_RELA) > len {
        let why = "they overlap in the file";
        return Err(Error::Layout { why });
    }
    if total > 2 * len + PADDING {
        let why = "they take far more memory than the file has bytes";
        return Err(Error::Layout { why });
    }
    Ok(())
}

/// `apply_relocations()`.
fn relocate(elf: &mut Elf<'_>, exported: impl Fn(&str) -> Option<u64>) -> Result<()> {
    for index in 0..elf.sections().len() {
        let section = &elf.sections()[index];
        let is_ours = section.sh_flags & SHF_RELA_LIVEPATCH == 0;
        let target = elf.sections().get(section.sh_info as usize);
        let target = target.filter(|it| is_loaded(it) && it.sh_addr != 0);
        if let Some(target) = target.filter(|_| is_ours) {
            match section.sh_type {
                SHT_REL => return Err(refused(elf, target, 0, "the kernel wants addends")),
                SHT_RELA => relocate_section(elf, index, &exported)?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// `apply_relocate_add()`: applies the relocations of one section to another.
fn relocate_section(
    elf: &mut Elf<'_>,
    index: usize,
    exported: impl Fn(&str) -> Option<u64>,
) -> Result<()> {
    let section = &elf.sections()[index];
    let target = elf.sections()[section.sh_info as usize].clone();
    let table = elf.content(section).ok_or(Error::Truncated {
        what: "module relocations",
        offset: section.sh_offset,
    })?;
    let entries = table.chunks_exact(Rela::SIZE).filter_map(Rela::read);
    for (number, rela) in entries.enumerate() {
        let applied = value(elf, rela.symbol, &exported).and_then(|value| {
            let bytes = elf.loaded_mut(&target).unwrap_or_default();
            rela.apply(bytes, target.sh_addr, value)
        });
        applied.map_err(|why| refused(elf, &target, number, why))?;
    }
    Ok(())
}

fn refused(elf: &Elf<'_>, target: &SectionHeader, number: usize, why: &'static str) -> Error {
    let name = elf.section_name(target).unwrap_or_default();
    Error::Relocation {
        section: String::from_utf8_lossy(name).into_owned(),
        number,
        why,
    }
}

/// A symbol's value: `simplify_symbols()`.
fn value(
    elf: &Elf<'_>,
    symbol: usize,
    exported: impl Fn(&str) -> Option<u64>,
) -> Result<u64, &'static str> {
    let entry = elf.entry(symbol).ok_or("there is no such symbol")?;
    match entry.st_shndx {
        SHN_UNDEF if symbol == 0 => Ok(0),
        SHN_UNDEF | SHN_LIVEPATCH => {
            let name = std::str::from_utf8(elf.symbol_name(&entry)).ok();
            let own = Some(import_addr(symbol)).filter(|addr| *addr < IMPORTS_END);
            name.and_then(exported)
                .or(own)
                .ok_or("there are too many undefined symbols")
        }
        SHN_ABS => Ok(entry.st_value),
        SHN_COMMON => Err("its symbol is a common one, which the kernel refuses"),
        section => {
            let section = elf.sections().get(section);
            let section = section.ok_or("its symbol is in no section")?;
            Ok(section.sh_addr.wrapping_add(entry.st_value))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::testing::toy_module::{compile, run};

    /// Functions that call and are called, tables of addresses, data of all
    /// kinds, and the special sections of a module.
    const SOURCE: &str = r#"
        extern int elsewhere(const void *);
        extern long far_away[];
        static int counter, table[8] = { 1, 2, 3 };
        int visible = 7;
        static int __attribute__((section(".data..percpu"))) here = 1;
        static int __attribute__((noinline)) inner(int n) { return elsewhere(&table[n]) + counter; }
        int outer(int n) { counter += n; return inner(n) + far_away[n] + here; }
        static int (*const calls[])(int) = { inner, outer };
        int through(int n) { return calls[n & 1](n) + visible; }
        int __attribute__((section(".init.text"))) begins(void) { return outer(1); }
        int __attribute__((section(".exit.text"))) ends(void) { return through(2); }
        int *__attribute__((section(".init.data"))) once = &visible;
        const char *const word = "word";
    "#;

    /// Links an object with ld, each section where it is here.
    fn by_ld(elf: &Elf<'_>, object: &Path) -> Vec<u8> {
        let mut script = "SECTIONS {\n.data..percpu 0 : { *(.data..percpu) }\n".to_owned();
        for section in elf.sections().iter().filter(|it| it.sh_addr != 0) {
            let name = String::from_utf8_lossy(elf.section_name(section).unwrap());
            let _ = writeln!(script, "{name} {:#x} : {{ *({name}) }}", section.sh_addr);
        }
        script += "/DISCARD/ : { *(*) }\n}\n";
        for (index, entry) in elf.entries().enumerate().skip(1) {
            if entry.st_shndx == SHN_UNDEF {
                let name = String::from_utf8_lossy(elf.symbol_name(&entry));
                let _ = writeln!(script, "{name} = {:#x};", import_addr(index));
            }
        }
        let (input, output) = (object.with_extension("ld"), object.with_extension("elf"));
        std::fs::write(&input, script).unwrap();
        let options = [
            "-e",
            "0",
            "--no-warn-rwx-segments",
            "-z",
            "max-page-size=4096",
        ];
        run(Command::new("ld")
            .args(options)
            .arg("-T")
            .arg(input)
            .arg("-o")
            .args([&output, object]));
        std::fs::read(output).unwrap()
    }

    #[test]
    fn ld_links_it_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let object = dir.path().join("it.o");
        compile(SOURCE, &object);
        let file = std::fs::read(&object).unwrap();
        let mut elf = Elf::parse(&file).unwrap();
        link(&mut elf, |_| None).unwrap();
        let linked = by_ld(&elf, &object);
        let linked = Elf::parse(&linked).unwrap();
        let mut compared = Vec::new();
        for section in elf
            .sections()
            .iter()
            .filter(|it| is_loaded(it) && it.sh_addr != 0)
        {
            let name = elf.section_name(section).unwrap();
            let name = std::str::from_utf8(name).unwrap();
            let (ours, theirs) = (elf.section(name).unwrap(), linked.section(name));
            if !ours.bytes.is_empty() && !name.starts_with(".note") {
                let theirs = theirs.unwrap_or_else(|| panic!("no {name}"));
                assert_eq!(ours.addr, theirs.addr, "{name}");
                assert_eq!(ours.bytes, theirs.bytes, "{name}");
                compared.push(name);
            }
        }
        for name in [
            ".text",
            ".init.text",
            ".rodata",
            ".data",
            ".init.data",
            "__mcount_loc",
        ] {
            assert!(compared.contains(&name), "{name} in {compared:?}");
        }
    }

    #[test]
    fn gcc_has_a_call_site_in_every_function() {
        let dir = tempfile::tempdir().unwrap();
        let object = dir.path().join("it.o");
        compile(SOURCE, &object);
        let file = std::fs::read(&object).unwrap();
        let image = crate::Image::parse(&file).unwrap();
        let functions = image.functions();
        assert_eq!((functions.len(), image.call_sites().len()), (5, 5));
        for function in functions {
            let site = function.call_site.unwrap();
            assert_eq!(site.addr, function.entry());
            let crate::CallCode::Call(to) = site.code else {
                panic!("{site:?}")
            };
            assert_eq!(import_at(&image.elf, to), Some(b"__fentry__".as_slice()));
        }
    }
}
