// SPDX-License-Identifier: GPL-2.0-only
//! The ELF file: sections, memory by address, the symbol table.
//!
//! goblin reads the headers one table at a time: its `Elf::parse` would split
//! whole string tables first, which costs more than everything done here.

use goblin::container::{Container, Ctx, Endian};
use goblin::elf::header::{EI_CLASS, EI_DATA, ELFCLASS64, ELFDATA2LSB, EM_X86_64, ET_REL, Header};
use goblin::elf::program_header::{PT_LOAD, ProgramHeader};
use goblin::elf::section_header::{
    SHF_ALLOC, SHF_EXECINSTR, SHT_NOBITS, SHT_NOTE, SHT_SYMTAB, SectionHeader,
};
use goblin::elf::sym::{STT_FILE, STT_SECTION, Sym, Symtab};
use memchr::memmem;

use crate::bytes::{name_at, range};
use crate::{Error, Mapped, Result};

const CTX: Ctx = Ctx {
    container: Container::Big,
    le: Endian::Little,
};

/// A 64-bit x86 ELF file.
#[derive(Debug)]
pub(crate) struct Elf<'a> {
    data: &'a [u8],
    /// What `data` is part of, if that is known.
    map: Option<&'a Mapped>,
    /// Whether it is relocatable: a module.
    relocatable: bool,
    sections: Vec<SectionHeader>,
    /// The content of `.shstrtab`.
    section_names: &'a [u8],
    regions: Vec<Region<'a>>,
    /// What [`Elf::load`] made of a relocatable file, instead of `regions`.
    memory: Option<Memory>,
    symtab: Option<Symtab<'a>>,
    /// The content of `.strtab`, empty without `.symtab`.
    strtab: &'a [u8],
}

/// Bytes of the file that are loaded to an address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region<'a> {
    pub(crate) addr: u64,
    pub(crate) bytes: &'a [u8],
}

/// The sections of a relocatable file in memory, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    pub(crate) addr: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Memory {
    fn from(&self, addr: u64) -> Option<&[u8]> {
        let at = usize::try_from(addr.checked_sub(self.addr)?).ok()?;
        self.bytes.get(at..).filter(|rest| !rest.is_empty())
    }
}

/// A defined and named symbol of `.symtab`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ElfSymbol<'a> {
    pub(crate) name: &'a [u8],
    /// Where the name starts in [`Elf::strtab`].
    pub(crate) name_offset: u32,
    pub(crate) addr: u64,
    /// Whether its section holds instructions.
    pub(crate) text: bool,
}

impl<'a> Elf<'a> {
    pub(crate) fn parse(data: &'a [u8]) -> Result<Self> {
        let header = goblin::elf::Elf::parse_header(data).map_err(refused("header"))?;
        check_machine(&header)?;
        if header.e_type == ET_REL {
            check_section_count(&header)?;
        }
        let sections = SectionHeader::parse(
            data,
            inside(data, header.e_shoff)?,
            header.e_shnum.into(),
            CTX,
        )
        .map_err(refused("section headers"))?;
        let segments = ProgramHeader::parse(
            data,
            inside(data, header.e_phoff)?,
            header.e_phnum.into(),
            CTX,
        )
        .map_err(refused("program headers"))?;
        let (symtab, strtab) = symtab(data, &sections)?;
        Ok(Self {
            data,
            map: None,
            relocatable: header.e_type == ET_REL,
            memory: None,
            section_names: section_names(data, &header, &sections),
            sections,
            regions: regions(data, &segments)?,
            symtab,
            strtab,
        })
    }

