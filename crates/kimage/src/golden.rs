// SPDX-License-Identifier: GPL-2.0-only
//! A kernel of two dozen functions, and what becomes of probes on them.

use proptest::prelude::*;
use test_case::test_case;

use crate::btf::tests::Builder;
use crate::fixture::{Fixture, Layout, Sym};
use crate::{
    Answer, Attach, Blacklist, CallCode, Condition, Errno, Flavor, Function, Image, Mechanism,
    NotOptimized, Refusal, Region, SymbolSource, Unsupported,
};

const TEXT: u64 = 0xffff_ffff_8100_0000;
const INIT: u64 = 0xffff_ffff_8110_0000;
const DATA: u64 = 0xffff_ffff_8200_0000;
const SIZE: u64 = 0x20;

const ENDBR: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];
const NOP5: [u8; 5] = [0x0f, 0x1f, 0x44, 0, 0];
/// push %rbp; mov %rsp,%rbp; sub $8,%rsp; pop %rbp; ret
const PLAIN: &[u8] = &[0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x08, 0x5d, 0xc3];

/// A kernel in the making: every function takes 32 bytes.
#[derive(Default)]
struct Kernel {
    text: Vec<u8>,
    symbols: Vec<Sym>,
    call_sites: Vec<u64>,
    nokprobe: Vec<u64>,
    tables: Vec<(&'static str, Vec<u64>)>,
    without: Vec<&'static str>,
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

    fn whole() -> Self {
        let mut kernel = Self::default();
        kernel.label("_stext");
        kernel.traced("traced", &[]);
        kernel.traced("behind_endbr", &ENDBR);
        kernel.function("plain", PLAIN);
        kernel.function("starts_with_call", &[0xe8, 0, 0, 0, 0, 0xc3]);
        // jmp +2, into its own five bytes
        kernel.function(
            "jumps_back",
            &[0x90, 0x90, 0x90, 0x90, 0x90, 0xeb, 0xfa, 0xc3],
        );
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
            ("key", vec![key]),
            ("lock", vec![lock]),
        ];
        for present in FEATURES {
            kernel.symbols.push((DATA, b'd', present.to_owned()));
        }
        kernel
    }

    fn without(mut self, name: &'static str) -> Self {
        self.symbols.retain(|(_, _, symbol)| symbol != name);
        self.without.push(name);
        self
    }

