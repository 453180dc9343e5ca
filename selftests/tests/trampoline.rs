// SPDX-License-Identifier: GPL-2.0-only
//! Programs that a trampoline calls, before and after a function that programs of any
//! kind call: the kfunc `bpf_modify_return_test_tp`, or a helper before 6.10.

use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use libbpf_rs::skel::OpenSkel;
use libbpf_rs::{OpenObject, ProgramMut};
use nmissed_selftests::AttachType::{self, Kprobe, KprobeMulti};
use nmissed_selftests::needs::{
    COPY_NOFAULT, FENTRY_TEST1, FPROBE, KFUNC, KernelFunction, NO_CALL_SITE,
};
use nmissed_selftests::skel::trampoline::types::{bss as Variables, runs as Runs};
use nmissed_selftests::skel::trampoline::{TrampolineProgs, TrampolineSkel, TrampolineSkelBuilder};
use nmissed_selftests::skel::{keep_only, load_with};
use nmissed_selftests::{
    KprobeEvent, Probe, Scenario, Target, Test, attach_outer, fire, for_tracing_multi, outer_needs,
    outer_program, run_test, scenario, variables,
};
use nmissed_uapi::{
    attach_tracing_multi, attach_trampoline, load_nothing, load_nothing_for_tracing_multi,
};
use test_case::{test_case, test_matrix};

/// Where programs around them sit.
const OUTER: &str = FENTRY_TEST1.name;

/// A program of bpf/trampoline.bpf.c.
#[derive(Clone, Copy)]
struct Trampoline {
    attach_type: AttachType,
    name: &'static str,
    program: for<'p, 'obj> fn(&'p TrampolineProgs<'obj>) -> &'p ProgramMut<'obj>,
    runs: fn(&Runs) -> &u64,
    /// Of a session: its runs on return.
    returns: Option<fn(&Runs) -> &u64>,
}

const FENTRY: Trampoline = Trampoline {
    attach_type: AttachType::Fentry,
    name: "fentry",
    program: |progs| &progs.fentry,
    runs: |runs| &runs.fentry,
    returns: None,
};
const FEXIT: Trampoline = Trampoline {
    attach_type: AttachType::Fexit,
    name: "fexit",
    program: |progs| &progs.fexit,
    runs: |runs| &runs.fexit,
    returns: None,
};
const FMOD_RET: Trampoline = Trampoline {
    attach_type: AttachType::FmodRet,
    name: "fmod_ret",
    program: |progs| &progs.fmod_ret,
    runs: |runs| &runs.fmod_ret,
    returns: None,
};
const FSESSION: Trampoline = Trampoline {
    attach_type: AttachType::Fsession,
    name: "fsession",
    program: |progs| &progs.fsession,
    runs: |runs| &runs.fsession,
    returns: Some(|runs| &runs.fsession_return),
};
const FENTRY_MULTI: Trampoline = Trampoline {
    attach_type: AttachType::FentryMulti,
    name: "fentry_multi",
    program: |progs| &progs.fentry_multi,
    runs: |runs| &runs.fentry_multi,
    returns: None,
};
const FEXIT_MULTI: Trampoline = Trampoline {
    attach_type: AttachType::FexitMulti,
    name: "fexit_multi",
    program: |progs| &progs.fexit_multi,
    runs: |runs| &runs.fexit_multi,
    returns: None,
};
const FSESSION_MULTI: Trampoline = Trampoline {
    attach_type: AttachType::FsessionMulti,
    name: "fsession_multi",
    program: |progs| &progs.fsession_multi,
    runs: |runs| &runs.fsession_multi,
    returns: Some(|runs| &runs.fsession_multi_return),
};

const ALL: [Trampoline; 7] = [
    FENTRY,
    FEXIT,
    FMOD_RET,
    FSESSION,
    FENTRY_MULTI,
    FEXIT_MULTI,
    FSESSION_MULTI,
];

