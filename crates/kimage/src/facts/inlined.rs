// SPDX-License-Identifier: GPL-2.0-only
//! Where a function without a symbol is: DWARF's inlined calls of it.

use std::collections::BTreeSet;

use gimli::{AttributeValue, Dwarf, Section, UnitOffset, constants};
use memchr::memmem;

use crate::facts::image::Image;
use crate::facts::units::{Glanced, Slice, dwarf, unit, with_bases};

/// What DWARF has of a function of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inlined {
    /// Whether there is one.
    pub is_known: bool,
    /// Functions that it is inlined into, by name.
    pub into: BTreeSet<String>,
}

type Unit<'a> = gimli::Unit<Slice<'a>>;
type Entry<'a> = gimli::DebuggingInformationEntry<Slice<'a>>;

impl Image<'_> {
    /// Returns what DWARF has of a function; `None` if the image has no DWARF. Reads all
    /// of it.
    pub(crate) fn inlined(&self, name: &str) -> Option<Inlined> {
        let dwarf = dwarf(&self.elf)?;
        let mut found = Inlined::default();
        let has_name = |bytes: &[u8]| memmem::find(bytes, name.as_bytes()).is_some();
        let texts = [dwarf.debug_str.reader(), dwarf.debug_info.reader()];
        if !texts.iter().any(|text| has_name(text.slice())) {
            return Some(found);
        }
        let info = Glanced::at(&self.elf, &dwarf);
        let mut headers = dwarf.units();
        while let Ok(Some(header)) = headers.next() {
            info.one_more();
            let abbreviations = dwarf.abbreviations(&header);
            let bare = abbreviations.map(|it| unit(header, it));
            let Ok((unit, _)) = bare.and_then(|it| with_bases(&dwarf, it)) else {
                continue;
            };
            // What is damaged has no more to say.
            let _ = search(&dwarf, &unit, name.as_bytes(), &mut found);
        }
        Some(found)
    }
}

fn search<'a>(
    dwarf: &Dwarf<Slice<'a>>,
    unit: &Unit<'a>,
    name: &[u8],
    found: &mut Inlined,
) -> gimli::Result<()> {
    let mut origins = Vec::new();
    let mut entries = unit.header.entries(&unit.abbreviations);
    while let Some(entry) = entries.next_dfs()? {
        let is_function = entry.tag() == constants::DW_TAG_subprogram;
        if is_function && own_name(dwarf, unit, entry) == Some(name) {
            origins.push(entry.offset());
        }
    }
    if origins.is_empty() {
        return Ok(());
    }
    found.is_known = true;
    let mut caller = None;
    let mut entries = unit.header.entries(&unit.abbreviations);
    while let Some(entry) = entries.next_dfs()? {
        // Declarations in a function's body are deeper.
        if entry.tag() == constants::DW_TAG_subprogram && entry.depth() == 1 {
            caller = name_of(dwarf, unit, entry);
        } else if entry.tag() == constants::DW_TAG_inlined_subroutine
            && origin(entry).is_some_and(|it| origins.contains(&it))
            && let Some(caller) = caller
        {
            let caller = String::from_utf8_lossy(caller).into_owned();
            found.into.insert(caller);
        }
    }
    Ok(())
}

fn own_name<'a>(dwarf: &Dwarf<Slice<'a>>, unit: &Unit<'a>, entry: &Entry<'a>) -> Option<&'a [u8]> {
    let value = entry.attr_value(constants::DW_AT_name)?;
    Some(dwarf.attr_string(unit, value).ok()?.slice())
}

/// The name of a function, or of the one that it is an instance of.
fn name_of<'a>(dwarf: &Dwarf<Slice<'a>>, unit: &Unit<'a>, entry: &Entry<'a>) -> Option<&'a [u8]> {
    own_name(dwarf, unit, entry).or_else(|| {
        let mut cursor = unit
            .header
            .entries_at_offset(&unit.abbreviations, origin(entry)?)
            .ok()?;
        own_name(dwarf, unit, cursor.next_dfs().ok()??)
    })
}

fn origin(entry: &Entry<'_>) -> Option<UnitOffset> {
    match entry.attr_value(constants::DW_AT_abstract_origin)? {
        AttributeValue::UnitRef(offset) => Some(offset),
        _ => None,
    }
}
