// SPDX-License-Identifier: GPL-2.0-only
//! Programs that a system call passes. It comes from user space, so no program runs on
//! its CPU; unless one sleeps, or the call passes another one.

use std::fs::OpenOptions;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context, Result};
use libbpf_rs::ProgramMut;
use libbpf_rs::libbpf_sys::BPF_F_SLEEPABLE;
use nmissed_selftests::AttachType::{self, Fentry, Fexit, FmodRet, Lsm, RawTp, Tp};
use nmissed_selftests::needs::{ERROR_INJECTION, FAULTABLE, LSM_HOOK, MMAP, SYSCALL, XATTR_KFUNC};
use nmissed_selftests::skel::syscall::{SyscallProgs, SyscallSkelBuilder, types};
use nmissed_selftests::skel::{keep_only, load_only, load_with};
use nmissed_selftests::{
    Probe, SleepFlags, SleepingProgram, Target, Test, call, each, run_test, scenario, shared,
    variables,
};
use nmissed_uapi::test_run;
use test_case::test_case;

/// The group of the tracepoints.
const SYSCALLS: &str = "syscalls";
const SYS_ENTER: &str = "sys_enter_sched_setaffinity";
const SYS_EXIT: &str = "sys_exit_sched_setaffinity";

#[test]
fn tracepoints() -> Result<()> {
    run_test(&[SYSCALL], |test| {
        let mut storage = MaybeUninit::uninit();
        let names = ["sys_enter", "sys_exit", "raw_sys_enter"];
        let skel = load_only(SyscallSkelBuilder::default(), &mut storage, &names)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let enter = Probe::tracepoint(&progs.sys_enter, SYSCALLS, SYS_ENTER)?;
        let exit = Probe::tracepoint(&progs.sys_exit, SYSCALLS, SYS_EXIT)?;
        let raw = Probe::raw_tp(&progs.raw_sys_enter, "sys_enter")?;
        let scenarios = [
            scenario("tp/sys-enter", enter, &runs.sys_enter),
            scenario("tp/sys-exit", exit, &runs.sys_exit),
            scenario("raw_tp/sys-enter", raw, &runs.raw_sys_enter),
        ];
        test.measure(call, &[], &scenarios)
    })
}

#[test]
fn lsm() -> Result<()> {
    run_test(&[SYSCALL, LSM_HOOK], |test| {
        test.require_bpf_lsm()?;
        let mut storage = MaybeUninit::uninit();
        let skel = load_only(SyscallSkelBuilder::default(), &mut storage, &["on_lsm"])?;
        let hook = Probe::lsm(&skel.progs.on_lsm)?;
        let hook = scenario("lsm/in-syscall", hook, &variables!(skel).runs.on_lsm);
        test.measure(call, &[], &[hook])
    })
}

/// `O_SYNC` of asm-generic/fcntl.h.
const O_SYNC: i32 = 0o4_010_000;

/// An LSM program in another one.
#[test]
fn lsm_in_lsm() -> Result<()> {
    run_test(&[LSM_HOOK, XATTR_KFUNC], |test| {
        test.require_bpf_lsm()?;
        let mut storage = MaybeUninit::uninit();
        let names = ["on_open", "on_permission"];
        let skel = load_only(SyscallSkelBuilder::default(), &mut storage, &names)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let outer = Probe::lsm(&progs.on_open)?;
        let inner = Probe::lsm(&progs.on_permission)?;
        let scenarios = [
            scenario("lsm/around-lsm", outer, &runs.on_open),
            scenario("lsm/in-lsm", inner, &runs.on_permission),
        ];
        let open = || {
            let mut how = OpenOptions::new();
            how.read(true).custom_flags(O_SYNC).open("/proc/self/exe")?;
            Ok(())
        };
        test.measure(each(open), &[], &scenarios)
    })
}

/// Hits while one sleeps in the program.
const OTHERS: u64 = 10;

/// A program that may sleep.
#[derive(Clone, Copy)]
struct Sleeping {
    attach_type: AttachType,
    scenario: &'static str,
    name: &'static str,
    program: for<'p, 'obj> fn(&'p SyscallProgs<'obj>) -> &'p ProgramMut<'obj>,
    runs: fn(&types::runs) -> &u64,
}

