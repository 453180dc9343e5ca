// SPDX-License-Identifier: GPL-2.0-only
//! The answers for the functions of the toy kernel.

use std::process::Command;

use proptest::prelude::*;
use test_case::test_case;

use nmissed_wire::{AttachType, Flavor};

use crate::testing::damage::{damage, spoil};
use crate::testing::toy::{INIT, Kernel, SIZE, Type};
use crate::testing::toy_module::{compile, run};
use crate::{
    Answer, Arming, Blacklist, CallCode, Condition, Errno, Error, FprobeLookup, Function, Image,
    LookupError, Mechanism, Missing, NotOptimized, Refusal, Region, SymbolSource, Unsupported,
};

fn function(image: &Image<'_>, name: &str) -> Function {
    image
        .functions_named(name)
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("no {name}"))
}

const FTRACE: Answer = Answer::Yes(Arming::Ftrace);
const SHADOWED: Answer = Answer::Depends(Condition::Shadowed);

#[test_case("traced", Flavor::Ftrace, Some(0); "the call site")]
#[test_case("traced", Flavor::Optimized, Some(5); "behind it")]
#[test_case("plain", Flavor::Ftrace, None; "no call site")]
#[test_case("keyed", Flavor::Optimized, None; "not behind a static key")]
#[test_case("jumps_back", Flavor::Int3, Some(0); "before a jump")]
#[test_case("starts_with_call", Flavor::Int3, Some(0); "a call comes back")]
fn a_site_is_picked_that_each_call_passes(name: &str, wanted: Flavor, offset: Option<u32>) {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    let site = image.pick(&function(&image, name), wanted);
    assert_eq!(site.map(|site| site.offset), offset);
}

#[test_case("traced", FTRACE, FTRACE; "a call site")]
#[test_case("behind_endbr", FTRACE, FTRACE; "a call site behind endbr")]
#[test_case("plain", Answer::No(Refusal::Notrace), Answer::Yes(Arming::Optimized); "no call site")]
#[test_case("starts_with_call", Answer::No(Refusal::Notrace), Answer::Yes(Arming::Int3(NotOptimized::Unboostable)); "a call first")]
#[test_case("jumps_back", Answer::No(Refusal::Notrace), Answer::Yes(Arming::Int3(NotOptimized::JumpTarget)); "a loop")]
#[test_case("loops_if_patched", Answer::No(Refusal::Notrace), Answer::Depends(Condition::Alternative); "a loop that boot may remove")]
#[test_case("loops_if_switched", Answer::No(Refusal::Notrace), Answer::Depends(Condition::StaticKey); "a loop that a static key makes")]
#[test_case("calls_if_patched", Answer::No(Refusal::Notrace), Answer::Depends(Condition::Alternative); "a call that boot may remove")]
#[test_case("faults", Answer::No(Refusal::Notrace), Answer::Yes(Arming::Int3(NotOptimized::Faulting)); "an exception entry")]
#[test_case("listed", Answer::No(Refusal::Blacklisted(Blacklist::Listed)), Answer::No(Refusal::Blacklisted(Blacklist::Listed)); "nokprobe with a call site")]
#[test_case("listed.part.0", Answer::No(Refusal::Blacklisted(Blacklist::BaseName)), Answer::No(Refusal::Blacklisted(Blacklist::BaseName)); "part of a blacklisted one")]
#[test_case("traced.cold", Answer::Yes(Arming::Optimized), Answer::Yes(Arming::Optimized); "part of a traced one")]
#[test_case("__pfx_traced", Answer::No(Refusal::Notrace), Answer::No(Refusal::Preamble); "padding with a name")]
#[test_case("warns", Answer::No(Refusal::Notrace), Answer::No(Refusal::Bug); "a bug entry")]
#[test_case("keyed", Answer::No(Refusal::Notrace), Answer::No(Refusal::JumpLabel); "a static key")]
#[test_case("twice", Answer::No(Refusal::AmbiguousName), FTRACE; "two of a name")]
#[test_case("memory_jump", Answer::No(Refusal::Notrace), Answer::No(Refusal::BeyondEmulation); "a jump through memory")]
#[test_case("returns", Answer::No(Refusal::Notrace), Answer::Depends(Condition::ReturnThunk); "a return thunk")]
#[test_case("locks", Answer::No(Refusal::Notrace), Answer::Depends(Condition::SmpLock); "a lock prefix")]
#[test_case("phantom", Answer::Yes(Arming::Optimized), Answer::Yes(Arming::Optimized); "a call site of another function")]
#[test_case("no_instrumentation", Answer::No(Refusal::Notrace), Answer::No(Refusal::Blacklisted(Blacklist::NoinstrText)); "noinstr")]
#[test_case("enters", Answer::No(Refusal::Notrace), Answer::No(Refusal::Blacklisted(Blacklist::EntryText)); "entry text")]
#[test_case("starts", Answer::No(Refusal::Init), Answer::No(Refusal::Init); "init text")]
fn kprobes_by_name_and_by_address(name: &str, by_name: Answer, by_address: Answer) {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    let function = function(&image, name);
    assert_eq!(image.answer(&function, AttachType::Kprobe), by_name);
    assert_eq!(
        image.answer(&function, AttachType::RegisterKprobe),
        by_address
    );
    assert_eq!(image.answers(&function)[2], by_address);
    assert_eq!(image.kprobes_at(&function, &[0]), [by_name]);
}

