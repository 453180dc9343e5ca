// SPDX-License-Identifier: GPL-2.0-only
//! Programs on the way of a system call, which comes from user space and so finds
//! no program running on its CPU; unless that sleeps, or passes another one on its
//! own way.

use std::fs::OpenOptions;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context, Result};
use libbpf_rs::libbpf_sys::BPF_F_SLEEPABLE;
use nmissed_selftests::needs::{ERROR_INJECTION, FAULTABLE, LSM_HOOK, MMAP, SYSCALL, XATTR_KFUNC};
use nmissed_selftests::skel::syscall::types::runs as Runs;
use nmissed_selftests::skel::syscall::{SyscallProgs, SyscallSkelBuilder};
use nmissed_selftests::skel::{keep_only, load_with};
use nmissed_selftests::{AttachType, Probe, Scene, Sleep, TIMES, Words, call, shared};
use nmissed_uapi::test_run;
use test_case::test_case;

/// The group of the tracepoints.
const SYSCALLS: &str = "syscalls";
const SYS_ENTER: &str = "sys_enter_sched_setaffinity";
const SYS_EXIT: &str = "sys_exit_sched_setaffinity";

#[test]
fn tracepoints() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[SYSCALL])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(SyscallSkelBuilder::default(), &mut storage, |open| {
        keep_only(open, &["sys_enter", "sys_exit", "raw_sys_enter"]);
    })?;
    let progs = &skel.progs;
    let enter = Probe::tracepoint(&progs.sys_enter, SYSCALLS, SYS_ENTER)?;
    let exit = Probe::tracepoint(&progs.sys_exit, SYSCALLS, SYS_EXIT)?;
    let raw = Probe::raw_tp(&progs.raw_sys_enter, "sys_enter")?;

    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    for times in TIMES {
        call(scene.go_on_to(times))?;
        scene.observe("tp/sys-enter", &enter, &runs.sys_enter)?;
        scene.observe("tp/sys-exit", &exit, &runs.sys_exit)?;
        scene.observe("raw_tp/sys-enter", &raw, &runs.raw_sys_enter)?;
    }
    scene.close()
}

#[test]
fn lsm() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[SYSCALL, LSM_HOOK])? else {
        return Ok(());
    };
    if !scene.has_bpf_lsm()? {
        return Ok(());
    }
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(SyscallSkelBuilder::default(), &mut storage, |open| {
        keep_only(open, &["on_lsm"]);
    })?;
    let hook = Probe::lsm(&skel.progs.on_lsm)?;

    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    for times in TIMES {
        call(scene.go_on_to(times))?;
        scene.observe("lsm/in-syscall", &hook, &runs.on_lsm)?;
    }
    scene.close()
}

/// `O_SYNC` of asm-generic/fcntl.h.
const O_SYNC: i32 = 0o4_010_000;

/// An LSM program in another one.
#[test]
fn lsm_in_lsm() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[LSM_HOOK, XATTR_KFUNC])? else {
        return Ok(());
    };
    if !scene.has_bpf_lsm()? {
        return Ok(());
    }
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(SyscallSkelBuilder::default(), &mut storage, |open| {
        keep_only(open, &["on_open", "on_permission"]);
    })?;
    let outer = Probe::lsm(&skel.progs.on_open)?;
    let inner = Probe::lsm(&skel.progs.on_permission)?;

    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    for times in TIMES {
        for _ in 0..scene.go_on_to(times) {
            let mut how = OpenOptions::new();
            how.read(true).custom_flags(O_SYNC).open("/proc/self/exe")?;
        }
        scene.observe("lsm/around-lsm", &outer, &runs.on_open)?;
        scene.observe("lsm/in-lsm", &inner, &runs.on_permission)?;
    }
    scene.close()
}

/// A kind of program that may sleep, and what hits it.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Tp,
    Fentry,
    Fexit,
    FmodRet,
    Lsm,
    TestRun,
}
use Kind::{Fentry, Fexit, FmodRet, Lsm, TestRun, Tp};