macro_rules! sleeping {
    ($attach_type:ident, $scenario:literal, $program:ident) => {
        Sleeping {
            attach_type: $attach_type,
            scenario: $scenario,
            name: stringify!($program),
            program: |progs| &progs.$program,
            runs: |runs| &runs.$program,
        }
    };
}

const TP: Sleeping = sleeping!(Tp, "tp/while-asleep", on_tp);
const FENTRY: Sleeping = sleeping!(Fentry, "fentry/while-asleep", on_fentry);
const FEXIT: Sleeping = sleeping!(Fexit, "fexit/while-asleep", on_fexit);
const FMOD_RET: Sleeping = sleeping!(FmodRet, "fmod_ret/while-asleep", on_fmod_ret);
const LSM: Sleeping = sleeping!(Lsm, "lsm/while-asleep", on_lsm);
/// Hit by test runs only.
const TEST_RUN: Sleeping = sleeping!(RawTp, "raw_tp/test-run-while-asleep", on_test_run);

impl Sleeping {
    /// Skips the test if the kernel lets no such program sleep.
    fn require(self, test: &Test) -> Result<()> {
        match self.attach_type {
            Lsm => {
                test.require(&LSM_HOOK)?;
                test.require_bpf_lsm()
            }
            Fentry | Fexit | FmodRet if test.is_new_enough_for(&FAULTABLE) => Ok(()),
            Fentry | Fexit | FmodRet => test.require(&ERROR_INJECTION),
            _ => test.require_release_of(&FAULTABLE),
        }
    }

    fn attach<'p, 'obj>(self, progs: &'p SyscallProgs<'obj>) -> Result<Probe<'p, 'obj>> {
        let program = (self.program)(progs);
        match self.attach_type {
            RawTp => Ok(Probe::unattached(RawTp, program)),
            other => Probe::attach(other, program, &Target::tracepoint(SYSCALLS, SYS_ENTER)),
        }
    }
}

/// A thread sleeps in the program while another one hits it on the same CPU.
#[test_case(TP; "tp")]
#[test_case(FENTRY; "fentry")]
#[test_case(FEXIT; "fexit")]
#[test_case(FMOD_RET; "fmod_ret")]
#[test_case(LSM; "lsm")]
#[test_case(TEST_RUN; "test_run")]
fn while_asleep(sleeping: Sleeping) -> Result<()> {
    run_test(&[SYSCALL, MMAP], |test| {
        sleeping.require(test)?;
        let mut storage = MaybeUninit::uninit();
        let mut skel = load_with(SyscallSkelBuilder::default(), &mut storage, |open| {
            keep_only(open, &["holding", sleeping.name]);
            open.progs.on_tp.set_flags(BPF_F_SLEEPABLE);
            open.progs.on_test_run.set_flags(BPF_F_SLEEPABLE);
            Ok(())
        })?;
        let bss = skel.maps.bss_data.as_deref_mut().context("no .bss")?;
        let flags = SleepFlags {
            lock_holder: shared(&mut bss.lock_holder),
            lock_held: shared(&mut bss.lock_held),
            sleep_next: shared(&mut bss.sleep_next),
            asleep: shared(&mut bss.asleep),
            released: shared(&mut bss.released),
        };
        let is_test_run = sleeping.attach_type == RawTp;
        let program = is_test_run.then(|| skel.progs.on_test_run.as_fd());
        let hit = |times| match program {
            Some(program) => (0..times).try_for_each(|_| Ok(test_run(program)?)),
            None => call(times),
        };
        let sleeper = SleepingProgram::new(flags, &hit);
        let _holding = Probe::kprobe(&skel.progs.holding, MMAP.name)?;
        sleeper.with_threads(|| {
            let probe = sleeping.attach(&skel.progs)?.hit_per_trigger(1 + OTHERS);
            let probe = scenario(sleeping.scenario, probe, (sleeping.runs)(&bss.runs));
            test.measure(each(|| sleeper.hit_while_asleep(OTHERS)), &[], &[probe])
        })
    })
}