/// Returns those that the kernel is new enough for, and that it lets on the function: a
/// fmod_ret program fits on the kfunc only.
fn supported(test: &Test) -> Result<Vec<Trampoline>> {
    let on_any_function = |it: &Trampoline| it.attach_type != AttachType::FmodRet;
    let kfunc = test.has(&KFUNC)?;
    let all = ALL.into_iter().filter(|it| kfunc || on_any_function(it));
    Ok(all.filter(|it| test.supports(it.attach_type)).collect())
}

impl Trampoline {
    fn is_multi(&self) -> bool {
        self.attach_type.name().ends_with(".multi")
    }

    /// Attaches the program; `what` happens is the end of the scenario's id.
    fn attach<'p, 'obj>(
        &self,
        test: &Test,
        skel: &'p TrampolineSkel<'obj>,
        what: &str,
        hits: u64,
    ) -> Result<Scenario<'p, 'obj>> {
        let callee = test.callee()?;
        let number = || anyhow::Ok((test.number_of(self.attach_type)?, test.btf_id(callee)?));
        let target = Target {
            btf_ids: self.is_multi().then(number).transpose()?,
            ..Target::function(callee.name)
        };
        let runs = &variables!(skel).runs;
        let probe = Probe::attach(self.attach_type, (self.program)(&skel.progs), &target)?;
        let id = format!("{}/{what}", self.attach_type);
        let it = scenario(id, probe.hit_per_trigger(hits), (self.runs)(runs));
        Ok(match self.returns {
            Some(returns) => it.session(returns(runs)),
            None => it,
        })
    }
}

fn attach_all<'p, 'obj>(
    programs: &[Trampoline],
    test: &Test,
    skel: &'p TrampolineSkel<'obj>,
    what: &str,
) -> Result<Vec<Scenario<'p, 'obj>>> {
    let all = programs.iter();
    all.map(|it| it.attach(test, skel, what, 1)).collect()
}

/// Loads these programs, and some others, with variables set by `set`.
fn load<'obj>(
    test: &Test,
    storage: &'obj mut MaybeUninit<OpenObject>,
    programs: &[Trampoline],
    others: &[&str],
    set: impl FnOnce(&mut Variables),
) -> Result<TrampolineSkel<'obj>> {
    let names: Vec<_> = programs.iter().map(|it| it.name).collect();
    load_with(TrampolineSkelBuilder::default(), storage, |open| {
        keep_only(open, &[&names, others].concat());
        for trampoline in programs {
            let mut all = open.open_object_mut().progs_mut();
            let mut program = all
                .find(|program| program.name() == trampoline.name)
                .context("no such program")?;
            if trampoline.is_multi() {
                for_tracing_multi(&mut program, test.number_of(trampoline.attach_type)?);
            } else {
                program.set_attach_target(0, Some(test.callee()?.name.to_owned()))?;
            }
        }
        open.maps.bss_data.as_deref_mut().map(set);
        Ok(())
    })
}

/// Each program calls the function that it sits on.
#[test_case(FENTRY; "fentry")]
#[test_case(FEXIT; "fexit")]
#[test_case(FMOD_RET; "fmod_ret")]
#[test_case(FSESSION; "fsession")]
#[test_case(FENTRY_MULTI; "fentry_multi")]
#[test_case(FEXIT_MULTI; "fexit_multi")]
#[test_case(FSESSION_MULTI; "fsession_multi")]
fn in_itself(program: Trampoline) -> Result<()> {
    run_test(&[], |test| {
        test.require_attach_type(program.attach_type)?;
        // ca06f55b9002 bpf: Add per-program recursion prevention mechanism
        test.require_release(
            5,
            12,
            "check that keeps a trampoline's program out of itself",
        )?;
        if program.attach_type == AttachType::FmodRet {
            test.require(&KFUNC)?;
        }
        let mut storage = MaybeUninit::uninit();
        let nest = |variables: &mut Variables| variables.nesting = 1;
        let skel = load(test, &mut storage, &[program], &["calling"], nest)?;
        let calling = ("calling", &variables!(skel).runs.calling);
        let in_itself = program.attach(test, &skel, "in-itself", 2)?;
        let trigger = |times| fire(&skel.progs.calling, times);
        test.measure(trigger, &[calling], &[in_itself])
    })
}