impl Kind {
    fn scenario(self) -> &'static str {
        match self {
            Tp => "tp/while-asleep",
            Fentry => "fentry/while-asleep",
            Fexit => "fexit/while-asleep",
            FmodRet => "fmod_ret/while-asleep",
            Lsm => "lsm/while-asleep",
            TestRun => "raw_tp/test-run-while-asleep",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Tp => "on_tp",
            Fentry => "on_fentry",
            Fexit => "on_fexit",
            FmodRet => "on_fmod_ret",
            Lsm => "on_lsm",
            TestRun => "on_test_run",
        }
    }

    fn runs(self, runs: &Runs) -> &u64 {
        match self {
            Tp => &runs.on_tp,
            Fentry => &runs.on_fentry,
            Fexit => &runs.on_fexit,
            FmodRet => &runs.on_fmod_ret,
            Lsm => &runs.on_lsm,
            TestRun => &runs.on_test_run,
        }
    }

    fn attach<'p, 'obj>(self, progs: &'p SyscallProgs<'obj>) -> Result<Probe<'p, 'obj>> {
        match self {
            Tp => Probe::tracepoint(&progs.on_tp, SYSCALLS, SYS_ENTER),
            Fentry => Probe::trampoline(AttachType::Fentry, &progs.on_fentry),
            Fexit => Probe::trampoline(AttachType::Fexit, &progs.on_fexit),
            FmodRet => Probe::trampoline(AttachType::FmodRet, &progs.on_fmod_ret),
            Lsm => Probe::lsm(&progs.on_lsm),
            TestRun => Ok(Probe::unattached(AttachType::RawTp, &progs.on_test_run)),
        }
    }

    /// Opens the scene, unless the kernel lets no such program sleep.
    fn begin(self) -> Result<Option<Scene>> {
        let Some(scene) = Scene::begin(&[SYSCALL, MMAP])? else {
            return Ok(None);
        };
        let is_new = scene.is_new_enough(&FAULTABLE);
        let lacking = match self {
            Tp | TestRun => (!is_new).then_some(FAULTABLE),
            Fentry | Fexit | FmodRet => {
                (!is_new && !scene.has(&ERROR_INJECTION)?).then_some(ERROR_INJECTION)
            }
            Lsm => (!scene.has(&LSM_HOOK)?).then_some(LSM_HOOK),
        };
        if let Some(need) = lacking {
            scene.skip(&need)?;
            return Ok(None);
        }
        Ok((self != Lsm || scene.has_bpf_lsm()?).then_some(scene))
    }
}

/// Hits while one sleeps in the program.
const OTHERS: u64 = 10;

/// A thread sleeps in the program while another one comes to it on the same CPU.
#[test_case(Tp)]
#[test_case(Fentry)]
#[test_case(Fexit)]
#[test_case(FmodRet)]
#[test_case(Lsm)]
#[test_case(TestRun)]
fn while_asleep(kind: Kind) -> Result<()> {
    let Some(mut scene) = kind.begin()? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let mut skel = load_with(SyscallSkelBuilder::default(), &mut storage, |open| {
        keep_only(open, &["holding", kind.program()]);
        open.progs.on_tp.set_flags(BPF_F_SLEEPABLE);
        open.progs.on_test_run.set_flags(BPF_F_SLEEPABLE);
    })?;
    let bss = skel.maps.bss_data.as_deref_mut().context("no .bss")?;
    let words = Words {
        holder: shared(&mut bss.holder),
        held: shared(&mut bss.held),
        sleep: shared(&mut bss.sleep),
        asleep: shared(&mut bss.asleep),
        over: shared(&mut bss.over),
    };
    let test = (kind == TestRun).then(|| skel.progs.on_test_run.as_fd());
    let hit = |times| match test {
        Some(program) => (0..times).try_for_each(|_| Ok(test_run(program)?)),
        None => call(times),
    };
    let sleep = Sleep::new(words, &hit);
    let _holding = Probe::kprobe(&skel.progs.holding, MMAP.function)?;
    sleep.during(|| {
        let probe = kind.attach(&skel.progs)?.hit_per_trigger(1 + OTHERS);
        for times in TIMES {
            (0..scene.go_on_to(times)).try_for_each(|_| sleep.pass(OTHERS))?;
            scene.observe(kind.scenario(), &probe, kind.runs(&bss.runs))?;
        }
        Ok(())
    })?;
    scene.close()
}
