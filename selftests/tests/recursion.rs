// SPDX-License-Identifier: GPL-2.0-only
//! Hits that ftrace turns away: it lets a callback nest once in itself, and
//! never twice (`ftrace_test_recursion_trylock`).
//!
//! The first level is a kprobe event on `bpf_fentry_test1`, which reads memory
//! by `copy_from_kernel_nofault`. The second is a kprobe.multi program on
//! that, which calls the kfunc `bpf_modify_return_test_tp`. What sits on the
//! kfunc is the third.

use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use nmissed_selftests::needs::{COPY_NOFAULT, FENTRY_TEST1, FPROBE, KFUNC, SESSION};
use nmissed_selftests::skel::load_with;
use nmissed_selftests::skel::recursion::RecursionSkelBuilder;
use nmissed_selftests::{KprobeEvent, Probe, Scene, TIMES, fire};
use test_case::test_matrix;

/// What sits on the kfunc.
#[derive(Clone, Copy, PartialEq)]
enum Third {
    Kprobe,
    KprobeMulti,
    KretprobeMulti,
    KprobeSession,
}
use Third::{Kprobe, KprobeMulti, KprobeSession, KretprobeMulti};

/// One user of ftrace per function, which ftrace then calls as it is.
#[test_matrix([Kprobe, KprobeMulti, KretprobeMulti, KprobeSession])]
fn third_level(third: Third) -> Result<()> {
    let mut needs = vec![FENTRY_TEST1, COPY_NOFAULT, KFUNC, FPROBE];
    needs.extend((third == KprobeSession).then_some(SESSION));
    let Some(mut scene) = Scene::begin(&needs)? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(RecursionSkelBuilder::default(), &mut storage, |open| {
        open.progs
            .third_session
            .set_autoload(third == KprobeSession);
    })?;
    let progs = &skel.progs;
    // In this order, because to make a kprobe reads memory, too.
    let _first = KprobeEvent::reading_the_stack("first", FENTRY_TEST1.function)?;
    let on_kfunc = match third {
        Kprobe => Probe::kprobe(&progs.third_kprobe, KFUNC.function),
        KprobeMulti => Probe::kprobe_multi(&progs.third_multi, &[KFUNC.function]),
        KretprobeMulti => Probe::kretprobe_multi(&progs.third_return, KFUNC.function),
        KprobeSession => Probe::kprobe_session(&progs.third_session, KFUNC.function),
    }?;
    let _second = Probe::kprobe_multi(&progs.second, &[COPY_NOFAULT.function])?;

    for times in TIMES {
        fire(&progs.trigger, scene.go_on_to(times))?;

        let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
        scene.check_step("second", &runs.second);
        let (scenario, runs) = match third {
            Kprobe => ("kprobe/at-third-level", &runs.third_kprobe),
            KprobeMulti => ("kprobe.multi/at-third-level", &runs.third_multi),
            KretprobeMulti => ("kretprobe.multi/at-third-level", &runs.third_return),
            KprobeSession => ("kprobe.session/at-third-level", &runs.third_session),
        };
        scene.observe(scenario, &on_kfunc, runs)?;
    }
    scene.close()
}

/// More than one user of ftrace per function: ftrace calls them one after the
/// other and looks for recursion itself (`__ftrace_ops_list_func`).
#[test]
fn third_level_of_lists() -> Result<()> {
    let needs = [FENTRY_TEST1, COPY_NOFAULT, KFUNC, FPROBE];
    let Some(mut scene) = Scene::begin(&needs)? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(RecursionSkelBuilder::default(), &mut storage, |open| {
        open.progs.third_session.set_autoload(false);
    })?;
    let progs = &skel.progs;
    // In this order, because to make a kprobe reads memory, too.
    let _first = KprobeEvent::reading_the_stack("first", FENTRY_TEST1.function)?;
    let _beside = Probe::kprobe_multi(&progs.beside, &[FENTRY_TEST1.function])?;
    let kprobe = Probe::kprobe(&progs.third_kprobe, KFUNC.function)?;
    let multi = Probe::kprobe_multi(&progs.third_multi, &[KFUNC.function])?;
    let on_return = Probe::kretprobe_multi(&progs.third_return, KFUNC.function)?;
    let _beside = Probe::kprobe(&progs.beside_second, COPY_NOFAULT.function)?;
    let _second = Probe::kprobe_multi(&progs.second, &[COPY_NOFAULT.function])?;

    for times in TIMES {
        fire(&progs.trigger, scene.go_on_to(times))?;

        let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
        scene.check_step("beside", &runs.beside);
        scene.check_step("second", &runs.second);
        scene.observe("kprobe/at-third-list", &kprobe, &runs.third_kprobe)?;
        scene.observe("kprobe.multi/at-third-list", &multi, &runs.third_multi)?;
        scene.observe(
            "kretprobe.multi/at-third-list",
            &on_return,
            &runs.third_return,
        )?;
    }
    scene.close()
}
