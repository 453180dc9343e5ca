// SPDX-License-Identifier: GPL-2.0-only
//! Programs on a function of a module: they count as on one of the kernel's image.
//!
//! The trigger calls the function by pread(2). Outer programs sit on it, and call the kfunc
//! `bpf_modify_return_test_tp`, or a helper before 6.10, on which the inner ones sit.

use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use libbpf_rs::skel::OpenSkel;
use libbpf_rs::{OpenObject, ProgramMut};
use nmissed_selftests::AttachType::{self, *};
use nmissed_selftests::needs::{FPROBE, KernelFunction, SESSION};
use nmissed_selftests::skel::module::types::runs as Runs;
use nmissed_selftests::skel::module::{ModuleProgs, ModuleSkel, ModuleSkelBuilder};
use nmissed_selftests::skel::{keep_only, load_with};
use nmissed_selftests::{
    Module, Probe, Scenario, Target, Test, address_of, run_test, scenario, variables,
};
use test_case::{test_case, test_matrix};

/// A program of bpf/module.bpf.c.
#[derive(Clone, Copy)]
struct Program {
    attach_type: AttachType,
    name: &'static str,
    program: for<'p, 'obj> fn(&'p ModuleProgs<'obj>) -> &'p ProgramMut<'obj>,
    runs: fn(&Runs) -> &u64,
    /// Of a session: its runs on return.
    returns: Option<fn(&Runs) -> &u64>,
}

macro_rules! program {
    ($attach_type:ident, $name:ident, $runs:ident) => {
        Program {
            attach_type: $attach_type,
            name: stringify!($name),
            program: |progs| &progs.$name,
            runs: |runs| &runs.$runs,
            returns: None,
        }
    };
    ($attach_type:ident, $name:ident) => {
        program!($attach_type, $name, $name)
    };
    ($attach_type:ident, $name:ident, returns $returns:ident) => {
        Program {
            returns: Some(|runs| &runs.$returns),
            ..program!($attach_type, $name)
        }
    };
}

const KPROBE: Program = program!(Kprobe, by_kprobe);
const KRETPROBE: Program = program!(Kretprobe, by_kretprobe);
const MULTI: Program = program!(KprobeMulti, by_multi);
const MULTI_RETURN: Program = program!(KretprobeMulti, by_multi_return);
const SESSION_LINK: Program = program!(KprobeSession, by_session, returns by_session_return);
const FENTRY: Program = program!(Fentry, by_fentry);
const FEXIT: Program = program!(Fexit, by_fexit);
const FSESSION: Program = program!(Fsession, by_fsession, returns by_fsession_return);

const OUTER_FENTRY: Program = program!(Fentry, outer_fentry, outer);
const OUTER_KPROBE: Program = program!(Kprobe, outer_kprobe, outer);
const OUTER_MULTI: Program = program!(KprobeMulti, outer_multi, outer);

/// The programs in an outer one.
const INNER: [Program; 6] = [KPROBE, KRETPROBE, MULTI, MULTI_RETURN, SESSION_LINK, FENTRY];

impl Program {
    fn is_trampoline(&self) -> bool {
        matches!(self.attach_type, Fentry | Fexit | Fsession)
    }

