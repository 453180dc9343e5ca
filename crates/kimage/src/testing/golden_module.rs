// SPDX-License-Identifier: GPL-2.0-only
//! What becomes of probes on the functions of the toy module, by itself and
//! with the toy kernel.

use goblin::elf::section_header::{SHT_NOBITS, SHT_REL};
use proptest::prelude::*;
use test_case::test_case;

use nmissed_wire::AttachType;

use crate::testing::damage::{damage, spoil};
use crate::testing::toy::Kernel;
use crate::testing::toy_module::{toy_module, toy_module_apart, toy_module_without_btf};
use crate::{
    Answer, Arming, Blacklist, Condition, Detail, Document, Errno, Error, Function, Image,
    LookupError, NotOptimized, Refusal, Region, Unsupported, render,
};

const FTRACE: Answer = Answer::Yes(Arming::Ftrace);
const MAYBE_FTRACE: Answer = Answer::Depends(Condition::Loader(Arming::Ftrace));
const SHARED: Answer = Answer::No(Refusal::SharedName);
const MAYBE_NOTRACE: Answer = Answer::Depends(Condition::NotraceAllowed);

fn function(image: &Image<'_>, name: &str) -> Function {
    let found = image.functions_named(name);
    *found.first().unwrap_or_else(|| panic!("no {name}"))
}

/// What is asked of the module alone, and of the module with the toy kernel.
fn answers(name: &str, attach: AttachType) -> [Answer; 2] {
    let (file, kernel) = (toy_module(), Kernel::whole().elf());
    let kernel = Image::parse(&kernel).unwrap();
    let alone = Image::parse(&file).unwrap();
    let loaded = Image::parse_module(&file, &kernel).unwrap();
    [alone, loaded].map(|image| image.answer(&function(&image, name), attach))
}

fn blacklisted(rule: Blacklist) -> Answer {
    Answer::No(Refusal::Blacklisted(rule))
}

#[test_case("first", [MAYBE_FTRACE, FTRACE]; "a call site")]
#[test_case("behind_endbr", [MAYBE_FTRACE, SHARED]; "a name of the kernel, too")]
#[test_case("plain", [MAYBE_NOTRACE, SHARED]; "no call site")]
#[test_case("first.cold", [Answer::Depends(Condition::Loader(Arming::Optimized)), Answer::Yes(Arming::Optimized)]; "part of a traced one")]
#[test_case("plain.part.0", [MAYBE_NOTRACE, Answer::No(Refusal::Notrace)]; "part of one that is not")]
#[test_case("listed", [blacklisted(Blacklist::Listed), SHARED]; "nokprobe")]
#[test_case("listed.part.0", [blacklisted(Blacklist::BaseName), SHARED]; "part of nokprobe")]
#[test_case("no_instrumentation.cold", [Answer::Depends(Condition::Loader(Arming::Optimized)), Answer::No(Refusal::Notrace)]; "the kernel has the base name, without a call site")]
#[test_case("not_instrumented", [blacklisted(Blacklist::NoinstrText); 2]; "noinstr")]
#[test_case("twice", [Answer::Depends(Condition::NamesUnique), Answer::No(Refusal::AmbiguousName)]; "two of a name")]
#[test_case("takes_struct", [MAYBE_FTRACE, SHARED]; "the kernel has the name, too")]
#[test_case("init_module", [Answer::No(Refusal::ModuleInit); 2]; "init")]
#[test_case("cleanup_module", [MAYBE_FTRACE, FTRACE]; "exit")]
fn kprobes_by_name(name: &str, wanted: [Answer; 2]) {
    assert_eq!(answers(name, AttachType::Kprobe), wanted);
}

#[test_case("first", [MAYBE_FTRACE, FTRACE]; "a call site")]
#[test_case("plain", [Answer::Depends(Condition::Loader(Arming::Optimized)), Answer::Yes(Arming::Optimized)]; "no call site")]
#[test_case("keyed", [Answer::No(Refusal::JumpLabel); 2]; "a static key")]
#[test_case("calls", [Answer::No(Refusal::StaticCall); 2]; "a static call")]
#[test_case("warns", [Answer::No(Refusal::Bug); 2]; "a bug entry")]
#[test_case("faults", [Answer::Depends(Condition::Loader(Arming::Int3(NotOptimized::Faulting))), Answer::Yes(Arming::Int3(NotOptimized::Faulting))]; "an exception entry")]
#[test_case("locks", [Answer::Depends(Condition::SmpLock); 2]; "a lock prefix")]
#[test_case("returns", [Answer::Depends(Condition::ReturnThunk); 2]; "a return thunk")]
#[test_case("no_instrumentation.cold", [Answer::Depends(Condition::Loader(Arming::Optimized)), blacklisted(Blacklist::BaseName)]; "the kernel has the base name, blacklisted")]
#[test_case("no_kprobes", [blacklisted(Blacklist::KprobesText); 2]; "kprobes text")]
#[test_case("__pfx_last", [Answer::No(Refusal::Preamble); 2]; "padding with a name")]
fn kprobes_by_address(name: &str, wanted: [Answer; 2]) {
    assert_eq!(answers(name, AttachType::RegisterKprobe), wanted);
}