#[test_case("traced", FTRACE, FTRACE; "a call site")]
#[test_case("listed", FTRACE, Answer::No(Refusal::NoPrototype); "nokprobe does not keep ftrace out")]
#[test_case("plain", Answer::No(Refusal::NoCallSite), Answer::No(Refusal::NothingToPatch); "no call site")]
#[test_case("only_nop", Answer::No(Refusal::NoCallSite), FTRACE; "a nop of five bytes")]
#[test_case("takes_struct", FTRACE, Answer::No(Refusal::Prototype(Unsupported::ArgType)); "a large argument")]
#[test_case("starts", Answer::No(Refusal::FreedCallSite), Answer::No(Refusal::Init); "init text")]
#[test_case("plain_then_traced", SHADOWED, Answer::No(Refusal::NoPrototype); "the first of a name")]
fn kprobe_multi_and_fentry(name: &str, multi: Answer, fentry: Answer) {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    let function = function(&image, name);
    assert_eq!(image.answer(&function, AttachType::KprobeMulti), multi);
    assert_eq!(image.answer(&function, AttachType::Fentry), fentry);
}

#[test_case("traced", FTRACE; "a call site")]
#[test_case("plain", Answer::No(Refusal::NoCallSiteAt(FprobeLookup::Ftrace)); "no call site")]
#[test_case("starts", Answer::No(Refusal::NoCallSiteAt(FprobeLookup::Ftrace)); "init text")]
fn kprobe_multi_by_address(name: &str, answer: Answer) {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    assert_eq!(
        image.kprobe_multi_by_address(&function(&image, name)),
        answer
    );
}

#[test]
fn by_name_kprobe_multi_takes_the_first_that_can_be_traced() {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    let answers = |name| {
        let all = image.functions_named(name);
        all.iter()
            .map(|function| image.answer(function, AttachType::KprobeMulti))
            .collect::<Vec<_>>()
    };
    assert_eq!(answers("plain_then_traced"), [SHADOWED, FTRACE]);
    assert_eq!(answers("twice"), [FTRACE, SHADOWED]);
}

/// The toy kernel as a release of that time.
fn of_release(release: &str) -> Kernel {
    let kernel = Kernel::whole();
    match release {
        "5.10" => kernel
            .without("BPF_TRACE_KPROBE_MULTI")
            .without("arg_flags")
            .without("BPF_TRACE_UPROBE_MULTI")
            .without("BPF_TOKEN_CREATE")
            .without("arch_adjust_kprobe_addr"),
        "6.1" => kernel
            .without("BPF_TRACE_UPROBE_MULTI")
            .without("BPF_TOKEN_CREATE"),
        "6.12" => kernel,
        "6.18" => kernel.with("BPF_TASK_WORK"),
        _ => panic!("no signs of {release}"),
    }
}

const SEVEN: &[Type] = &[Type::Int; 7];
const THIRTEEN_REGISTERS: &[Type] = &[
    Type::Pair,
    Type::Int128,
    Type::Int128,
    Type::Int128,
    Type::Int128,
    Type::Int128,
    Type::Int,
];