    /// Returns what the kernel must have for it, on whatever function.
    fn needs(&self) -> &'static [KernelFunction] {
        match self.attach_type {
            KprobeMulti | KretprobeMulti => &[FPROBE],
            KprobeSession => &[FPROBE, SESSION],
            _ => &[],
        }
    }

    /// Skips the test unless the program can be on a function of a module.
    fn require_on_module(&self, test: &Test) -> Result<()> {
        test.require_attach_type(self.attach_type)?;
        for need in self.needs() {
            test.require(need)?;
        }
        match self.attach_type {
            KretprobeMulti | KprobeSession => require_names_of_modules(test),
            _ if self.is_trampoline() => test.require_module_btf(),
            _ => Ok(()),
        }
    }

    /// Returns whether the kernel lets the program on a function of its image.
    fn is_supported(&self, test: &Test) -> Result<bool> {
        for need in self.needs() {
            if !test.has(need)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Attaches the program to `function`; `what` happens is the end of the scenario's id.
    fn attach<'p, 'obj>(
        &self,
        skel: &'p ModuleSkel<'obj>,
        function: &str,
        what: &str,
    ) -> Result<Scenario<'p, 'obj>> {
        let program = (self.program)(&skel.progs);
        let probe = match self.attach_type {
            KprobeMulti => Probe::kprobe_multi_at(program, address_of(function)?),
            other => Probe::attach(other, program, &Target::function(function)),
        };
        let runs = &variables!(skel).runs;
        let it = scenario(
            format!("{}/{what}", self.attach_type),
            probe?,
            (self.runs)(runs),
        );
        Ok(match self.returns {
            Some(returns) => it.session(returns(runs)),
            None => it,
        })
    }
}

/// 3640bf8584f4 ftrace: Add support to resolve module symbols in ftrace_lookup_symbols
fn require_names_of_modules(test: &Test) -> Result<()> {
    test.require_release(6, 2, "kprobe.multi by name on functions of modules")
}

/// Loads programs, each for the function beside it.
fn load<'obj>(
    storage: &'obj mut MaybeUninit<OpenObject>,
    programs: &[(Program, &str)],
) -> Result<ModuleSkel<'obj>> {
    let names: Vec<_> = programs.iter().map(|(it, _)| it.name).collect();
    load_with(ModuleSkelBuilder::default(), storage, |open| {
        keep_only(open, &names);
        for (program, function) in programs.iter().filter(|(it, _)| it.is_trampoline()) {
            let mut all = open.open_object_mut().progs_mut();
            let mut found = all
                .find(|it| it.name() == program.name)
                .context("no such program")?;
            found.set_attach_target(0, Some((*function).to_owned()))?;
        }
        Ok(())
    })
}

#[test_case(KPROBE; "kprobe")]
#[test_case(KRETPROBE; "kretprobe")]
#[test_case(MULTI; "kprobe_multi")]
#[test_case(MULTI_RETURN; "kretprobe_multi")]
#[test_case(SESSION_LINK; "kprobe_session")]
#[test_case(FENTRY; "fentry")]
#[test_case(FEXIT; "fexit")]
#[test_case(FSESSION; "fsession")]
fn alone(program: Program) -> Result<()> {
    run_test(&[], |test| {
        let module = test.require_module()?;
        program.require_on_module(test)?;
        let mut storage = MaybeUninit::uninit();
        let skel = load(&mut storage, &[(program, Module::FUNCTION)])?;
        let alone = program.attach(&skel, Module::FUNCTION, "on-module")?;
        test.measure(|times| module.call(times), &[], &[alone])
    })
}

/// All that fit on a function of the kernel's image, in a program on the module's.
#[test_matrix([OUTER_FENTRY, OUTER_KPROBE, OUTER_MULTI])]
fn inside(outer: Program) -> Result<()> {
    run_test(&[], |test| {
        let module = test.require_module()?;
        outer.require_on_module(test)?;
        let callee = test.callee()?.name;
        let mut inner = Vec::new();
        for program in INNER {
            if program.is_supported(test)? {
                inner.push((program, callee));
            }
        }
        let programs = [&inner[..], &[(outer, Module::FUNCTION)]].concat();
        let mut storage = MaybeUninit::uninit();
        let skel = load(&mut storage, &programs)?;
        let what = format!("in-{}-on-module", outer.attach_type);
        let attached = inner.iter().map(|(it, at)| it.attach(&skel, at, &what));
        let mut scenarios = attached.collect::<Result<Vec<_>>>()?;
        scenarios.push(outer.attach(&skel, Module::FUNCTION, "around-all-on-module")?);
        test.measure(|times| module.call(times), &[], &scenarios)
    })
}

/// One link on a function of the module and one of the kernel's image, which the program
/// calls.
#[test]
fn kprobe_multi_in_itself() -> Result<()> {
    run_test(&[], |test| {
        let module = test.require_module()?;
        test.require(&FPROBE)?;
        require_names_of_modules(test)?;
        let callee = test.callee()?.name;
        let mut storage = MaybeUninit::uninit();
        let skel = load(&mut storage, &[(OUTER_MULTI, Module::FUNCTION)])?;
        let both = Probe::kprobe_multi(&skel.progs.outer_multi, &[Module::FUNCTION, callee])?;
        let runs = &variables!(skel).runs.outer;
        let both = scenario("kprobe.multi/on-module-in-itself", both, runs);
        test.measure(|times| module.call(times), &[], &[both])
    })
}