/// All that the kernel has, on one function, in programs that hold what others
/// yield to.
#[test_matrix([Kprobe, KprobeMulti])]
fn inside(outer: AttachType) -> Result<()> {
    run_test(outer_needs(outer), |test| {
        let programs = supported(test)?;
        let mut storage = MaybeUninit::uninit();
        let others = ["trigger", outer_program(outer)];
        let skel = load(test, &mut storage, &programs, &others, |_| ())?;
        let inner = attach_all(&programs, test, &skel, &format!("in-{outer}"))?;
        let progs = &skel.progs;
        let outers = [&progs.outer_fentry, &progs.outer_kprobe, &progs.outer_multi];
        let _outer = attach_outer(outer, outers)?;
        test.measure(|times| fire(&progs.trigger, times), &[], &inner)
    })
}

/// A program that skips the function, and those around it.
#[test]
fn skipping() -> Result<()> {
    run_test(&[KFUNC], |test| {
        let mut storage = MaybeUninit::uninit();
        let programs = [FENTRY, FMOD_RET, FEXIT];
        let others = ["calling", "body"];
        let skip = |variables: &mut Variables| variables.verdict = 1;
        let skel = load(test, &mut storage, &programs, &others, skip)?;
        let scenarios = [
            FENTRY.attach(test, &skel, "around-fmod_ret", 1)?,
            FMOD_RET.attach(test, &skel, "skipping", 1)?,
            FEXIT.attach(test, &skel, "around-fmod_ret", 1)?,
        ];
        let _body = Probe::raw_tp(&skel.progs.body, "bpf_trigger_tp")?;
        test.measure(|times| fire(&skel.progs.calling, times), &[], &scenarios)?;
        test.check_never_ran("body", &variables!(skel).runs.body);
        Ok(())
    })
}

/// Where ftrace skips its callbacks (tests/recursion.rs): a trampoline that is alone on
/// its function is not called by ftrace, but one that shares it is.
#[test_case(false; "alone")]
#[test_case(true; "of_lists")]
fn third_level(of_lists: bool) -> Result<()> {
    let needs: [KernelFunction; 4] = [FENTRY_TEST1, COPY_NOFAULT, KFUNC, FPROBE];
    run_test(&needs, |test| {
        let (beside, what): (&[_], _) = if of_lists {
            (
                &["beside", "beside_first", "beside_second"],
                "at-third-list",
            )
        } else {
            (&[], "at-third-level")
        };
        let programs = supported(test)?;
        let mut storage = MaybeUninit::uninit();
        let others = [&["trigger", "second"], beside].concat();
        let skel = load(test, &mut storage, &programs, &others, |_| ())?;
        let progs = &skel.progs;
        // In this order: making a kprobe reads memory, too.
        let _first = KprobeEvent::reading_the_stack("first", OUTER)?;
        let _beside = if of_lists {
            vec![
                Probe::kprobe_multi(&progs.beside_first, &[OUTER])?,
                Probe::kprobe_multi(&progs.beside, &[KFUNC.name])?,
                Probe::kprobe(&progs.beside_second, COPY_NOFAULT.name)?,
            ]
        } else {
            Vec::new()
        };
        let third = attach_all(&programs, test, &skel, what)?;
        let _second = Probe::kprobe_multi(&progs.second, &[COPY_NOFAULT.name])?;
        let second = ("second", &variables!(skel).runs.second);
        test.measure(|times| fire(&progs.trigger, times), &[second], &third)
    })
}

/// The same errno as `inspect` says of a function without a call site.
#[test]
fn without_a_call_site() -> Result<()> {
    run_test(&[NO_CALL_SITE], |test| {
        let function = test.btf_id(&NO_CALL_SITE)?;
        for program in supported(test)? {
            let attach_type = program.attach_type;
            let attached = if program.is_multi() {
                let number = test.number_of(attach_type)?;
                attach_tracing_multi(load_nothing_for_tracing_multi(number)?, number, &[function])
            } else {
                let loaded = load_nothing(attach_type, function);
                loaded.map_err(Into::into).and_then(attach_trampoline)
            };
            test.check_refusal(attach_type, attached);
        }
        Ok(())
    })
}