const fn prototype(reason: Unsupported) -> Answer {
    Answer::No(Refusal::Prototype(reason))
}

const fn registers(most: u32) -> Answer {
    Answer::No(Refusal::TooManyRegisters(most))
}

#[test_case(&[Type::Pair], [prototype(Unsupported::StructArg), FTRACE, FTRACE, FTRACE]; "a struct")]
#[test_case(&[Type::Either], [prototype(Unsupported::UnionArg), prototype(Unsupported::UnionArg), prototype(Unsupported::UnionArg), FTRACE]; "a union")]
#[test_case(SEVEN, [registers(6), registers(6), FTRACE, FTRACE]; "seven registers")]
#[test_case(&[Type::Int128; 4], [FTRACE, registers(6), FTRACE, FTRACE]; "eight registers of four arguments")]
#[test_case(THIRTEEN_REGISTERS, [prototype(Unsupported::StructArg), registers(6), registers(12), registers(12)]; "thirteen registers")]
#[test_case(&[Type::Int; 12], [prototype(Unsupported::TooManyArgs), registers(6), FTRACE, FTRACE]; "twelve arguments")]
fn arguments_that_a_trampoline_passes(params: &'static [Type], answers: [Answer; 4]) {
    for (release, answer) in ["5.10", "6.1", "6.12", "6.18"].into_iter().zip(answers) {
        let file = of_release(release)
            .typed("traced", Type::Void, params)
            .elf();
        let image = Image::parse(&file).unwrap();
        let traced = function(&image, "traced");
        for attach in [AttachType::Fentry, AttachType::Fexit] {
            assert_eq!(image.answer(&traced, attach), answer, "{release} {attach}");
        }
    }
}

#[test]
fn a_wide_return_is_refused_where_a_program_could_see_it() {
    let wide = Answer::No(Refusal::WideReturn);
    assert_eq!(Refusal::WideReturn.errno(), Errno::Eopnotsupp);
    assert_eq!(Refusal::TooManyRegisters(12).errno(), Errno::Enotsupp);
    let attach_types = [AttachType::Fentry, AttachType::Fexit, AttachType::FmodRet];
    for (kernel, wanted) in [
        (Kernel::whole(), [FTRACE, wide, wide]),
        (Kernel::whole().without("wide returns"), [FTRACE; 3]),
    ] {
        let file = kernel.typed("security_hook", Type::Int128, &[]).elf();
        let image = Image::parse(&file).unwrap();
        let hook = function(&image, "security_hook");
        assert_eq!(attach_types.map(|it| image.answer(&hook, it)), wanted);
    }
}

#[test]
fn of_several_btf_functions_of_a_name_the_first_counts() {
    let kernel = of_release("6.1").typed("traced", Type::Int, SEVEN).typed(
        "traced",
        Type::Int,
        &[Type::Int],
    );
    let file = kernel.elf();
    let image = Image::parse(&file).unwrap();
    let answer = image.answer(&function(&image, "traced"), AttachType::Fentry);
    assert_eq!(answer, registers(6));
}

#[test_case("6.1", FTRACE; "in it")]
#[test_case("5.10", Answer::No(Refusal::NothingToPatch); "at its address")]
fn fentry_finds_a_call_site(release: &str, answer: Answer) {
    let kernel = of_release(release).typed("phantom", Type::Void, &[]);
    let file = kernel.elf();
    let image = Image::parse(&file).unwrap();
    let phantom = function(&image, "phantom");
    assert_eq!(image.answer(&phantom, AttachType::Fentry), answer);
}

#[test]
fn btf_of_another_build_is_said_to_be_that() {
    for (off, missing) in [(0, false), (1, true)] {
        let file = Kernel::whole().with_btf_ids(off).elf();
        let image = Image::parse(&file).unwrap();
        let lacks = image.about(&[]).missing;
        assert_eq!(lacks.contains(&Missing::OwnBtf), missing, "{off}");
        let other = Answer::Depends(Condition::OtherTypes);
        let wanted = if off == 0 { FTRACE } else { other };
        let traced = function(&image, "traced");
        assert_eq!(image.answer(&traced, AttachType::Fentry), wanted);
        assert_eq!(image.answer(&traced, AttachType::Kprobe), FTRACE);
    }
}

