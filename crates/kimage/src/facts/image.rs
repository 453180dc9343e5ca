// SPDX-License-Identifier: GPL-2.0-only
//! A whole image: its tables, and lookups by address as the kernel does them.

use std::ops::Range;

use rustc_hash::FxHashSet;

use crate::elf::file::Elf;
use crate::elf::{kallsyms, module, release};
use crate::facts::btf::Btf;
use crate::facts::features::Features;
use crate::facts::tables::{Labels, Tables, btf_set, function_ids, kfunc_sets, within};
use crate::{Error, Mapped, Result, Symbols};

/// A kernel image or a module: the ELF file that [`unwrap`](crate::unwrap)
/// gives, read.
#[derive(Debug)]
pub struct Image<'a> {
    /// Set if it is a module.
    pub(crate) module: Option<Module<'a>>,
    pub(crate) elf: Elf<'a>,
    pub(crate) symbols: Symbols<'a>,
    pub(crate) tables: Tables,
    pub(crate) ranges: Ranges,
    pub(crate) features: Features,
    pub(crate) btf: Option<Btf<'a>>,
    /// The BTF is that of another build: the numbers in `.BTF_ids` mean other types.
    pub(crate) other_types: bool,
    /// `btf_id_deny`: functions that no tracing program may be attached to.
    pub(crate) denied: Vec<u32>,
    /// `noreturn_deny` (6.14, and stable releases): functions that no fexit may
    /// be attached to.
    pub(crate) noreturn: Vec<u32>,
    /// Members of all sets of kfuncs (`BTF_KFUNCS_START()`), of which some are
    /// registered for fmod_ret.
    pub(crate) kfuncs: Vec<u32>,
    /// `__x86_return_thunk`, which every `ret` is a jump to until boot.
    pub(crate) return_thunk: Option<u64>,
    /// `NOKPROBE_SYMBOL()` functions: what each blacklists, sorted.
    pub(crate) nokprobe: Vec<Range<u64>>,
}

/// A module's relation to the kernel that loads it.
#[derive(Debug)]
pub(crate) struct Module<'a> {
    /// The kernel, if it was given.
    pub(crate) kernel: Option<&'a Image<'a>>,
    /// Its BTF continues that of a kernel which was not given.
    pub(crate) types_unknown: bool,
}

/// Whether the numbers that were resolved at build time are not those of the functions of
/// the names that they were resolved for. `BTF_SET_START()` has them sorted, so a number is
/// not at its name.
fn is_of_other_build(elf: &Elf<'_>, symbols: &Symbols<'_>, btf: Option<&Btf<'_>>) -> bool {
    let Some(btf) = btf else { return false };
    let mut ids = FxHashSet::default();
    let mut names = FxHashSet::default();
    for (id, name) in function_ids(elf, symbols) {
        ids.insert(id);
        names.insert(name);
    }
    let total = names.len();
    for (id, name) in btf.functions() {
        if ids.contains(&id) {
            names.remove(name);
        }
    }
    2 * names.len() > total
}

/// Parts of the text that have rules of their own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranges {
    /// `_stext.._etext`: `core_kernel_text()` once the kernel runs. In a module
    /// `MOD_TEXT`.
    pub(crate) text: Range<u64>,
    /// `_sinittext.._einittext`: freed after boot. In a module `MOD_INIT_TEXT`.
    pub(crate) init: Range<u64>,
    /// `.exit.text`, which the kernel frees with it; empty in a module, which keeps it.
    pub(crate) exit: Range<u64>,
    pub(crate) entry: Range<u64>,
    pub(crate) noinstr: Range<u64>,
    pub(crate) kprobes: Range<u64>,
    /// Where the last symbol of the image ends.
    end: u64,
}

impl Ranges {
    fn of_module(elf: &Elf<'_>, text: module::Text) -> Self {
        let range = |name| {
            let section = elf.section(name);
            section.map_or(0..0, |it| it.addr..it.addr + it.bytes.len() as u64)
        };
        Self {
            end: text.core.end,
            text: text.core,
            init: text.init,
            exit: 0..0,
            entry: 0..0,
            noinstr: range(".noinstr.text"),
            kprobes: range(".kprobes.text"),
        }
    }

    /// Text that is freed after boot.
    pub(crate) fn is_freed(&self, addr: u64) -> bool {
        self.init.contains(&addr) || self.exit.contains(&addr)
    }

    fn of(elf: &Elf<'_>, labels: &Labels<'_>) -> Result<Self> {
        let exit = elf.section(".exit.text");
        let ranges = Self {
            exit: exit.map_or(0..0, |it| {
                it.addr..it.addr.saturating_add(it.bytes.len() as u64)
            }),
            text: labels.range("_stext", "_etext"),
            init: labels.range("_sinittext", "_einittext"),
            entry: labels.range("__entry_text_start", "__entry_text_end"),
            noinstr: labels.range("__noinstr_text_start", "__noinstr_text_end"),
            kprobes: labels.range("__kprobes_text_start", "__kprobes_text_end"),
            end: labels.get("_end").unwrap_or(u64::MAX),
        };
        if ranges.text.is_empty() {
            Err(Error::Missing {
                what: "_stext and _etext",
            })
        } else {
            Ok(ranges)
        }
    }
}