    /// A section's address and content.
    pub(crate) fn section(&self, name: &str) -> Option<Region<'_>> {
        let section = self.section_named(name)?;
        let addr = section.sh_addr;
        let bytes = if self.memory.is_some() && is_loaded(section) {
            self.between(addr, addr.checked_add(section.sh_size)?)?
        } else {
            self.content(section)?
        };
        Some(Region { addr, bytes })
    }

    /// Refuses a file whose text is not in it: `objcopy --only-keep-debug` keeps the
    /// headers of sections, and notes.
    pub(crate) fn check_has_text(&self) -> Result<()> {
        let text = self.sections.iter().filter(|it| is_text(it));
        if text.clone().next().is_none() || text.clone().any(|it| it.sh_type != SHT_NOBITS) {
            return Ok(());
        }
        Err(Error::NoText {
            build_id: self.build_id(),
        })
    }

    /// The GNU build ID: 20 bytes behind the header and name of a note.
    fn build_id(&self) -> Option<String> {
        const NOTE: &[u8] = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0";
        let notes = self.sections.iter().filter(|it| it.sh_type == SHT_NOTE);
        let id = notes.filter_map(|it| self.content(it)).find_map(|note| {
            let at = memmem::find(note, NOTE)? + NOTE.len();
            note.get(at..at + 20)
        })?;
        Some(id.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// A section's content as the file has it, without relocations.
    pub(crate) fn unrelocated(&self, name: &str) -> Option<&'a [u8]> {
        self.content(self.section_named(name)?)
    }

    fn section_named(&self, name: &str) -> Option<&SectionHeader> {
        let named = |section: &&SectionHeader| {
            let names = self.section_names.get(section.sh_name..);
            let behind = names.and_then(|names| names.strip_prefix(name.as_bytes()));
            behind.is_some_and(|rest| rest.first() == Some(&0))
        };
        self.sections.iter().find(named)
    }

    pub(crate) fn section_name(&self, section: &SectionHeader) -> Option<&'a [u8]> {
        name_at(self.section_names, section.sh_name)
    }

    /// `None` for a section that has no bytes in the file, or not all of them.
    pub(crate) fn content(&self, section: &SectionHeader) -> Option<&'a [u8]> {
        content(self.data, section)
    }

    /// Sets the mapped file that this may be part of.
    pub(crate) fn set_map(&mut self, map: &'a Mapped) {
        self.map = Some(map);
    }

    /// Releases the pages of bytes that are not needed again soon.
    pub(crate) fn let_go(&self, bytes: &[u8]) {
        if let Some(map) = self.map {
            map.let_go(bytes);
        }
    }

    pub(crate) fn sections(&self) -> &[SectionHeader] {
        &self.sections
    }

    /// How many bytes the file has.
    pub(crate) fn len(&self) -> usize {
        self.data.len()
    }

    pub(crate) fn is_relocatable(&self) -> bool {
        self.relocatable
    }

    /// Gives each section its address, and the loaded ones their bytes there.
    pub(crate) fn load(&mut self, addrs: &[u64], memory: Memory) {
        for (section, addr) in self.sections.iter_mut().zip(addrs) {
            section.sh_addr = *addr;
        }
        self.memory = Some(memory);
    }

    /// Everything that is loaded, ordered by address.
    pub(crate) fn regions(&self) -> &[Region<'a>] {
        &self.regions
    }

    /// What [`Elf::load`] has of a section.
    pub(crate) fn loaded_mut(&mut self, section: &SectionHeader) -> Option<&mut [u8]> {
        let memory = self.memory.as_mut()?;
        let at = usize::try_from(section.sh_addr.checked_sub(memory.addr)?).ok()?;
        let len = usize::try_from(section.sh_size).ok()?;
        memory.bytes.get_mut(at..)?.get_mut(..len)
    }

    /// Returns the bytes from an address to the end of the region around it.
    pub(crate) fn from(&self, addr: u64) -> Option<&[u8]> {
        if let Some(memory) = &self.memory {
            return memory.from(addr);
        }
        let next = self.regions.partition_point(|region| region.addr <= addr);
        let region = self.regions.get(next.checked_sub(1)?)?;
        region
            .bytes
            .get(usize::try_from(addr - region.addr).ok()?..)
            .filter(|rest| !rest.is_empty())
    }

    /// The bytes between two addresses, if all of them are in the file.
    pub(crate) fn between(&self, start: u64, end: u64) -> Option<&[u8]> {
        let len = usize::try_from(end.checked_sub(start)?).ok()?;
        if len == 0 {
            Some(&[])
        } else {
            self.from(start)?.get(..len)
        }
    }

    /// The strings that symbols' names are offsets into.
    pub(crate) fn strtab(&self) -> &'a [u8] {
        self.strtab
    }

    /// The symbols of `.symtab`, in file order.
    pub(crate) fn symbols(&self) -> impl Iterator<Item = ElfSymbol<'a>> {
        self.symtab
            .iter()
            .flat_map(Symtab::iter)
            .filter_map(|sym| self.symbol(&sym))
    }

    /// The entries of `.symtab`, defined or not; the first is the null symbol.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Sym> {
        self.symtab.iter().flat_map(Symtab::iter)
    }

    pub(crate) fn entry(&self, index: usize) -> Option<Sym> {
        self.symtab.as_ref()?.get(index)
    }

    /// A symbol's name, empty if it has none.
    pub(crate) fn symbol_name(&self, sym: &Sym) -> &'a [u8] {
        name_at(self.strtab, sym.st_name).unwrap_or_default()
    }

    fn symbol(&self, sym: &Sym) -> Option<ElfSymbol<'a>> {
        if sym.st_shndx == 0 || matches!(sym.st_type(), STT_SECTION | STT_FILE) {
            return None;
        }
        let name = Some(self.symbol_name(sym)).filter(|name| !name.is_empty())?;
        Some(ElfSymbol {
            name,
            name_offset: u32::try_from(sym.st_name).ok()?,
            addr: sym.st_value,
            text: self.sections.get(sym.st_shndx).is_some_and(is_text),
        })
    }
}