#[test]
fn exit_functions_are_refused_as_those_of_init() {
    let file = Kernel::whole().with_exit_text().elf();
    let image = Image::parse(&file).unwrap();
    let exits = function(&image, "exits");
    assert_eq!(
        (exits.region, exits.region.to_string()),
        (Region::Exit, ".exit.text".into())
    );
    let answer = |attach| image.answer(&exits, attach);
    assert_eq!(answer(AttachType::Kprobe), Answer::No(Refusal::Init));
    assert_eq!(
        answer(AttachType::RegisterKprobe),
        Answer::No(Refusal::Init)
    );
    let multi = answer(AttachType::KprobeMulti);
    assert_eq!(multi, Answer::No(Refusal::FreedCallSite));
    assert_eq!(
        (Refusal::Init.errno(), Refusal::FreedCallSite.errno()),
        (Errno::Einval, Errno::Esrch)
    );
    assert!(!image.traceable_functions().any(|it| it.1 == "exits"));
}

#[test]
fn a_file_of_debug_information_alone_names_the_file_with_the_text() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name| dir.path().join(name);
    compile("int traced(int n) { return n + 1; }", &path("it.o"));
    run(Command::new("ld")
        .args([
            "-e",
            "0",
            "--unresolved-symbols=ignore-all",
            "--build-id=0x000102030405060708090a0b0c0d0e0f10111213",
            "-o",
        ])
        .args([path("vmlinux"), path("it.o")]));
    run(Command::new("objcopy")
        .arg("--only-keep-debug")
        .args([path("vmlinux"), path("vmlinux.debug")]));
    let error = Image::parse(&std::fs::read(path("vmlinux.debug")).unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "only debug information: the text has no bytes in this file (NOBITS); \
         inspect the file that it was split from, with build ID \
         000102030405060708090a0b0c0d0e0f10111213"
    );
    run(Command::new("objcopy")
        .arg("--only-keep-debug")
        .args([path("it.o"), path("it.debug")]));
    let error = Image::parse(&std::fs::read(path("it.debug")).unwrap()).unwrap_err();
    assert!(matches!(error, Error::NoText { build_id: None }), "{error}");
}

#[test]
fn kretprobes_are_there_whatever_their_trampoline_is_called() {
    let file = of_release("5.10").elf();
    let image = Image::parse(&file).unwrap();
    assert!(image.features().kretprobes && image.features().early_insn_rules);
    let answer = image.answer(&function(&image, "traced"), AttachType::Kretprobe);
    assert_eq!(answer, FTRACE);
}

#[test]
fn a_kernel_older_than_kprobe_multi_refuses_its_attach_type() {
    let file = of_release("5.10").without("register_fprobe").elf();
    let image = Image::parse(&file).unwrap();
    let traced = function(&image, "traced");
    let wanted = Answer::No(Refusal::NoKprobeMulti);
    assert_eq!(image.answer(&traced, AttachType::KprobeMulti), wanted);
    assert_eq!(image.kprobe_multi_by_address(&traced), wanted);
    assert_eq!(Refusal::NoKprobeMulti.errno(), Errno::Einval);
}

#[test]
fn fmod_ret_takes_security_hooks_only() {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    assert_eq!(
        image.answer(&function(&image, "security_hook"), AttachType::FmodRet),
        FTRACE
    );
    assert_eq!(
        image.answer(&function(&image, "traced"), AttachType::FmodRet),
        Answer::No(Refusal::NotInjectable)
    );
}

#[test_case("kprobe_ftrace_handler", AttachType::Kprobe, Answer::No(Refusal::NotBuiltIn(Mechanism::KprobesOnFtrace)); "ftrace based kprobes")]
#[test_case("create_local_trace_kprobe", AttachType::Kprobe, Answer::No(Refusal::NotBuiltIn(Mechanism::KprobeEvents)); "kprobe events")]
#[test_case("register_kretprobe", AttachType::Kretprobe, Answer::No(Refusal::NotBuiltIn(Mechanism::Kretprobes)); "kretprobes")]
#[test_case("register_fprobe", AttachType::KprobeMulti, Answer::No(Refusal::NotBuiltIn(Mechanism::Fprobe)); "fprobe")]
#[test_case("register_ftrace_direct", AttachType::Fentry, Answer::No(Refusal::NotBuiltIn(Mechanism::DirectCalls)); "direct calls")]
fn what_is_not_built_in_is_refused(symbol: &'static str, attach: AttachType, answer: Answer) {
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
    let answer = image.answer(&function(&image, "plain"), AttachType::Kprobe);
    assert_eq!(answer, Answer::Yes(Arming::Int3(NotOptimized::NotBuiltIn)));
}

