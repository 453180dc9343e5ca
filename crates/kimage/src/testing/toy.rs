// SPDX-License-Identifier: GPL-2.0-only
//! A kernel of two dozen functions, for tests: one of each kind that is
//! answered differently.

use crate::facts::btf::{Btf, ENUM, INT, PTR, STRUCT, UNION};
use crate::testing::btf::Builder;
use crate::testing::dwarf::{Dwarf, File};
use crate::testing::fixture::{Fixture, Layout, Sym};

const TEXT: u64 = 0xffff_ffff_8100_0000;
pub(crate) const INIT: u64 = 0xffff_ffff_8110_0000;
const EXIT: u64 = 0xffff_ffff_8111_0000;
const DATA: u64 = 0xffff_ffff_8200_0000;
pub(crate) const SIZE: u64 = 0x20;

const ENDBR: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];
const NOP5: [u8; 5] = [0x0f, 0x1f, 0x44, 0, 0];
/// push %rbp; mov %rsp,%rbp; sub $8,%rsp; pop %rbp; ret
const PLAIN: &[u8] = &[0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x08, 0x5d, 0xc3];

/// Five times nop; jmp back to the second; ret
const LOOP: &[u8] = &[0x90, 0x90, 0x90, 0x90, 0x90, 0xeb, 0xfa, 0xc3];

/// A kernel in the making: every function takes 32 bytes.
#[derive(Default)]
pub(crate) struct Kernel {
    text: Vec<u8>,
    symbols: Vec<Sym>,
    pub(crate) call_sites: Vec<u64>,
    nokprobe: Vec<u64>,
    tables: Vec<(&'static str, Vec<u64>)>,
    without: Vec<&'static str>,
    also: Vec<&'static str>,
    typed: Vec<Typed>,
    /// How far the numbers in `.BTF_ids` are off.
    ids_off: Option<u32>,
    exit: bool,
    files: Vec<File>,
}

/// A function's name, what it returns, and its parameters.
type Typed = (&'static str, Type, &'static [Type]);

/// Types that functions of the toy kernel have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Type {
    Void,
    Int,
    Int128,
    /// A struct of 16 bytes.
    Pair,
    /// A union of 8 bytes.
    Either,
}

impl Kernel {
    fn next(&self) -> u64 {
        TEXT + self.text.len() as u64
    }

    fn function(&mut self, name: &str, code: &[u8]) -> u64 {
        let addr = self.next();
        self.symbols.push((addr, b't', name.to_owned()));
        self.text.extend(code);
        self.text.resize((addr + SIZE - TEXT) as usize, 0xcc);
        addr
    }

    /// One that calls ftrace after `before`.
    fn traced(&mut self, name: &str, before: &[u8]) -> u64 {
        let call = [before, &[0xe8, 0, 0, 0, 0], PLAIN].concat();
        let addr = self.function(name, &call);
        self.call_sites.push(addr + before.len() as u64);
        addr
    }

    fn label(&mut self, name: &str) {
        self.symbols.push((self.next(), b't', name.to_owned()));
    }