impl<'a> Image<'a> {
    /// Reads an x86_64 vmlinux, with or without symbol table and DWARF; or a
    /// module, whose answers then depend on the kernel that loads it.
    ///
    /// # Errors
    /// [`Error::Elf`], [`Error::Truncated`] or [`Error::Malformed`] for a damaged file,
    /// [`Error::OtherMachine`] for one that is not x86_64,
    /// [`Error::NoSymbols`], [`Error::Missing`] for an image without a text,
    /// [`Error::Layout`] and [`Error::Relocation`] for a module that no kernel
    /// would load.
    pub fn parse(elf: &'a [u8]) -> Result<Self> {
        let elf = Elf::parse(elf)?;
        if elf.is_relocatable() {
            Self::of_module(elf, None)
        } else {
            Self::of_kernel(elf)
        }
    }

    /// Sets the mapped file that this image is part of, so that pages which were read
    /// once do not stay in memory. For an image that was decompressed or read this
    /// changes nothing.
    #[must_use]
    pub fn mapped(mut self, file: &'a Mapped) -> Self {
        self.elf.set_map(file);
        self
    }

    /// Reads a module for the kernel that loads it.
    ///
    /// # Errors
    /// Those of [`Image::parse`], [`Error::NoModule`] for anything else,
    /// [`Error::NoKernel`] and [`Error::OtherKernel`] if the kernel cannot be
    /// the one that loads it.
    pub fn parse_module(elf: &'a [u8], kernel: &'a Image<'a>) -> Result<Self> {
        let elf = Elf::parse(elf)?;
        if !elf.is_relocatable() {
            return Err(Error::NoModule);
        }
        if kernel.module.is_some() {
            return Err(Error::NoKernel);
        }
        match (release::of_module(&elf), release::of_kernel(&kernel.elf)) {
            (Some(module), Some(kernel)) if module != kernel => {
                Err(Error::OtherKernel { module, kernel })
            }
            _ => Self::of_module(elf, Some(kernel)),
        }
    }

    fn of_kernel(elf: Elf<'a>) -> Result<Self> {
        elf.check_has_text()?;
        let symbols = symbols(&elf)?;
        let labels = Labels::new(&elf, &symbols);
        let ranges = Ranges::of(&elf, &labels)?;
        let tables = Tables::read(&elf, &labels);
        let btf = elf.unrelocated(".BTF").and_then(Btf::parse);
        let features = Features::of(&elf, &labels, btf.as_ref());
        let set = |name| btf_set(&elf, &labels, name).unwrap_or_default();
        let (denied, noreturn) = (set("btf_id_deny"), set("noreturn_deny"));
        let kfuncs = kfunc_sets(&elf, &symbols);
        let return_thunk = labels.get("__x86_return_thunk");
        drop(labels);
        let image = Self {
            other_types: is_of_other_build(&elf, &symbols, btf.as_ref()),
            module: None,
            elf,
            symbols,
            tables,
            ranges,
            features,
            btf,
            denied,
            noreturn,
            kfuncs,
            return_thunk,
            nokprobe: Vec::new(),
        };
        Ok(image.with_blacklist())
    }

    fn of_module(mut elf: Elf<'a>, kernel: Option<&'a Image<'a>>) -> Result<Self> {
        elf.check_has_text()?;
        let exported = |name: &str| kernel.and_then(|it| it.symbols.address_of(name));
        let text = module::link(&mut elf, exported)?;
        let symbols = Symbols::of_module(&elf);
        if symbols.is_empty() {
            return Err(Error::NoSymbols);
        }
        let (btf, types_unknown) = module_types(&elf, kernel);
        let image = Self {
            other_types: is_of_other_build(&elf, &symbols, btf.as_ref()),
            module: Some(Module {
                kernel,
                types_unknown,
            }),
            tables: Tables::of_module(&elf, &[text.core.clone(), text.init.clone()]),
            ranges: Ranges::of_module(&elf, text),
            features: kernel.map_or_else(Features::assumed, |it| it.features.clone()),
            btf,
            // These are of the kernel's own types.
            denied: Vec::new(),
            noreturn: Vec::new(),
            kfuncs: kfunc_sets(&elf, &symbols),
            return_thunk: kernel.map_or_else(
                || module::import(&elf, "__x86_return_thunk"),
                |it| it.return_thunk,
            ),
            nokprobe: Vec::new(),
            symbols,
            elf,
        };
        Ok(image.with_blacklist())
    }

    fn with_blacklist(mut self) -> Self {
        self.nokprobe = self.blacklisted();
        self
    }

