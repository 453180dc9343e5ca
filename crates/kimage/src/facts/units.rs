// SPDX-License-Identifier: GPL-2.0-only
//! Which source file a function comes from: DWARF's units, of which only the
//! headers and the first entry are read.
//!
//! `STT_FILE` symbols would be another witness, but they name files without
//! their folder, and only local symbols follow them.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;

use gimli::{
    Abbreviations, AttributeValue, DebugAbbrev, DebugAbbrevOffset, DebugAddrBase,
    DebugLocListsBase, DebugRngListsBase, DebugStrOffsetsBase, Dwarf, DwarfFileType, EndianSlice,
    LittleEndian, Reader, Section, UnitHeader, constants,
};

use nmissed_kmakefile::normalized;

use crate::elf::file::Elf;
use crate::facts::image::Image;

pub(super) type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// More than a kernel has units; each is a file.
const MOST_UNITS: usize = 1 << 17;
/// More than their first entries and ranges take, all together: however small a
/// file is, all its units may refer to the same large table.
const MOST_BYTES: usize = 64 << 20;
/// Units are far apart, and looking at one maps the pages around it, too: 64 KiB
/// each. After so many these are let go of.
const UNITS_AT_ONCE: usize = 256;
/// About what an attribute or a range takes.
const ENTRY: usize = 16;

/// A source file that was compiled or assembled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Relative to the source tree where that is known, as
    /// `kernel/locking/lockdep.c`.
    pub(crate) path: String,
    /// Whether the compiler was given `-pg`. Only gcc records its
    /// options.
    pub(crate) pg: Option<bool>,
}

impl Unit {
    pub(crate) fn directory(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

/// All source files, and which addresses are whose.
#[derive(Clone, Debug, Default)]
pub(crate) struct Units {
    pub(crate) units: Vec<Unit>,
    /// Start, end and the unit's index, by address.
    ranges: Vec<(u64, u64, u32)>,
}

impl Units {
    /// Returns the unit that an address belongs to.
    pub(crate) fn at(&self, addr: u64) -> Option<&Unit> {
        let next = self.ranges.partition_point(|(start, ..)| *start <= addr);
        let (_, end, unit) = self.ranges.get(next.checked_sub(1)?)?;
        (addr < *end).then(|| &self.units[*unit as usize])
    }
}

impl Image<'_> {
    /// Returns the units of an image, `None` if it has no DWARF. Damaged units are
    /// left out.
    pub(crate) fn units(&self) -> Option<Units> {
        let read = Read::of(&self.elf)?;
        (!read.units.is_empty()).then(|| read.finish())
    }
}

/// A unit's first entry, as read.
struct Raw<'a> {
    name: &'a str,
    comp_dir: &'a str,
    producer: &'a [u8],
}

#[derive(Default)]
struct Read<'a> {
    units: Vec<Raw<'a>>,
    ranges: Vec<(u64, u64, u32)>,
    /// About how many bytes were read.
    bytes: usize,
}

impl<'a> Read<'a> {
    fn of(elf: &'a Elf<'_>) -> Option<Self> {
        let dwarf = dwarf(elf)?;
        let mut read = Self::default();
        let info = Glanced::at(elf, &dwarf);
        for (header, abbreviations) in headers(&dwarf, &info) {
            info.one_more();
            if read.unit(&dwarf, header, abbreviations).is_err() || read.is_full() {
                break;
            }
        }
        Some(read)
    }

    fn is_full(&self) -> bool {
        self.bytes >= MOST_BYTES
    }

    fn unit(
        &mut self,
        dwarf: &Dwarf<Slice<'a>>,
        header: UnitHeader<Slice<'a>>,
        abbreviations: Arc<Abbreviations>,
    ) -> gimli::Result<()> {
        let unit = unit(header, abbreviations);
        let (unit, root) = with_bases(dwarf, unit)?;
        let text = |attribute| {
            let value = root.iter().find(|it| it.0 == attribute).map(|it| it.1);
            let text = value.map(|it| dwarf.attr_string(&unit, it)).transpose()?;
            Ok::<&[u8], gimli::Error>(text.map_or(&[][..], |it| it.slice()))
        };
        let name = text(constants::DW_AT_name)?;
        let comp_dir = text(constants::DW_AT_comp_dir)?;
        let producer = text(constants::DW_AT_producer)?;
        self.bytes += ENTRY * root.len() + name.len() + comp_dir.len() + producer.len();
        let utf8 = |text| std::str::from_utf8(text).unwrap_or_default();
        let index = self.units.len() as u32;
        self.units.push(Raw {
            name: utf8(name),
            comp_dir: utf8(comp_dir),
            producer,
        });
        self.ranges(dwarf, &unit, &root, index)
    }