fn refused(what: &'static str) -> impl FnOnce(goblin::error::Error) -> Error {
    move |reason| Error::Elf { what, reason }
}

fn check_machine(header: &Header) -> Result<()> {
    let fields = [
        ("the class", header.e_ident[EI_CLASS], ELFCLASS64),
        ("the byte order", header.e_ident[EI_DATA], ELFDATA2LSB),
    ];
    for (what, value, wanted) in fields {
        if value != wanted {
            return Err(Error::OtherMachine {
                what,
                value: value.into(),
            });
        }
    }
    if header.e_machine != EM_X86_64 {
        return Err(Error::OtherMachine {
            what: "the machine",
            value: header.e_machine.into(),
        });
    }
    Ok(())
}

/// `elf_validity_cache_secstrings()`: the loader of modules does not know the numbers of
/// sections and of their names that do not fit the header.
fn check_section_count(header: &Header) -> Result<()> {
    let Header {
        e_shnum,
        e_shstrndx,
        ..
    } = *header;
    if (1..e_shnum).contains(&e_shstrndx) {
        Ok(())
    } else {
        let why = "their number, or that of their names, is not in the ELF header: no kernel loads it (ENOEXEC)";
        Err(Error::Layout { why })
    }
}

/// Where a table starts, unless the file ends before.
fn inside(data: &[u8], at: u64) -> Result<usize> {
    let inside = usize::try_from(at).ok().filter(|at| *at <= data.len());
    inside.ok_or(Error::Truncated {
        what: "the ELF table",
        offset: at,
    })
}

pub(crate) fn is_text(section: &SectionHeader) -> bool {
    section.sh_flags & u64::from(SHF_EXECINSTR) != 0
}

/// Whether it has bytes of the file in memory.
pub(crate) fn is_loaded(section: &SectionHeader) -> bool {
    section.sh_flags & u64::from(SHF_ALLOC) != 0 && section.sh_type != SHT_NOBITS
}

fn content<'a>(data: &'a [u8], section: &SectionHeader) -> Option<&'a [u8]> {
    if section.sh_type == SHT_NOBITS {
        None
    } else {
        range(data, section.sh_offset, section.sh_size)
    }
}

fn section_names<'a>(data: &'a [u8], header: &Header, sections: &[SectionHeader]) -> &'a [u8] {
    /// `SHN_XINDEX`: the index does not fit, the null section's link has it.
    const ELSEWHERE: u16 = 0xffff;
    let index = match header.e_shstrndx {
        ELSEWHERE => sections.first().map_or(0, |null| null.sh_link as usize),
        index => index.into(),
    };
    sections
        .get(index)
        .and_then(|section| content(data, section))
        .unwrap_or_default()
}

fn symtab<'a>(
    data: &'a [u8],
    sections: &[SectionHeader],
) -> Result<(Option<Symtab<'a>>, &'a [u8])> {
    const WHAT: &str = ".symtab";
    const ENTRY: u64 = 24;
    let Some(section) = sections
        .iter()
        .find(|section| section.sh_type == SHT_SYMTAB)
    else {
        return Ok((None, &[]));
    };
    let cut = || Error::Truncated {
        what: WHAT,
        offset: section.sh_offset,
    };
    let table = content(data, section).ok_or_else(cut)?;
    let strings = sections
        .get(section.sh_link as usize)
        .and_then(|strings| content(data, strings));
    let count = table.len() / ENTRY as usize;
    if count == 0 {
        return Ok((None, &[]));
    }
    let table =
        Symtab::parse(data, inside(data, section.sh_offset)?, count, CTX).map_err(refused(WHAT))?;
    Ok((Some(table), strings.ok_or_else(cut)?))
}

/// How far an address of the image can be added to without a check.
const MARGIN: u64 = 1 << 12;