    /// The image as it boots: no `.symtab`, kallsyms of the text alone.
    fn stripped(mut self) -> Vec<u8> {
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

    fn elf(mut self) -> Vec<u8> {
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
        let mut image = Fixture::default().section(".init.data", DATA, data);
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
        let notrace = if self.without.contains(&"notrace") {
            ""
        } else {
            "Could not probe notrace function %ps\n"
        };
        image = image
            .section(".rodata", DATA + 0x7000, notrace.as_bytes().to_vec())
            .section(".BTF", DATA + 0x8000, btf());
        image = image.section(".text", TEXT, self.text).section(
            ".init.text",
            INIT,
            vec![0xe8; SIZE as usize],
        );
        Fixture {
            symtab: self.symbols,
            ..image
        }
        .elf()
    }
}

const FEATURES: [&str; 10] = [
    "kprobe_ftrace_handler",
    "arch_prepare_optimized_kprobe",
    "create_local_trace_kprobe",
    "count_symbols",
    "arch_rethook_trampoline",
    "register_fprobe",
    "register_ftrace_direct",
    "__x86_indirect_thunk_array",
    "alternatives_text_reserved",
    "__start_rodata",
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

fn btf() -> Vec<u8> {
    let mut btf = Builder::new();
    let large = btf.structure(24);
    for name in [
        "traced",
        "behind_endbr",
        "plain",
        "only_nop",
        "security_hook",
        "starts",
    ] {
        btf.function(name, 0, &[]);
    }
    btf.function("takes_struct", 0, &[large]);
    btf.build()
}

fn function(image: &Image<'_>, name: &str) -> Function {
    image
        .functions_named(name)
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("no {name}"))
}

const FTRACE: Answer = Answer::Yes(Flavor::Ftrace);

#[test_case("traced", FTRACE, FTRACE; "a call site")]
#[test_case("behind_endbr", FTRACE, FTRACE; "a call site behind endbr")]
#[test_case("plain", Answer::No(Refusal::Notrace), Answer::Yes(Flavor::Optimized); "no call site")]
#[test_case("starts_with_call", Answer::No(Refusal::Notrace), Answer::Yes(Flavor::Int3(NotOptimized::Unboostable)); "a call first")]
#[test_case("jumps_back", Answer::No(Refusal::Notrace), Answer::Yes(Flavor::Int3(NotOptimized::JumpTarget)); "a loop")]
#[test_case("faults", Answer::No(Refusal::Notrace), Answer::Yes(Flavor::Int3(NotOptimized::Faulting)); "an exception entry")]
#[test_case("listed", Answer::No(Refusal::Blacklisted(Blacklist::Listed)), Answer::No(Refusal::Blacklisted(Blacklist::Listed)); "nokprobe with a call site")]
#[test_case("listed.part.0", Answer::No(Refusal::Blacklisted(Blacklist::BaseName)), Answer::No(Refusal::Blacklisted(Blacklist::BaseName)); "part of a blacklisted one")]
#[test_case("traced.cold", Answer::Yes(Flavor::Optimized), Answer::Yes(Flavor::Optimized); "part of a traced one")]
#[test_case("__pfx_traced", Answer::No(Refusal::Notrace), Answer::No(Refusal::Preamble); "padding with a name")]
#[test_case("warns", Answer::No(Refusal::Notrace), Answer::No(Refusal::Bug); "a bug entry")]
#[test_case("keyed", Answer::No(Refusal::Notrace), Answer::No(Refusal::JumpLabel); "a static key")]
#[test_case("twice", Answer::No(Refusal::AmbiguousName), FTRACE; "two of a name")]
#[test_case("memory_jump", Answer::No(Refusal::Notrace), Answer::No(Refusal::BeyondEmulation); "a jump through memory")]
#[test_case("returns", Answer::No(Refusal::Notrace), Answer::Depends(Condition::ReturnThunk); "a return thunk")]
#[test_case("locks", Answer::No(Refusal::Notrace), Answer::Depends(Condition::SmpLock); "a lock prefix")]
#[test_case("phantom", Answer::Yes(Flavor::Optimized), Answer::Yes(Flavor::Optimized); "someone else's call site")]
#[test_case("no_instrumentation", Answer::No(Refusal::Notrace), Answer::No(Refusal::Blacklisted(Blacklist::NoinstrText)); "noinstr")]
#[test_case("enters", Answer::No(Refusal::Notrace), Answer::No(Refusal::Blacklisted(Blacklist::EntryText)); "entry text")]
#[test_case("starts", Answer::No(Refusal::Init), Answer::No(Refusal::Init); "init text")]
fn kprobes_by_name_and_by_address(name: &str, by_name: Answer, by_address: Answer) {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    let function = function(&image, name);
    assert_eq!(image.answer(&function, Attach::Kprobe), by_name);
    assert_eq!(image.answer(&function, Attach::RawKprobe), by_address);
    assert_eq!(image.answers(&function)[2], by_address);
}

#[test_case("traced", FTRACE, FTRACE; "a call site")]
#[test_case("listed", FTRACE, Answer::No(Refusal::NoPrototype); "nokprobe does not keep ftrace out")]
#[test_case("plain", Answer::No(Refusal::NoCallSite), Answer::No(Refusal::NothingToPatch); "no call site")]
#[test_case("only_nop", Answer::No(Refusal::NoCallSite), FTRACE; "a nop of five bytes")]
#[test_case("takes_struct", FTRACE, Answer::No(Refusal::Prototype(Unsupported::ArgType)); "a large argument")]
#[test_case("starts", Answer::No(Refusal::FreedCallSite), Answer::No(Refusal::Init); "init text")]
#[test_case("plain_then_traced", Answer::No(Refusal::NoCallSite), Answer::No(Refusal::NoPrototype); "the first of a name")]
fn kprobe_multi_and_fentry(name: &str, multi: Answer, fentry: Answer) {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    let function = function(&image, name);
    assert_eq!(image.answer(&function, Attach::KprobeMulti), multi);
    assert_eq!(image.answer(&function, Attach::Fentry), fentry);
}

#[test]
fn by_name_kprobe_multi_takes_the_first_that_can_be_traced() {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    let answers = |name| {
        let all = image.functions_named(name);
        all.iter()
            .map(|function| image.answer(function, Attach::KprobeMulti))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        answers("plain_then_traced"),
        [Answer::No(Refusal::NoCallSite), FTRACE]
    );
    assert_eq!(answers("twice"), [FTRACE, Answer::No(Refusal::NoCallSite)]);
}

#[test]
fn fmod_ret_takes_security_hooks_only() {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    assert_eq!(
        image.answer(&function(&image, "security_hook"), Attach::FmodRet),
        FTRACE
    );
    assert_eq!(
        image.answer(&function(&image, "traced"), Attach::FmodRet),
        Answer::No(Refusal::NotInjectable)
    );
}

#[test_case("kprobe_ftrace_handler", Attach::Kprobe, Answer::No(Refusal::NotBuiltIn(Mechanism::KprobesOnFtrace)); "ftrace based kprobes")]
#[test_case("create_local_trace_kprobe", Attach::Kprobe, Answer::No(Refusal::NotBuiltIn(Mechanism::KprobeEvents)); "kprobe events")]
#[test_case("arch_rethook_trampoline", Attach::Kretprobe, Answer::No(Refusal::NotBuiltIn(Mechanism::Kretprobes)); "kretprobes")]
#[test_case("register_fprobe", Attach::KprobeMulti, Answer::No(Refusal::NotBuiltIn(Mechanism::Fprobe)); "fprobe")]
#[test_case("register_ftrace_direct", Attach::Fentry, Answer::No(Refusal::NotBuiltIn(Mechanism::DirectCalls)); "direct calls")]
fn what_is_not_built_in_is_refused(symbol: &'static str, attach: Attach, answer: Answer) {
    let file = Kernel::whole().without(symbol).elf();
    let image = Image::parse(&file).unwrap();
    assert_eq!(image.answer(&function(&image, "traced"), attach), answer);
}

#[test]
fn the_notrace_policy_and_optprobes_are_options() {
    let file = Kernel::whole()
        .without("notrace")
        .without("arch_prepare_optimized_kprobe")
        .elf();
    let image = Image::parse(&file).unwrap();
    let answer = image.answer(&function(&image, "plain"), Attach::Kprobe);
    assert_eq!(answer, Answer::Yes(Flavor::Int3(NotOptimized::NotBuiltIn)));
}

#[test]
fn without_ibt_an_endbr_is_an_instruction() {
    let file = Kernel::whole().without(".ibt_endbr_seal").elf();
    let image = Image::parse(&file).unwrap();
    let function = function(&image, "behind_endbr");
    assert_eq!((function.endbr, function.entry()), (false, function.addr));
    assert_eq!(
        image.answer(&function, Attach::Kprobe),
        Answer::Yes(Flavor::Int3(NotOptimized::Unboostable))
    );
    assert_eq!(image.answer(&function, Attach::KprobeMulti), FTRACE);
}

#[test]
fn without_data_symbols_the_call_sites_are_found_and_the_blacklist_is_missed() {
    let file = Kernel::whole().stripped();
    let image = Image::parse(&file).unwrap();
    assert_eq!(image.symbols().source(), SymbolSource::Kallsyms);
    let whole = Kernel::whole()
        .call_sites
        .iter()
        .filter(|site| **site < INIT)
        .count();
    assert_eq!(
        (image.call_sites().len(), image.zeroed_call_sites()),
        (whole + 300, 2)
    );
    let traced = function(&image, "filler_7");
    assert_eq!(traced.call_site.map(|site| site.addr), Some(traced.addr));
    assert_eq!(
        image.site(traced.addr),
        Answer::No(Refusal::NotBuiltIn(Mechanism::KprobesOnFtrace))
    );
    assert_eq!(
        image.site(traced.addr + 5),
        Answer::Depends(Condition::Blacklist)
    );
}

#[test]
fn facts_per_function() {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    let endbr = function(&image, "behind_endbr");
    assert_eq!(
        (endbr.endbr, endbr.size, endbr.region),
        (true, SIZE, Region::Text)
    );
    let site = endbr.call_site.unwrap();
    assert_eq!(
        (site.addr, site.code),
        (endbr.addr + 4, CallCode::Call(endbr.addr + 9))
    );
    assert!(function(&image, "phantom").is_phantom() && !endbr.is_phantom());
    assert_eq!(function(&image, "twice").copies, 2);
    assert_eq!(
        image.suffix(&function(&image, "traced.cold")),
        Some(".cold")
    );
    assert_eq!(function(&image, "enters").region, Region::Entry);
    assert_eq!(function(&image, "starts").region, Region::Init);
}

#[test]
fn sites_of_a_function() {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    let traced = function(&image, "traced");
    let sites: Vec<_> = image
        .sites(&traced)
        .iter()
        .map(|site| (site.offset, site.len, site.answer))
        .collect();
    let int3 = Answer::Yes(Flavor::Int3(NotOptimized::Unboostable));
    let optimized = Answer::Yes(Flavor::Optimized);
    assert_eq!(
        sites,
        [
            (0, 5, FTRACE),
            (5, 1, optimized),
            (6, 3, optimized),
            (9, 4, optimized),
            (13, 1, int3),
            (14, 1, int3)
        ]
    );
    assert_eq!(
        image.site(traced.addr + 7),
        Answer::No(Refusal::NotAnInstruction)
    );
    assert_eq!(image.site(traced.addr + 20), Answer::No(Refusal::Trap));
    assert_eq!(image.site(0x1000), Answer::No(Refusal::NotText));
}

#[test_case("behind_endbr", 4, FTRACE, FTRACE; "behind endbr is the entry")]
#[test_case("behind_endbr", 9, Answer::Yes(Flavor::Optimized), Answer::No(Refusal::NotEntry); "further on")]
#[test_case("traced", 7, Answer::No(Refusal::NotAnInstruction), Answer::No(Refusal::NotEntry); "inside an instruction")]
#[test_case("plain", 1, Answer::No(Refusal::Notrace), Answer::No(Refusal::Notrace); "no call site")]
fn probes_at_an_offset(name: &str, offset: u64, kprobe: Answer, kretprobe: Answer) {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    let function = function(&image, name);
    let answer = |attach| image.verdict_at(&function, attach, offset).answer;
    assert_eq!(answer(Attach::Kprobe), kprobe);
    assert_eq!(answer(Attach::Kretprobe), kretprobe);
}

#[test]
fn a_verdict_tells_the_chain_that_led_to_it() {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    let verdict = image.verdict(&function(&image, "listed"), Attach::Kprobe);
    let told: Vec<_> = verdict
        .evidence
        .iter()
        .map(|it| format!("{}: {}", it.asked_by, it.fact))
        .collect();
    assert_eq!(
        told,
        [
            "kallsyms_lookup_size_offset: 0xffffffff810000c0..0xffffffff810000e0 in .text",
            "number_of_same_symbols: no other symbol has this name",
            "ftrace_location: call site at +0x0: call 0xffffffff810000c5",
            "within_kprobe_blacklist: EINVAL: NOKPROBE_SYMBOL() lists it",
        ]
    );
    let Answer::No(refusal) = verdict.answer else {
        panic!("{verdict:?}")
    };
    assert_eq!(refusal.errno(), Errno::Einval);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn damaged_images_do_not_panic(damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)) {
        let mut file = Kernel::whole().elf();
        for (at, value) in damage {
            let at = at.index(file.len());
            file[at] = value;
        }
        if let Ok(image) = Image::parse(&file) {
            for function in image.functions() {
                let _ = image.answers(&function);
                let _ = image.sites(&function);
                let _ = image.verdict(&function, Attach::Fentry);
            }
        }
    }
}
