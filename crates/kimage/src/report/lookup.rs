// SPDX-License-Identifier: GPL-2.0-only
//! Looks up `SYMBOL[+OFF]`, and finds similar names.

use std::fmt;
use std::str::FromStr;

use nmissed_wire::text::{misspelling, some_of};

use crate::facts::functions::{Function, base_name};
use crate::facts::image::Image;
use crate::facts::inlined::Inlined;

/// A function by name, and an offset into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The module that must have it, as `lsmod` names it.
    pub module: Option<String>,
    /// As kallsyms has it, suffix included.
    pub symbol: String,
    /// Bytes from its start; 0 is the entry, wherever a probe goes there.
    pub offset: u64,
}

impl FromStr for Query {
    type Err = LookupError;

    /// `[MODULE:]SYMBOL[+OFF]`; offsets are decimal, or hexadecimal after `0x`.
    fn from_str(text: &str) -> Result<Self, LookupError> {
        let (module, place) = text
            .split_once(':')
            .map_or((None, text), |(module, rest)| (Some(module), rest));
        let (symbol, offset) = place.split_once('+').unwrap_or((place, "0"));
        let offset = match offset.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16),
            None => offset.parse(),
        };
        match offset {
            Ok(offset) if !symbol.is_empty() && module != Some("") => Ok(Self {
                module: module.map(str::to_owned),
                symbol: symbol.to_owned(),
                offset,
            }),
            _ => Err(LookupError::NoQuery(text.to_owned())),
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(module) = &self.module {
            write!(f, "{module}:")?;
        }
        f.write_str(&self.symbol)?;
        match self.offset {
            0 => Ok(()),
            offset => write!(f, "+{offset:#x}"),
        }
    }
}

/// Why a query matches no function.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// Not of the form `SYMBOL[+OFF]`.
    #[error("`{0}` is not [MODULE:]SYMBOL[+OFFSET], with a decimal or 0x offset")]
    NoQuery(String),
    /// No symbol has the name.
    #[error("no function is named `{name}`{}{}", did_you_mean(.near), inlined_into(.inlined.as_ref()))]
    Unknown {
        /// The name that was looked up.
        name: String,
        /// Functions of similar names, the nearest first.
        near: Vec<String>,
        /// What DWARF has of it; `None` without DWARF.
        inlined: Option<Inlined>,
    },
    /// The image is not the module of the query.
    #[error(
        "`{0}` is a function of a module: inspect its file with --base KERNEL, or the kernel \
         with --modules DIR; attaching is ENOENT until the module is loaded"
    )]
    OfModule(Query),
    /// None of the modules that were read is the one of the query, and has the function.
    #[error("no module {} with a function `{}` was read", .0.module.as_deref().unwrap_or_default(), .0.symbol)]
    NotInModule(Query),
    /// A symbol of data, or of text that is never run after boot.
    #[error("`{0}` is a symbol, but not one of a function in the kernel's text")]
    NotAFunction(String),
    /// The offset is in another function.
    #[error("`{query}` is past the end of the function, which has {size:#x} bytes")]
    PastEnd {
        /// The query as parsed.
        query: Query,
        /// The largest extent of a function of the name.
        size: u64,
    },
}

fn did_you_mean(near: &[String]) -> String {
    if near.is_empty() {
        String::new()
    } else {
        format!("; there is {}", near.join(", "))
    }
}

fn inlined_into(inlined: Option<&Inlined>) -> String {
    const MOST: usize = 8;
    match inlined {
        Some(it) if !it.into.is_empty() => {
            let all: Vec<_> = it.into.iter().map(String::as_str).collect();
            format!("; it is inlined into {}", some_of(&all, MOST))
        }
        Some(it) if it.is_known => "; DWARF has it, but inlined nowhere".to_owned(),
        Some(_) => "; DWARF has none, either".to_owned(),
        None => String::new(),
    }
}