    /// Whether it is a module.
    #[must_use]
    pub fn is_module(&self) -> bool {
        self.module.is_some()
    }

    /// The kernel that loads it, if it is a module and the kernel was given.
    pub(crate) fn kernel(&self) -> Option<&'a Image<'a>> {
        self.module.as_ref()?.kernel
    }

    /// Whether this is a module whose kernel was not given.
    pub(crate) fn lacks_kernel(&self) -> bool {
        self.is_module() && self.kernel().is_none()
    }

    /// Whether nothing is known of types: its BTF continues that of a kernel which was not
    /// given, or is that of another build.
    pub(crate) fn types_unknown(&self) -> bool {
        self.other_types || self.module.as_ref().is_some_and(|it| it.types_unknown)
    }

    /// The symbols, as the running kernel sees them.
    #[must_use]
    pub fn symbols(&self) -> &Symbols<'a> {
        &self.symbols
    }

    /// Returns the options of the kernel; for a module, of the kernel that loads it.
    /// If that was not given, all are assumed, and what follows is [`Answer::Depends`](crate::Answer::Depends).
    #[must_use]
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The ftrace call sites, sorted, those of functions that are freed after
    /// boot included.
    #[must_use]
    pub fn call_sites(&self) -> &[u64] {
        &self.tables.call_sites
    }

    /// Those that are still there once the kernel has booted.
    pub fn kept_call_sites(&self) -> impl Iterator<Item = u64> {
        let all = self.call_sites().iter().copied();
        all.filter(|site| !self.ranges.is_freed(*site))
    }

    /// Whether an address is in the kernel's text, that which is freed after
    /// boot included.
    #[must_use]
    pub fn is_text(&self, addr: u64) -> bool {
        self.ranges.text.contains(&addr) || self.ranges.is_freed(addr)
    }

    /// How many call sites `sorttable` zeroed at build time, because they
    /// belong to no function that was linked.
    #[must_use]
    pub fn zeroed_call_sites(&self) -> usize {
        self.tables.zeroed
    }

    /// Returns the extent around an address, from the symbol that it belongs to up
    /// to the next: `kallsyms_lookup_size_offset()`.
    #[must_use]
    pub fn extent(&self, addr: u64) -> Option<Range<u64>> {
        self.symbols
            .around(addr)
            .map(|symbol| self.extent_of(symbol))
    }

    /// The extent of a symbol.
    pub(crate) fn extent_of(&self, symbol: usize) -> Range<u64> {
        let start = self.symbols.get(symbol).addr;
        let last = || {
            if self.ranges.init.contains(&start) {
                self.ranges.init.end
            } else {
                self.ranges.end
            }
        };
        let end = match self.symbols.next_address(symbol) {
            // find_kallsyms_symbol() stays within the part of the module.
            Some(next) if self.is_module() => next.min(last()),
            Some(next) => next,
            None => last(),
        };
        start..end.max(start)
    }

    /// `ftrace_location_range()`: the first call site of five bytes that shares
    /// one with the range.
    pub(crate) fn call_site_in(&self, range: Range<u64>) -> Option<u64> {
        self.call_sites_in(range).first().copied()
    }

    pub(crate) fn call_sites_in(&self, range: Range<u64>) -> &[u64] {
        within(
            &self.tables.call_sites,
            range.start.saturating_sub(4)..range.end,
        )
    }

    /// What [`Tables::nokprobe`] lists, each up to the next symbol:
    /// `kprobe_add_ksym_blacklist()`.
    fn blacklisted(&self) -> Vec<Range<u64>> {
        let listed = self.tables.nokprobe.iter().flatten();
        let extents = listed
            .filter(|addr| self.is_text(**addr))
            .filter_map(|entry| {
                let extent = self.extent(*entry)?;
                Some(*entry..entry.saturating_add(extent.end - extent.start))
            });
        extents.collect()
    }
}

/// The types of a module; and whether there are some in terms of a kernel that
/// was not given.
fn module_types<'a>(elf: &Elf<'a>, kernel: Option<&'a Image<'a>>) -> (Option<Btf<'a>>, bool) {
    let Some(own) = elf.unrelocated(".BTF") else {
        return (None, false);
    };
    // What a module that is built apart from its kernel needs of it (6.11).
    let distilled = elf.unrelocated(".BTF.base").and_then(Btf::parse);
    let base = distilled.or_else(|| kernel?.btf.clone());
    let unknown = base.is_none() && kernel.is_none();
    (base.and_then(|base| Btf::split(own, base)), unknown)
}

/// Reads the kallsyms tables or, without these, `.symtab`.
fn symbols<'a>(elf: &Elf<'a>) -> Result<Symbols<'a>> {
    if let Some(symbols) = kallsyms::recover(elf) {
        return Ok(symbols);
    }
    let symbols = Symbols::from_symtab(elf);
    if symbols.is_empty() {
        Err(Error::NoSymbols)
    } else {
        Ok(symbols)
    }
}