    /// Which addresses are a unit's. (`Dwarf::unit_ranges()` adds what it reads
    /// without a check.)
    fn ranges(
        &mut self,
        dwarf: &Dwarf<Slice<'a>>,
        unit: &gimli::Unit<Slice<'a>>,
        root: &Root<'a>,
        index: u32,
    ) -> gimli::Result<()> {
        let value = |attribute| root.iter().find(|it| it.0 == attribute).map(|it| it.1);
        if let Some(high) = value(constants::DW_AT_high_pc) {
            let end = match high.udata_value() {
                Some(size) => unit.low_pc.checked_add(size),
                None => dwarf.attr_address(unit, high)?,
            };
            self.range(unit.low_pc, end.unwrap_or_default(), index);
        }
        let list = value(constants::DW_AT_ranges).map(|it| dwarf.attr_ranges(unit, it));
        if let Some(mut list) = list.transpose()?.flatten() {
            while let Some(range) = list.next()?.filter(|_| !self.is_full()) {
                self.bytes += ENTRY;
                self.range(range.begin, range.end, index);
            }
        }
        Ok(())
    }

    /// Nothing is at address 0: what the linker left out says that it is.
    fn range(&mut self, start: u64, end: u64, index: u32) {
        if 0 < start && start < end {
            self.ranges.push((start, end, index));
        }
    }

    fn finish(mut self) -> Units {
        self.ranges.sort_unstable();
        let root = self.units.iter().find_map(|it| root_of(it.name));
        let units = self.units.iter().map(|raw| Unit {
            path: path(raw, root.unwrap_or_default()),
            pg: given_pg(raw.producer),
        });
        Units {
            units: units.collect(),
            ranges: self.ranges,
        }
    }
}

/// Returns the sections of DWARF, `None` without any.
pub(super) fn dwarf<'a>(elf: &'a Elf<'_>) -> Option<Dwarf<Slice<'a>>> {
    // Of a relocatable file no offset is what it seems.
    if elf.section(".debug_info").is_none() || elf.section(".rela.debug_info").is_some() {
        return None;
    }
    let section = |id: gimli::SectionId| {
        let bytes = elf.section(id.name()).map_or(&[][..], |it| it.bytes);
        Ok::<_, Infallible>(EndianSlice::new(bytes, LittleEndian))
    };
    let Ok(dwarf) = Dwarf::load(section);
    Some(dwarf)
}

/// `.debug_info`, of which no more is held in memory than what a few units take.
pub(super) struct Glanced<'a> {
    elf: &'a Elf<'a>,
    info: &'a [u8],
    units: Cell<usize>,
}

impl<'a> Glanced<'a> {
    pub(super) fn at(elf: &'a Elf<'_>, dwarf: &Dwarf<Slice<'a>>) -> Self {
        let (info, units) = (dwarf.debug_info.reader().slice(), Cell::default());
        Self { elf, info, units }
    }

    /// Another unit is about to be looked at.
    pub(super) fn one_more(&self) {
        self.units.set(self.units.get() + 1);
        if self.units.get().is_multiple_of(UNITS_AT_ONCE) {
            self.elf.let_go(self.info);
        }
    }
}

impl Drop for Glanced<'_> {
    fn drop(&mut self) {
        self.elf.let_go(self.info);
    }
}

/// The units' headers, with their abbreviations. Tables do not overlap, so each
/// is read once, and no further than to the next.
fn headers<'a>(
    dwarf: &Dwarf<Slice<'a>>,
    info: &Glanced<'_>,
) -> impl Iterator<Item = (UnitHeader<Slice<'a>>, Arc<Abbreviations>)> {
    let mut headers = Vec::new();
    let mut units = dwarf.units();
    while let Ok(Some(header)) = units.next() {
        info.one_more();
        headers.push(header);
        if headers.len() == MOST_UNITS {
            break;
        }
    }
    headers.sort_by_key(|header| header.debug_abbrev_offset().0);
    let bytes = dwarf.debug_abbrev.reader().slice();
    let mut groups = Vec::new();
    let mut end = bytes.len();
    for alike in headers
        .chunk_by(|a, b| a.debug_abbrev_offset() == b.debug_abbrev_offset())
        .rev()
    {
        let start = alike[0].debug_abbrev_offset().0;
        let table = bytes.get(start..end).unwrap_or_default();
        end = start.min(end);
        groups.push((alike.to_vec(), table));
    }
    groups.into_iter().rev().flat_map(|(headers, table)| {
        let table = of_roots(table, headers.iter().filter_map(root_code).collect());
        let table = DebugAbbrev::from(EndianSlice::new(&table, LittleEndian));
        let abbreviations = table.abbreviations(DebugAbbrevOffset(0));
        let abbreviations = Arc::new(abbreviations.unwrap_or_default());
        headers
            .into_iter()
            .map(move |header| (header, Arc::clone(&abbreviations)))
    })
}