#[test_case("first", [MAYBE_FTRACE, FTRACE]; "a call site")]
#[test_case("listed", [MAYBE_FTRACE, Answer::Depends(Condition::Shadowed)]; "the kernel has one of the name")]
#[test_case("plain", [Answer::No(Refusal::NoCallSite); 2]; "no call site")]
#[test_case("init_module", [Answer::No(Refusal::FreedCallSite); 2]; "init")]
#[test_case("twice", [MAYBE_FTRACE, Answer::Depends(Condition::Shadowed)]; "two of a name")]
fn kprobe_multi(name: &str, wanted: [Answer; 2]) {
    assert_eq!(answers(name, AttachType::KprobeMulti), wanted);
}

#[test_case("first", [Answer::Depends(Condition::Types), FTRACE]; "a call site")]
#[test_case("listed", [Answer::Depends(Condition::Types), Answer::No(Refusal::NoPrototype)]; "no prototype")]
#[test_case("large_argument", [Answer::Depends(Condition::Types), Answer::No(Refusal::Prototype(Unsupported::ArgType))]; "a large argument")]
#[test_case("only_nop", [Answer::No(Refusal::NotTraceable); 2]; "a nop of five bytes")]
#[test_case("init_module", [Answer::No(Refusal::ModuleInit); 2]; "init")]
fn fentry(name: &str, wanted: [Answer; 2]) {
    assert_eq!(answers(name, AttachType::Fentry), wanted);
}

#[test]
fn fmod_ret_takes_what_is_listed() {
    let depends = Answer::Depends(Condition::Types);
    assert_eq!(
        answers("injectable", AttachType::FmodRet),
        [depends, FTRACE]
    );
    let refused = Answer::No(Refusal::NotInjectable);
    assert_eq!(answers("first", AttachType::FmodRet), [refused; 2]);
}

#[test_case(Kernel::whole(), SHARED; "both are counted")]
#[test_case(Kernel::whole().with("BPF_TRACE_FSESSION"), Answer::Depends(Condition::KernelName); "the kernel may be first")]
#[test_case(Kernel::whole().without("count_symbols"), Answer::Depends(Condition::KernelName); "the first is taken")]
fn a_name_that_the_kernel_has_too(kernel: Kernel, wanted: Answer) {
    let (file, kernel) = (toy_module(), kernel.elf());
    let kernel = Image::parse(&kernel).unwrap();
    let image = Image::parse_module(&file, &kernel).unwrap();
    let endbr = function(&image, "behind_endbr");
    assert_eq!(image.answer(&endbr, AttachType::Kprobe), wanted);
    assert_eq!(Refusal::SharedName.errno(), Errno::Eaddrnotavail);
    let fact = |name| {
        let explained = image.explain(&function(&image, name), AttachType::Kprobe);
        let fact = |it: &&crate::Evidence| it.asked_by == "number_of_same_symbols";
        explained.evidence.iter().find(fact).unwrap().fact.clone()
    };
    assert_eq!(fact("behind_endbr"), "the kernel has 1 of this name, too");
    assert_eq!(fact("first"), "no other symbol of the module has this name");
}

#[test]
fn types_of_its_own_need_no_kernel() {
    let apart = toy_module_apart();
    let image = Image::parse(&apart).unwrap();
    let answer = |name| image.answer(&function(&image, name), AttachType::Fentry);
    assert_eq!(answer("first"), MAYBE_FTRACE);
    assert_eq!(answer("listed"), Answer::No(Refusal::NoPrototype));
    let large = Refusal::Prototype(Unsupported::ArgType);
    assert_eq!(answer("large_argument"), Answer::No(large));
}

#[test]
fn no_types_are_none_whatever_the_kernel() {
    let file = toy_module_without_btf();
    let image = Image::parse(&file).unwrap();
    let answer = image.answer(&function(&image, "first"), AttachType::Fentry);
    assert_eq!(answer, Answer::No(Refusal::NoPrototype));
    assert!(image.about(&[]).missing.contains(&crate::Missing::Btf));
}

