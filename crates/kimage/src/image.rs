// SPDX-License-Identifier: GPL-2.0-only
//! A whole image.

use crate::elf::Elf;
use crate::{Result, Symbols, kallsyms};

/// A kernel image: the ELF file that [`unwrap`](crate::unwrap) gives, read.
#[derive(Debug)]
pub struct Image<'a> {
    pub(crate) elf: Elf<'a>,
    symbols: Symbols<'a>,
}

impl<'a> Image<'a> {
    /// Reads an x86_64 vmlinux, with or without symbol table and DWARF.
    ///
    /// # Errors
    /// [`Error::Elf`](crate::Error::Elf) and its kin for a file that is damaged,
    /// [`Error::OtherMachine`](crate::Error::OtherMachine) for one that is not
    /// x86_64, [`Error::NoSymbols`](crate::Error::NoSymbols).
    pub fn parse(elf: &'a [u8]) -> Result<Self> {
        let elf = Elf::parse(elf)?;
        let symbols = symbols(&elf)?;
        Ok(Self { elf, symbols })
    }

    /// The symbols, as the running kernel sees them.
    #[must_use]
    pub fn symbols(&self) -> &Symbols<'a> {
        &self.symbols
    }
}

/// What the kernel answers from; failing that, what the linker knew.
fn symbols<'a>(elf: &Elf<'a>) -> Result<Symbols<'a>> {
    if let Some(symbols) = kallsyms::recover(elf) {
        return Ok(symbols);
    }
    let symbols = Symbols::from_symtab(elf);
    if symbols.is_empty() {
        Err(crate::Error::NoSymbols)
    } else {
        Ok(symbols)
    }
}