/// Which abbreviation a unit's first entry has.
fn root_code(header: &UnitHeader<Slice<'_>>) -> Option<u64> {
    let mut entries = header.range_from(header.root_offset()..).ok()?;
    entries.read_uleb128().ok()
}

/// A table of the wanted abbreviations only: a unit has hundreds, and gimli
/// allocates for each it reads.
fn of_roots(table: &[u8], mut wanted: BTreeSet<u64>) -> Vec<u8> {
    let mut rest = EndianSlice::new(table, LittleEndian);
    let mut kept = Vec::new();
    while !wanted.is_empty() {
        let start = rest.slice();
        let Ok(Some(code)) = skip_abbreviation(&mut rest) else {
            break;
        };
        if wanted.remove(&code) {
            kept.extend(&start[..start.len() - rest.len()]);
        }
    }
    kept
}

/// Skips an abbreviation and returns its code; `None` at the end.
fn skip_abbreviation(rest: &mut Slice<'_>) -> gimli::Result<Option<u64>> {
    let code = rest.read_uleb128()?;
    if code == 0 {
        return Ok(None);
    }
    rest.skip_leb128()?; // The tag.
    rest.read_u8()?; // Whether there are entries below.
    loop {
        let attribute = rest.read_uleb128()?;
        let form = rest.read_uleb128()?;
        if form == u64::from(constants::DW_FORM_implicit_const.0) {
            rest.skip_leb128()?;
        }
        if (attribute, form) == (0, 0) {
            return Ok(Some(code));
        }
    }
}

/// A unit of which nothing but the header is known. `Dwarf::unit()` would read
/// the line table's header, too.
pub(super) fn unit<'a>(
    header: UnitHeader<Slice<'a>>,
    abbreviations: Arc<Abbreviations>,
) -> gimli::Unit<Slice<'a>> {
    let (encoding, main) = (header.encoding(), DwarfFileType::Main);
    gimli::Unit {
        abbreviations,
        name: None,
        comp_dir: None,
        low_pc: 0,
        str_offsets_base: DebugStrOffsetsBase::default_for_encoding_and_file(encoding, main),
        addr_base: DebugAddrBase(0),
        loclists_base: DebugLocListsBase::default_for_encoding_and_file(encoding, main),
        rnglists_base: DebugRngListsBase::default_for_encoding_and_file(encoding, main),
        line_program: None,
        dwo_id: None,
        header,
    }
}

pub(super) type Root<'a> = Vec<(gimli::DwAt, AttributeValue<Slice<'a>>)>;

/// The first entry, and what other attributes are relative to.
pub(super) fn with_bases<'a>(
    dwarf: &Dwarf<Slice<'a>>,
    mut unit: gimli::Unit<Slice<'a>>,
) -> gimli::Result<(gimli::Unit<Slice<'a>>, Root<'a>)> {
    let root = root(&unit)?;
    for (_, value) in &root {
        match *value {
            AttributeValue::DebugStrOffsetsBase(base) => unit.str_offsets_base = base,
            AttributeValue::DebugAddrBase(base) => unit.addr_base = base,
            AttributeValue::DebugRngListsBase(base) => unit.rnglists_base = base,
            _ => {}
        }
    }
    let low_pc = root.iter().find(|it| it.0 == constants::DW_AT_low_pc);
    if let Some((_, value)) = low_pc {
        unit.low_pc = dwarf.attr_address(&unit, *value)?.unwrap_or_default();
    }
    Ok((unit, root))
}

fn root<'a>(unit: &gimli::Unit<Slice<'a>>) -> gimli::Result<Root<'a>> {
    let mut cursor = unit.header.entries(&unit.abbreviations);
    cursor.next_dfs()?;
    let root = cursor.current().ok_or(gimli::Error::MissingUnitDie)?;
    let attributes = root.attrs().iter();
    Ok(attributes.map(|it| (it.name(), it.value())).collect())
}