    pub(crate) fn whole() -> Self {
        let mut kernel = Self::default();
        kernel.label("_stext");
        kernel.traced("traced", &[]);
        kernel.traced("behind_endbr", &ENDBR);
        kernel.function("plain", PLAIN);
        kernel.function("starts_with_call", &[0xe8, 0, 0, 0, 0, 0xc3]);
        kernel.function("jumps_back", LOOP);
        // mov $0xcc,%al: the last byte is no padding.
        kernel.function("ends_in_cc", &[0xb0, 0xcc]);
        let faults = kernel.function("faults", PLAIN);
        let listed = kernel.traced("listed", &[]);
        kernel.function("listed.part.0", PLAIN);
        kernel.function("traced.cold", PLAIN);
        kernel.function("__pfx_traced", &[0x90; 16]);
        let bug = kernel.function("warns", &[0x0f, 0x0b, 0xc3]);
        let key = kernel.function("keyed", &[&NOP5, PLAIN].concat());
        kernel.traced("twice", &[]);
        kernel.function("twice", PLAIN);
        kernel.function("plain_then_traced", PLAIN);
        kernel.traced("plain_then_traced", &[]);
        kernel.function("only_nop", &[&NOP5, PLAIN].concat());
        kernel.function("memory_jump", &[0xff, 0x20, 0xc3]);
        // The same loop, but boot may replace the jump, or a static key.
        let patched = kernel.function("loops_if_patched", LOOP) + 5;
        let switched = kernel.function("loops_if_switched", LOOP) + 5;
        let call = kernel.function("calls_if_patched", &[0x90, 0xe8, 0, 0, 0, 0, 0xc3]) + 1;
        let thunk = kernel.next() + 2 * SIZE;
        let distance = (thunk - kernel.next() - 6) as u8;
        kernel.function("returns", &[0x90, 0xe9, distance, 0, 0, 0]);
        let lock = kernel.function("locks", &[0xf0, 0xff, 0x07, 0x90, 0x90, 0xc3]);
        assert_eq!(kernel.function("__x86_return_thunk", &[0xc3]), thunk);
        // The second site is all that is left of a weak function.
        let dead = [PLAIN, &[0xcc; 6], &[0xe8, 0, 0, 0, 0, 0xc3]].concat();
        let phantom = kernel.function("phantom", &dead) + 16;
        kernel.call_sites.push(phantom);
        kernel.traced("takes_struct", &[]);
        kernel.traced("security_hook", &[]);
        kernel.label("__noinstr_text_start");
        kernel.function("no_instrumentation", PLAIN);
        kernel.label("__noinstr_text_end");
        kernel.label("__entry_text_start");
        kernel.function("enters", PLAIN);
        kernel.label("__entry_text_end");
        kernel.label("_etext");
        kernel.symbols.push((INIT, b't', "_sinittext".to_owned()));
        kernel.symbols.push((INIT, b't', "starts".to_owned()));
        kernel
            .symbols
            .push((INIT + SIZE, b't', "_einittext".to_owned()));
        kernel.call_sites.push(INIT);
        kernel.nokprobe.push(listed);
        kernel.tables = vec![
            ("faults", vec![faults + 4]),
            ("bug", vec![bug]),
            ("key", vec![key, switched]),
            ("lock", vec![lock]),
            ("alternative", vec![patched, call]),
        ];
        for present in FEATURES.into_iter().chain(["__start_rodata"]) {
            kernel.symbols.push((DATA, b'd', present.to_owned()));
        }
        kernel
    }

    /// Another version of it: names changed, and mechanisms gone.
    #[cfg(test)]
    pub(crate) fn later() -> Self {
        Self::whole()
            .renamed("plain", "plain.isra.0")
            .renamed("faults", "fresh")
            .renamed("jumps_back", "keyed")
            .renamed("phantom", "phantom.part.0")
            .without("register_fprobe")
            .without(".ibt_endbr_seal")
            .without("notrace")
    }

    #[cfg(test)]
    fn renamed(mut self, from: &str, to: &str) -> Self {
        let mut symbols = self.symbols.iter_mut();
        let symbol = symbols.find(|symbol| symbol.2 == from);
        symbol.expect("a function to rename").2 = to.to_owned();
        self
    }

    #[cfg(test)]
    pub(crate) fn without(mut self, name: &'static str) -> Self {
        self.symbols.retain(|(_, _, symbol)| symbol != name);
        self.without.push(name);
        self
    }

    /// The same with an enumerator of this name in BTF.
    #[cfg(test)]
    pub(crate) fn with(mut self, name: &'static str) -> Self {
        self.also.push(name);
        self
    }

    /// The same with numbers of the functions in BTF that are off by some.
    #[cfg(test)]
    pub(crate) fn with_btf_ids(mut self, off: u32) -> Self {
        self.ids_off = Some(off);
        self
    }

    /// The same with a function `exits` in `.exit.text`.
    #[cfg(test)]
    pub(crate) fn with_exit_text(mut self) -> Self {
        self.symbols.push((EXIT, b't', "exits".to_owned()));
        self.call_sites.push(EXIT);
        self.exit = true;
        self
    }

    /// Symbols `__BTF_ID__func__NAME__N`, and the numbers there.
    fn btf_ids(&mut self, types: &[u8], data: &mut Vec<u8>) {
        let Some(off) = self.ids_off else { return };
        let btf = Btf::parse(types).expect("BTF");
        // A set is sorted by number, whatever the order of its names.
        let names: Vec<&[u8]> = btf.functions().map(|(_, name)| name).collect();
        for ((id, _), name) in btf.functions().zip(names.iter().rev()) {
            let symbol = format!("__BTF_ID__func__{}__1", String::from_utf8_lossy(name));
            let addr = DATA + data.len() as u64;
            self.symbols.push((addr, b'd', symbol));
            data.extend((id + off).to_le_bytes());
        }
    }

    /// BTF has this function before those that are there.
    #[cfg(test)]
    pub(crate) fn typed(mut self, name: &'static str, returns: Type, of: &'static [Type]) -> Self {
        self.typed.push((name, returns, of));
        self
    }