/// Returns the loaded segments, ordered by address and without overlaps, so that one binary
/// search finds an address.
fn regions<'a>(data: &'a [u8], segments: &[ProgramHeader]) -> Result<Vec<Region<'a>>> {
    const WHAT: &str = "ELF segment";
    let mut regions = Vec::new();
    for segment in segments.iter().filter(|segment| segment.p_type == PT_LOAD) {
        let cut = Error::Truncated {
            what: WHAT,
            offset: segment.p_offset,
        };
        let bytes = range(data, segment.p_offset, segment.p_filesz).ok_or(cut)?;
        regions.push(Region {
            addr: segment.p_vaddr,
            bytes,
        });
    }
    let end = |region: &Region<'_>| region.addr.checked_add(region.bytes.len() as u64 + MARGIN);
    if regions.iter().any(|region| end(region).is_none()) {
        return Err(Error::malformed(
            WHAT,
            0,
            "it reaches past the last address",
        ));
    }
    regions.sort_by_key(|region| region.addr);
    let apart = |pair: &[Region<'_>]| pair[0].addr + pair[0].bytes.len() as u64 <= pair[1].addr;
    if !regions.windows(2).all(apart) {
        return Err(Error::malformed(
            WHAT,
            0,
            "two of them are loaded to the same address",
        ));
    }
    Ok(regions)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::damage::{damage, spoil};
    use crate::testing::fixture::Fixture;

    fn image() -> Fixture {
        let text = Fixture::default()
            .section(".text", 0x1000, vec![0x90; 16])
            .section(".data", 0x2000, vec![7; 8]);
        let symtab = vec![
            (0x1004, b't', "second".to_owned()),
            (0x1000, b't', "first".to_owned()),
            (0x2000, b'd', "value".to_owned()),
        ];
        Fixture { symtab, ..text }
    }

    #[test]
    fn memory_is_found_by_address_and_by_section() {
        let file = image().elf();
        let elf = Elf::parse(&file).unwrap();
        assert_eq!(elf.between(0x1004, 0x1006), Some([0x90; 2].as_slice()));
        assert_eq!(elf.between(0x1010, 0x1010), Some([].as_slice()));
        for (start, end) in [
            (0xfff, 0x1001),
            (0x100f, 0x1011),
            (0x1004, 0x1003),
            (0x2008, 0x2009),
        ] {
            assert_eq!(elf.between(start, end), None, "{start:#x}..{end:#x}");
        }
        assert_eq!(
            elf.section(".data")
                .map(|section| (section.addr, section.bytes.len())),
            Some((0x2000, 8))
        );
        assert!(elf.section(".bss").is_none());
        assert_eq!(elf.regions().len(), 2);
    }

    #[test]
    fn symbols_come_in_file_order_with_what_they_are() {
        let file = image().elf();
        let elf = Elf::parse(&file).unwrap();
        let symbols: Vec<_> = elf
            .symbols()
            .map(|symbol| (symbol.name, symbol.addr, symbol.text))
            .collect();
        assert_eq!(
            symbols,
            [
                (b"second".as_slice(), 0x1004, true),
                (b"first", 0x1000, true),
                (b"value", 0x2000, false)
            ]
        );
    }

    #[test]
    fn other_machines_are_refused_by_name() {
        let mut file = image().elf();
        file[18] = 183;
        let error = Elf::parse(&file).unwrap_err();
        assert_eq!(
            error.to_string(),
            "not an x86_64 ELF file: the machine is 0xb7"
        );
    }

    #[test]
    fn segments_past_the_last_address_are_refused() {
        let file = Fixture::default()
            .section(".text", u64::MAX - 0xfff, vec![0; 16])
            .elf();
        let error = Elf::parse(&file).unwrap_err();
        assert!(
            error.to_string().contains("past the last address"),
            "{error}"
        );
    }

    #[test]
    fn segments_on_top_of_each_other_are_refused() {
        let file = Fixture::default()
            .section(".text", 0x1000, vec![0; 16])
            .section(".data", 0x100f, vec![0; 4])
            .elf();
        let error = Elf::parse(&file).unwrap_err();
        assert!(error.to_string().contains("same address"), "{error}");
    }

    proptest! {
        #[test]
        fn damaged_headers_do_not_panic(
            damage in damage(1..6),
            addr: u64,
        ) {
            let mut file = image().elf();
            spoil(&mut file, &damage);
            if let Ok(elf) = Elf::parse(&file) {
                let _ = elf.section(".data");
                let _ = elf.from(addr);
                let _ = elf.symbols().count();
            }
        }
    }
}