#[test]
fn without_ibt_an_endbr_is_an_instruction() {
    let file = Kernel::whole().without(".ibt_endbr_seal").elf();
    let image = Image::parse(&file).unwrap();
    let function = function(&image, "behind_endbr");
    assert_eq!((function.endbr, function.entry()), (false, function.addr));
    assert_eq!(
        image.answer(&function, AttachType::Kprobe),
        Answer::Yes(Arming::Int3(NotOptimized::Unboostable))
    );
    assert_eq!(image.answer(&function, AttachType::KprobeMulti), FTRACE);
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
    let int3 = Answer::Yes(Arming::Int3(NotOptimized::Unboostable));
    let optimized = Answer::Yes(Arming::Optimized);
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
    let cc = function(&image, "ends_in_cc").addr;
    assert_eq!(image.site(cc + 1), Answer::No(Refusal::NotAnInstruction));
    assert_eq!(image.site(cc + 2), Answer::No(Refusal::Trap));
    assert_eq!(image.site(0x1000), Answer::No(Refusal::NotText));
}

#[test_case("behind_endbr", 4, FTRACE, FTRACE; "behind endbr is the entry")]
#[test_case("behind_endbr", 9, Answer::Yes(Arming::Optimized), Answer::No(Refusal::NotEntry); "further on")]
#[test_case("traced", 7, Answer::No(Refusal::NotAnInstruction), Answer::No(Refusal::NotEntry); "inside an instruction")]
#[test_case("plain", 1, Answer::No(Refusal::Notrace), Answer::No(Refusal::Notrace); "no call site")]
fn probes_at_an_offset(name: &str, offset: u64, kprobe: Answer, kretprobe: Answer) {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    let function = function(&image, name);
    let answer = |attach| image.explain_at(&function, attach, offset).answer;
    assert_eq!(answer(AttachType::Kprobe), kprobe);
    assert_eq!(answer(AttachType::Kretprobe), kretprobe);
}

/// The fuzzer's: it was one past the last address.
#[test]
fn the_last_address_is_one_like_others() {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    let plain = function(&image, "plain");
    let explanation = image.explain_at(&plain, AttachType::RegisterKprobe, u64::MAX);
    assert_eq!(explanation.answer, Answer::Depends(Condition::Decoder));
}

#[test]
fn an_explanation_has_its_facts_in_the_order_of_the_checks() {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    let explanation = image.explain(&function(&image, "listed"), AttachType::Kprobe);
    let facts: Vec<_> = explanation
        .evidence
        .iter()
        .map(|it| format!("{}: {}", it.asked_by, it.fact))
        .collect();
    assert_eq!(
        facts,
        [
            "kallsyms_lookup_size_offset: 0xffffffff810000e0, 32 bytes in .text",
            "number_of_same_symbols: no other symbol has this name",
            "ftrace_location: call site at +0x0: call 0xffffffff810000e5",
            "within_kprobe_blacklist: EINVAL: NOKPROBE_SYMBOL() lists it",
        ]
    );
    let Answer::No(refusal) = explanation.answer else {
        panic!("{explanation:?}")
    };
    assert_eq!(refusal.errno(), Errno::Einval);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn damaged_images_do_not_panic(damage in damage(1..12)) {
        let mut file = Kernel::whole().elf();
        spoil(&mut file, &damage);
        if let Ok(image) = Image::parse(&file) {
            let functions = image.functions();
            let _ = image.summary(&functions, true);
            let _ = image.traceable_functions().count();
            let _ = image.diff(&image, String::new(), image.about(&[]), &[]);
            let _ = image.look_up(&functions, &"tracde".parse().unwrap());
            for function in functions {
                let _ = image.answers(&function);
                let _ = image.sites(&function);
                let _ = image.explain(&function, AttachType::Fentry);
            }
        }
    }
}