impl Image<'_> {
    /// Returns the functions that a query matches, by address: several if they share
    /// the name.
    ///
    /// # Errors
    /// [`LookupError`] if there are none.
    pub fn look_up(
        &self,
        functions: &[Function],
        query: &Query,
    ) -> Result<Vec<Function>, LookupError> {
        if query.module.is_some() && query.module != self.module_name() {
            return Err(LookupError::OfModule(query.clone()));
        }
        let named: Vec<Function> = functions
            .iter()
            .filter(|function| self.name(function) == query.symbol)
            .map(|function| Function {
                by_module: query.module.is_some(),
                ..*function
            })
            .collect();
        let Some(size) = named.iter().map(|function| function.size).max() else {
            return Err(self.not_found(functions, &query.symbol));
        };
        if query.offset > 0 && query.offset >= size {
            let query = query.clone();
            return Err(LookupError::PastEnd { query, size });
        }
        // Of several of a name, some may be shorter.
        let reached = |function: &Function| query.offset == 0 || query.offset < function.size;
        Ok(named.into_iter().filter(reached).collect())
    }

    fn not_found(&self, functions: &[Function], name: &str) -> LookupError {
        if self.symbols.address_of(name).is_some() {
            return LookupError::NotAFunction(name.to_owned());
        }
        LookupError::Unknown {
            name: name.to_owned(),
            near: self.near(functions, name),
            inlined: self.inlined(name),
        }
    }

    /// Clones and parts of the name and the entry of a system call, then names that
    /// differ in a few letters.
    fn near(&self, functions: &[Function], name: &str) -> Vec<String> {
        const MOST: usize = 4;
        let base = base_name(name);
        // SYSCALL_DEFINE() since 4.17.
        let entry =
            |other: &str| name.starts_with("sys_") && other.strip_prefix("__x64_") == Some(name);
        let distance = |other: &str| match base_name(other) == base || entry(other) {
            true => Some(0),
            false => misspelling(name, other),
        };
        let names = functions.iter().map(|function| self.name(function));
        let mut near: Vec<_> = names
            .filter_map(|other| Some((distance(other)?, other)))
            .collect();
        near.sort_unstable();
        near.dedup();
        near.truncate(MOST);
        near.into_iter().map(|(_, name)| name.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;
    use crate::testing::fixture::Fixture;

    #[test_case("vfs_read", None, "vfs_read", 0; "a name")]
    #[test_case("vfs_read+0x1f", None, "vfs_read", 0x1f; "hexadecimal")]
    #[test_case("a.isra.0+12", None, "a.isra.0", 12; "decimal")]
    #[test_case("xfs:f+4", Some("xfs"), "f", 4; "a module")]
    fn queries(text: &str, module: Option<&str>, symbol: &str, offset: u64) {
        let query: Query = text.parse().unwrap();
        let parts = (query.module.as_deref(), query.symbol.as_str(), query.offset);
        assert_eq!(parts, (module, symbol, offset));
    }

    #[test]
    fn a_place_is_in_those_of_a_name_that_are_long_enough() {
        const TEXT: u64 = 0xffff_ffff_8100_0000;
        let names = [(0, "_stext"), (0, "same"), (16, "same"), (64, "_etext")];
        let symtab = names.map(|(offset, name)| (TEXT + offset, b't', name.to_owned()));
        let file = Fixture {
            symtab: symtab.to_vec(),
            ..Fixture::default().section(".text", TEXT, vec![0x90; 64])
        };
        let file = file.elf();
        let image = Image::parse(&file).unwrap();
        let found = |query: &str| {
            let found = image.look_up(&image.functions(), &query.parse().unwrap());
            let addrs = found.unwrap().into_iter().map(|it| it.addr - TEXT);
            addrs.collect::<Vec<_>>()
        };
        assert_eq!(found("same"), [0, 16]);
        assert_eq!(found("same+15"), [0, 16]);
        assert_eq!(found("same+16"), [16]);
    }

    #[test_case("sys_execve", &["__x64_sys_execve"]; "a system call")]
    #[test_case("vfs_raed", &["vfs_read"]; "a misspelling")]
    #[test_case("execve", &[]; "nothing near")]
    fn suggestions(name: &str, expected: &[&str]) {
        const TEXT: u64 = 0xffff_ffff_8100_0000;
        let names = ["_stext", "__x64_sys_execve", "__do_sys_execve", "vfs_read"];
        let symtab = (0..)
            .zip(names)
            .map(|(at, name)| (TEXT + 16 * at, b't', name.to_owned()));
        let mut symtab: Vec<_> = symtab.collect();
        symtab.push((TEXT + 64, b't', "_etext".to_owned()));
        let file = Fixture {
            symtab,
            ..Fixture::default().section(".text", TEXT, vec![0x90; 64])
        };
        let file = file.elf();
        let image = Image::parse(&file).unwrap();
        assert_eq!(image.near(&image.functions(), name), expected);
    }

    #[test_case(""; "nothing")]
    #[test_case("+4"; "no name")]
    #[test_case(":f"; "no module")]
    #[test_case("xfs:"; "no name in a module")]
    #[test_case("a+"; "no offset")]
    #[test_case("a+ff"; "hexadecimal without 0x")]
    #[test_case("a+-1"; "negative")]
    fn no_queries(text: &str) {
        assert_eq!(
            text.parse::<Query>(),
            Err(LookupError::NoQuery(text.to_owned()))
        );
    }
}