    /// The BTF that it has.
    pub(crate) fn btf(&self) -> Builder {
        let mut btf = Builder::new();
        let large = btf.structure(24);
        let types = [
            0,
            btf.add("int", INT, 0, 4, &[0x20]),
            btf.add("__int128", INT, 0, 16, &[0x80]),
            btf.structure(16),
            btf.add("either", UNION, 0, 8, &[]),
        ];
        for (name, returns, params) in &self.typed {
            let params: Vec<u32> = params.iter().map(|it| types[*it as usize]).collect();
            btf.function(name, types[*returns as usize], &params);
        }
        for name in TYPED {
            btf.function(name, 0, &[]);
        }
        btf.function("takes_struct", 0, &[large]);
        let kept = SIGNS.iter().filter(|name| !self.without.contains(name));
        for name in kept.chain(&self.also) {
            // The name is that of a type, too, so that it is in the strings.
            let id = btf.add(name, PTR, 0, 0, &[]);
            let name = btf.name_of(id);
            btf.add("numbers", ENUM, 1, 4, &[name, 0]);
            btf.add("btf_func_model", STRUCT, 1, 1, &[name, 0, 0]);
        }
        btf
    }

    /// The same with DWARF: which functions are from which source file.
    pub(crate) fn with_files() -> Self {
        let mut kernel = Self::whole();
        for (name, options, parts) in FILES {
            let parts = parts.iter().map(|(first, end)| kernel.between(first, end));
            let ranges = parts.collect();
            kernel.files.push(File {
                name,
                options,
                ranges,
            });
        }
        kernel
    }

    /// From one function up to another.
    fn between(&self, first: &str, end: &str) -> (u64, u64) {
        let find = |name| self.symbols.iter().find(|symbol| symbol.2 == name);
        let addr = |name| find(name).expect("a function").0;
        (addr(first), addr(end))
    }

    /// The image as it boots: no `.symtab`, kallsyms of the text alone, and
    /// more functions, since the tables are found from 257 on.
    pub(crate) fn stripped(mut self) -> Vec<u8> {
        for n in 0..300 {
            self.traced(&format!("filler_{n}"), &[]);
        }
        let end = self.next();
        self.symbols
            .iter_mut()
            .filter(|symbol| symbol.2 == "_etext")
            .for_each(|symbol| symbol.0 = end);
        self.symbols.sort_by_key(|symbol| symbol.0);
        let text: Vec<Sym> = self
            .symbols
            .iter()
            .filter(|symbol| symbol.1 == b't')
            .cloned()
            .collect();
        let sites = self.call_sites.iter().filter(|site| **site < INIT);
        let mcount = [0, 0]
            .iter()
            .chain(sites)
            .flat_map(|site| site.to_le_bytes())
            .collect();
        let notrace = b"Could not probe notrace function %ps\n";
        Fixture::default()
            .section(".text", TEXT, self.text)
            .section(".init.data", DATA, mcount)
            .kallsyms(DATA + 0x10_0000, notrace, &text, Layout::V6_4, true)
            .elf()
    }

    pub(crate) fn elf(mut self) -> Vec<u8> {
        let types = self.btf().build();
        let mut data = Vec::new();
        for (name, words) in [
            ("mcount_loc", &self.call_sites),
            ("kprobe_blacklist", &self.nokprobe),
        ] {
            self.symbols
                .push((DATA + data.len() as u64, b'd', format!("__start_{name}")));
            data.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            self.symbols
                .push((DATA + data.len() as u64, b'd', format!("__stop_{name}")));
        }
        self.btf_ids(&types, &mut data);
        let mut tables: Vec<Vec<u8>> = Vec::new();
        let bases = [("faults", 12), ("bug", 12), ("key", 16), ("lock", 4)];
        for (index, (name, size)) in bases.into_iter().enumerate() {
            let addrs = &self.tables.iter().find(|table| table.0 == name).unwrap().1;
            tables.push(relative(DATA + 0x1000 * (index as u64 + 1), size, addrs));
        }
        let key = DATA + 0x3000;
        self.symbols
            .push((key, b'd', "__start___jump_table".to_owned()));
        self.symbols.push((
            key + tables[2].len() as u64,
            b'd',
            "__stop___jump_table".to_owned(),
        ));
        let alternatives = &self
            .tables
            .iter()
            .find(|it| it.0 == "alternative")
            .unwrap()
            .1;
        let alternatives = alt_instructions(DATA + 0x5000, alternatives);
        let mut image = Fixture::default()
            .section(".init.data", DATA, data)
            .section(".altinstructions", DATA + 0x5000, alternatives);
        let names = ["__ex_table", "__bug_table", ".jump", ".smp_locks"];
        for (index, name) in names.into_iter().enumerate() {
            image = image.section(
                name,
                DATA + 0x1000 * (index as u64 + 1),
                tables[index].clone(),
            );
        }
        if !self.without.contains(&".ibt_endbr_seal") {
            image = image.section(".ibt_endbr_seal", DATA + 0x6000, vec![0; 4]);
        }
        let strings = STRINGS.iter().filter(|it| !self.without.contains(&it.0));
        let strings: String = strings.map(|it| it.1).collect();
        let rodata = format!("%s version %s (toy)\0{strings}Linux version 6.12.0-toy (me) #1\0");
        image = image
            .section(".rodata", DATA + 0x7000, rodata.into_bytes())
            .section(".BTF", DATA + 0x8000, types);
        if !self.files.is_empty() {
            let dwarf = Dwarf::of(&self.files);
            image = image
                .section(".debug_info", DATA + 0x9000, dwarf.info)
                .section(".debug_abbrev", DATA + 0xb000, dwarf.abbreviations)
                .section(".debug_rnglists", DATA + 0xc000, dwarf.ranges);
        }
        image = image.section(".text", TEXT, self.text).section(
            ".init.text",
            INIT,
            vec![0xe8; SIZE as usize],
        );
        if self.exit {
            image = image.section(".exit.text", EXIT, vec![0xe8; SIZE as usize]);
        }
        Fixture {
            symtab: self.symbols,
            ..image
        }
        .elf()
    }
}