#[test]
fn what_the_kernel_lacks_its_modules_lack() {
    let file = toy_module();
    let kernel = Kernel::whole()
        .without("register_fprobe")
        .without("notrace");
    let kernel = kernel.elf();
    let kernel = Image::parse(&kernel).unwrap();
    let image = Image::parse_module(&file, &kernel).unwrap();
    let answer = |name, attach| image.answer(&function(&image, name), attach);
    let refused = Refusal::NotBuiltIn(crate::Mechanism::Fprobe);
    assert_eq!(
        answer("first", AttachType::KprobeMulti),
        Answer::No(refused)
    );
    let plain = answer("plain", AttachType::RegisterKprobe);
    assert_eq!(plain, Answer::Yes(Arming::Optimized));
}

#[test]
fn a_function_ends_where_the_next_symbol_or_the_text_does() {
    let file = toy_module();
    let image = Image::parse(&file).unwrap();
    let size = |name| function(&image, name).size;
    assert_eq!((size("plain"), size("behind_endbr")), (16, 32));
    let cleanup = function(&image, "cleanup_module");
    assert_eq!(cleanup.range().end % 4096, 0);
    assert_eq!(cleanup.region, Region::Text);
    assert_eq!(function(&image, "init_module").region, Region::Init);
    // What pads the last page is no instruction.
    let sites = image.sites(&cleanup);
    assert_eq!(
        sites.last().map(|site| (site.offset, site.len)),
        Some((28, 7))
    );
    assert!(
        image
            .sites(&function(&image, "last"))
            .iter()
            .all(|site| site.offset < 16)
    );
}

#[test]
fn traceable_functions_have_the_modules_name() {
    let file = toy_module();
    let image = Image::parse(&file).unwrap();
    let traceable: Vec<_> = image.traceable_functions().map(|it| it.1).collect();
    assert_eq!(traceable[..2], ["first [toymod]", "behind_endbr [toymod]"]);
    assert!(!traceable.iter().any(|name| name.starts_with("init_module")));
}

#[test]
fn a_symbol_of_another_is_no_function() {
    let file = toy_module();
    let image = Image::parse(&file).unwrap();
    let look = |name: &str| image.look_up(&image.functions(), &name.parse().unwrap());
    assert!(matches!(
        look("elsewhere"),
        Err(LookupError::Unknown { .. })
    ));
    assert!(matches!(
        look("variable"),
        Err(LookupError::NotAFunction(_))
    ));
}

#[test]
fn who_loads_it_must_fit() {
    let (file, kernel) = (toy_module(), Kernel::whole().elf());
    let (module, kernel) = (Image::parse(&file).unwrap(), Image::parse(&kernel).unwrap());
    assert!(module.is_module() && !kernel.is_module());
    let no_kernel = Image::parse_module(&file, &module);
    assert!(matches!(no_kernel, Err(Error::NoKernel)));
    let elf = Kernel::whole().elf();
    let no_module = Image::parse_module(&elf, &kernel);
    assert!(matches!(no_module, Err(Error::NoModule)));
    let other = replaced(&file, b"vermagic=6.12", b"vermagic=6.13");
    let error = Image::parse_module(&other, &kernel).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a module of Linux 6.13.0-toy, but the kernel given is 6.12.0-toy"
    );
}

fn replaced(file: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    let at = memchr::memmem::find(&file, from).unwrap();
    file[at..at + to.len()].copy_from_slice(to);
    file
}

#[test_case("module_summary", &[], false; "summary")]
#[test_case("module_why", &["behind_endbr", "plain"], true; "why")]
fn in_80_columns(name: &str, queries: &[&str], why: bool) {
    let (file, kernel) = (toy_module(), Kernel::whole().elf());
    let kernel = Image::parse(&kernel).unwrap();
    let alone = Image::parse(&file).unwrap();
    let loaded = Image::parse_module(&file, &kernel).unwrap();
    let told = [alone, loaded].map(|image| {
        let functions = image.functions();
        let detail = Detail { why, sites: false };
        let reports = queries.iter().flat_map(|query| {
            let query = query.parse().unwrap();
            image.report(&functions, &query, detail).unwrap()
        });
        render(&Document {
            file: "toymod.ko".to_owned(),
            about: image.about(&[crate::Layer::Signature]),
            functions: reports.collect(),
            summary: queries.is_empty().then(|| image.summary(&functions, false)),
            diff: None,
            makefiles: None,
            all: false,
        })
    });
    let text = told.join("\n---\n\n");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    insta::assert_snapshot!(name, text);
}

// Fields of Elf64_Shdr.
const TYPE: usize = 4;
const OFFSET: usize = 24;
const SIZE: usize = 32;
const INFO: usize = 44;
const ALIGN: usize = 48;

/// Where the header of a section is.
fn header(file: &[u8], name: &str) -> usize {
    let elf = goblin::elf::Elf::parse(file).unwrap();
    let named = |section: &goblin::elf::SectionHeader| {
        elf.shdr_strtab.get_at(section.sh_name) == Some(name)
    };
    let index = elf.section_headers.iter().position(named).unwrap();
    elf.header.e_shoff as usize + 64 * index
}