/// Returns the prefix of file names of the source tree, by the path of a file that
/// every kernel has.
fn root_of(name: &str) -> Option<&str> {
    let root = name.strip_suffix("init/main.c")?;
    (root.is_empty() || root.ends_with('/')).then_some(root)
}

/// A file's path in the source tree; that of a generated one, in the tree of
/// objects.
fn path(raw: &Raw<'_>, root: &str) -> String {
    let in_objects = || {
        raw.name
            .strip_prefix(raw.comp_dir)
            .and_then(|rest| rest.strip_prefix('/'))
    };
    let name = raw.name.strip_prefix(root).filter(|_| !root.is_empty());
    let name = name.or_else(in_objects).unwrap_or(raw.name);
    normalized(name)
}

/// Whether `-pg` is among the options that gcc writes down; it writes `-p`.
fn given_pg(producer: &[u8]) -> Option<bool> {
    let mut words = producer.split(|byte| *byte == b' ');
    if !producer.starts_with(b"GNU C") {
        return None;
    }
    Some(words.any(|word| matches!(word, b"-p" | b"-pg")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;
    use crate::testing::damage::{damage, spoil};
    use crate::testing::toy::Kernel;

    #[test_case("traced", "init/main.c", Some(true); "one of two ranges")]
    #[test_case("starts", "init/main.c", Some(true); "the other range")]
    #[test_case("faults", "kernel/locking/lockdep.c", Some(false); "compiled without")]
    #[test_case("locks", "lib/debug.c", Some(true); "a path to be tidied")]
    #[test_case("__x86_return_thunk", "arch/x86/lib/thunk.S", None; "assembly")]
    #[test_case("enters", "arch/x86/entry/common.c", None; "a compiler that does not record its options")]
    fn functions_have_files(function: &str, path: &str, pg: Option<bool>) {
        let file = Kernel::with_files().elf();
        let image = Image::parse(&file).unwrap();
        let function = image.functions_named(function)[0];
        let path = path.to_owned();
        let units = image.units().unwrap();
        assert_eq!(units.at(function.addr), Some(&Unit { path, pg }));
    }

    #[test]
    fn what_is_between_files_has_none() {
        let file = Kernel::with_files().elf();
        let image = Image::parse(&file).unwrap();
        let phantom = image.functions_named("phantom")[0];
        assert_eq!(image.units().unwrap().at(phantom.addr), None);
        assert!(
            Image::parse(&Kernel::whole().elf())
                .unwrap()
                .units()
                .is_none()
        );
    }

    #[test_case("init/main.c", Some(""); "relative")]
    #[test_case("/src/init/main.c", Some("/src/"); "absolute")]
    #[test_case("/src/xinit/main.c", None; "another folder")]
    #[test_case("kernel/fork.c", None; "another file")]
    fn roots(name: &str, root: Option<&str>) {
        assert_eq!(root_of(name), root);
    }

    #[test_case(TABLE, &[2], &TABLE[7..16]; "one with a constant in it")]
    #[test_case(TABLE, &[1, 300], &[&TABLE[..7], &TABLE[16..22]].concat(); "two")]
    #[test_case(TABLE, &[4], &[]; "behind the end")]
    #[test_case(&TABLE[..12], &[1, 2], &TABLE[..7]; "cut off")]
    fn abbreviations_of_first_entries(table: &[u8], wanted: &[u64], kept: &[u8]) {
        assert_eq!(of_roots(table, wanted.iter().copied().collect()), kept);
    }

    /// Abbreviations 1, 2 and 300; the end; another one.
    const TABLE: &[u8] = &[
        1, 0x11, 1, 0x03, 0x0e, 0, 0, // DW_AT_name, DW_FORM_strp
        2, 0x34, 0, 0x3a, 0x21, 0x80, 0x01, 0, 0, // DW_FORM_implicit_const: 128
        0xac, 0x02, 0x11, 1, 0, 0, //
        0, //
        4, 0x11, 1, 0, 0,
    ];

    #[test]
    fn damaged_dwarf_does_not_panic_or_take_long() {
        let file = Kernel::with_files().elf();
        let start = file.windows(7).position(|it| it == b"GNU C11").unwrap() - 12;
        let dwarf = start..file.len().min(start + 1500);
        proptest!(ProptestConfig::with_cases(200), |(
            damage in damage(1..20),
        )| {
            let mut file = file.clone();
            spoil(&mut file[dwarf.clone()], &damage);
            if let Ok(image) = Image::parse(&file) {
                let _ = image.summary(&image.functions(), false);
            }
        });
    }
}