/// Strings that tell what a kernel has, by what they stand for.
const STRINGS: [(&str, &str); 3] = [
    ("notrace", "Could not probe notrace function %ps\n\0"),
    ("wide returns", "function %s with a >8 byte return value\0"),
    ("dropped names", "__ftrace_invalid_address__\0"),
];

/// Entries of `struct alt_instr`: two bytes that are replaced with nothing.
fn alt_instructions(base: u64, addrs: &[u64]) -> Vec<u8> {
    let mut table = relative(base, 14, addrs);
    for entry in table.chunks_exact_mut(14) {
        entry[12..].copy_from_slice(&[2, 0]);
    }
    table
}

const PG: &str = "GNU C11 12.2.0 -mfentry -O2 -p -g";
const NO_PG: &str = "GNU C11 12.2.0 -mfentry -O2 -g";

/// Source files: the compiler, and from which function up to which they are.
type Source = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);
const FILES: [Source; 10] = [
    (
        "/src/init/main.c",
        PG,
        &[("traced", "starts_with_call"), ("starts", "_einittext")],
    ),
    (
        "/src/kernel/locking/lockdep.c",
        NO_PG,
        &[("starts_with_call", "listed")],
    ),
    (
        "/src/kernel/locking/mutex-debug.c",
        PG,
        &[("listed", "warns")],
    ),
    ("/src/kernel/lost.c", PG, &[("warns", "twice")]),
    (
        "/src/kernel/trace/selftest.c",
        PG,
        &[("twice", "plain_then_traced")],
    ),
    (
        "/src/kernel/trace/trace.c",
        NO_PG,
        &[("only_nop", "returns")],
    ),
    (
        "kernel/../lib/./debug.c",
        PG,
        &[("returns", "__x86_return_thunk")],
    ),
    (
        "/src/arch/x86/lib/thunk.S",
        "GNU AS 2.40",
        &[("__x86_return_thunk", "phantom")],
    ),
    (
        "/src/arch/x86/entry/common.c",
        "clang 19",
        &[("no_instrumentation", "_etext")],
    ),
    ("/src/kernel/empty.c", PG, &[]),
];

/// Functions that tell what a kernel has.
pub(crate) const FEATURES: [&str; 12] = [
    "kprobe_ftrace_handler",
    "arch_prepare_optimized_kprobe",
    "create_local_trace_kprobe",
    "count_symbols",
    "register_kretprobe",
    "register_fprobe",
    "register_ftrace_direct",
    "__x86_indirect_thunk_rax",
    "arch_adjust_kprobe_addr",
    "bpf_override_return",
    "klp_enable_patch",
    "alternatives_text_reserved",
];

/// A table of entries of a size, each of which starts with a relative address.
fn relative(base: u64, size: usize, addrs: &[u64]) -> Vec<u8> {
    let mut table = Vec::new();
    for addr in addrs {
        let at = base + table.len() as u64;
        table.extend((addr.wrapping_sub(at) as u32).to_le_bytes());
        table.resize(table.len() + size - 4, 0);
    }
    table
}

/// Functions of no parameters in BTF.
const TYPED: [&str; 6] = [
    "traced",
    "behind_endbr",
    "plain",
    "only_nop",
    "security_hook",
    "starts",
];

/// Enumerators and members that tell what a kernel has: 6.12.
const SIGNS: [&str; 4] = [
    "arg_flags",
    "BPF_TRACE_KPROBE_MULTI",
    "BPF_TRACE_UPROBE_MULTI",
    "BPF_TOKEN_CREATE",
];

/// The types of the toy kernel.
pub(crate) fn types() -> Builder {
    Kernel::default().btf()
}