#[test_case("tracde", &["traced"]; "letters swapped")]
#[test_case("listed.part.1", &["listed", "listed.part.0"]; "another part")]
#[test_case("xyzzy", &[]; "nothing like it")]
fn similar_names_are_suggested(name: &str, wanted: &[&str]) {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    let found = image.look_up(&image.functions(), &name.parse().unwrap());
    let Err(LookupError::Unknown { near, .. }) = found else {
        panic!("{found:?}")
    };
    assert_eq!(near, wanted);
}

#[test]
fn what_is_no_place_in_a_function_is_told_apart() {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    let error = |text: &str| {
        let found = image.look_up(&image.functions(), &text.parse().unwrap());
        found.unwrap_err().to_string()
    };
    assert_eq!(
        error("plain+32"),
        "`plain+0x20` is past the end of the function, which has 0x20 bytes"
    );
    assert_eq!(
        error("register_fprobe"),
        "`register_fprobe` is a symbol, but not one of a function in the kernel's text"
    );
}

#[test]
fn traceable_functions_have_a_call_site_of_their_own() {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    let traceable: Vec<_> = image.traceable_functions().map(|it| it.1).collect();
    assert_eq!(
        traceable,
        [
            // _stext is at the same address, and comes first.
            "_stext",
            "behind_endbr",
            "listed",
            "twice",
            "plain_then_traced",
            "takes_struct",
            "security_hook"
        ]
    );
    let behind = image.functions_named("behind_endbr")[0].entry();
    let first = image.traceable_functions().nth(1).unwrap();
    assert_eq!(first, (behind, "behind_endbr".into()));
}

#[test_case("traced", "EINVAL", "ftrace"; "a call site")]
#[test_case("plain", "EINVAL", "EINVAL"; "no call site")]
#[test_case("starts", "EINVAL", "EINVAL"; "freed after boot")]
#[test_case("twice", "EADDRNOTAVAIL", "EINVAL"; "two of a name")]
fn override_and_livepatch(name: &str, override_return: &str, livepatch: &str) {
    let answers = |kernel: Kernel| {
        let file = kernel.elf();
        let image = Image::parse(&file).unwrap();
        let function = image.functions_named(name)[0];
        let answers = [image.override_return(&function), image.livepatch(&function)];
        answers.map(Answer::label)
    };
    assert_eq!(answers(Kernel::whole()), [override_return, livepatch]);
    let without = Kernel::whole().without("klp_enable_patch");
    assert_eq!(answers(without), [override_return, "ENOENT"]);
}

#[test]
fn call_sites_of_dropped_functions_have_the_name_before_them_up_to_5_19() {
    let file = Kernel::whole().without("dropped names").elf();
    let image = Image::parse(&file).unwrap();
    let phantom = image.functions_named("phantom")[0].addr + 16;
    let mut traceable = image.traceable_functions();
    assert!(traceable.any(|it| it == (phantom, "phantom".into())));
}

#[test]
fn a_diff_of_some_functions_leaves_the_others_aside() {
    let (old, new) = (Kernel::whole().elf(), Kernel::later().elf());
    let (old, new) = (Image::parse(&old).unwrap(), Image::parse(&new).unwrap());
    let diff = old.diff(&new, String::new(), new.about(&[]), &["plain", "faults"]);
    assert_eq!(
        (diff.gained.len(), diff.lost),
        (0, vec!["faults".to_owned()])
    );
    assert_eq!(
        (diff.renamed[0].from.as_str(), diff.renamed.len()),
        ("plain", 1)
    );
    assert!(diff.changed.iter().all(|(_, changes)| changes.is_empty()));
}

#[test]
fn an_image_does_not_differ_from_itself() {
    let file = Kernel::whole().elf();
    let image = Image::parse(&file).unwrap();
    let diff = image.diff(&image, String::new(), image.about(&[]), &[]);
    let names = [diff.gained, diff.lost, diff.ambiguous, diff.unambiguous];
    assert!(names.iter().all(Vec::is_empty) && diff.renamed.is_empty());
    assert!(diff.changed.iter().all(|(_, changes)| changes.is_empty()));
}