/// The module with one field of a section's header changed.
fn with_field(section: &str, field: usize, value: u64) -> Vec<u8> {
    let mut file = toy_module();
    let at = header(&file, section) + field;
    let len = if matches!(field, TYPE | INFO) { 4 } else { 8 };
    file[at..at + len].copy_from_slice(&value.to_le_bytes()[..len]);
    file
}

/// The module with a field of two bytes of the ELF header changed.
fn with_header(at: usize, value: u16) -> Vec<u8> {
    let mut file = toy_module();
    file[at..at + 2].copy_from_slice(&value.to_le_bytes());
    file
}

/// The module with a part of the first relocation of the text changed.
fn with_relocation(part: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = toy_module();
    let at = header(&file, ".rela.text") + OFFSET;
    let table = u64::from_le_bytes(file[at..at + 8].try_into().unwrap());
    file[table as usize + part..][..bytes.len()].copy_from_slice(bytes);
    file
}

#[test_case(with_field(".bss", SIZE, 1 << 42), "more memory than there is"; "terabytes of nothing")]
#[test_case(with_field(".text", SIZE, 1 << 42), "more memory than there is"; "terabytes of text")]
#[test_case(with_field(".text", SIZE, u64::MAX), "more memory than there is"; "all addresses")]
#[test_case(with_field(".text", OFFSET, 1 << 42), "module section at 0x40000000000 is cut off"; "text past the end")]
#[test_case(with_field(".text", SIZE, 1 << 20), "overlap in the file"; "more text than file")]
#[test_case(with_field(".rela.text", SIZE, 1 << 42), "overlap in the file"; "more relocations than file")]
#[test_case(with_field(".rela.text", OFFSET, 1 << 42), "module relocations at 0x40000000000 is cut off"; "relocations past the end")]
#[test_case(with_field(".data", ALIGN, 3), "no power of two"; "odd alignment")]
#[test_case(with_field(".data", ALIGN, 1 << 25), "far more memory than the file"; "wide alignment")]
#[test_case(with_field(".data", ALIGN, 1 << 63), "more memory than there is"; "endless alignment")]
#[test_case(with_field(".rela.text", TYPE, SHT_REL.into()), "the kernel wants addends"; "no addends")]
#[test_case(with_header(60, 0), "no kernel loads it (ENOEXEC)"; "their number elsewhere")]
#[test_case(with_header(62, 0xffff), "no kernel loads it (ENOEXEC)"; "their names elsewhere")]
#[test_case(with_relocation(0, &u64::MAX.to_le_bytes()), "relocation 0 of .text: it is past the end of the section"; "far offset")]
#[test_case(with_relocation(0, &0_u64.to_le_bytes()), "relocation 0 of .text: what it would replace is not zero"; "onto an instruction")]
#[test_case(with_relocation(8, &9_u32.to_le_bytes()), "relocation 0 of .text: the kernel knows no relocation of its type"; "unknown type")]
#[test_case(with_relocation(12, &u32::MAX.to_le_bytes()), "relocation 0 of .text: there is no such symbol"; "unknown symbol")]
fn what_no_kernel_would_load_is_refused(file: Vec<u8>, why: &str) {
    let error = Image::parse(&file).unwrap_err().to_string();
    assert!(error.contains(why), "{error}");
}

#[test]
fn relocations_of_nothing_are_left_aside() {
    // As apply_relocations() does.
    let file = with_field(".rela__mcount_loc", INFO, 1000);
    assert!(Image::parse(&file).unwrap().call_sites().is_empty());
    let file = with_field("__mcount_loc", TYPE, SHT_NOBITS.into());
    assert!(Image::parse(&file).unwrap().call_sites().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    #[test]
    fn damaged_modules_do_not_panic(all in prop::collection::vec(damage(1..8), 20)) {
        let file = toy_module();
        for damage in all {
            let mut file = file.clone();
            spoil(&mut file, &damage);
            if let Ok(image) = Image::parse(&file) {
                let functions = image.functions();
                let _ = image.summary(&functions, true);
                let _ = image.traceable_functions().count();
                for function in functions {
                    let _ = image.explain(&function, AttachType::Kprobe);
                    let _ = image.explain(&function, AttachType::Fentry);
                }
            }
        }
    }
}

#[test]
fn a_probe_on_an_endbr_is_one_behind_it() {
    let file = toy_module();
    let image = Image::parse(&file).unwrap();
    let endbr = function(&image, "behind_endbr");
    let site = image.site(endbr.addr);
    assert_eq!(site, Answer::Depends(Condition::Loader(Arming::Ftrace)));
}
