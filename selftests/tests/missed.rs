// SPDX-License-Identifier: GPL-2.0-only
//! The subtests of the kernel's prog_tests/missed.c, and what tells apart the
//! ways to patch kprobe.multi.
//!
//! Outer programs sit on `bpf_fentry_test1`, which the trigger has the kernel
//! call; they call the kfunc `bpf_modify_return_test_tp`, on which the inner
//! ones sit. So every probe is hit once per trigger.

use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use libbpf_rs::{MapCore, MapFlags};
use nmissed_selftests::needs::{FENTRY_TEST1, FPROBE, KFUNC, MAP_DELETE, SESSION};
use nmissed_selftests::skel::missed_kprobe::MissedKprobeSkelBuilder;
use nmissed_selftests::skel::missed_kprobe_recursion::MissedKprobeRecursionSkelBuilder;
use nmissed_selftests::skel::missed_map_syscall::MissedMapSyscallSkelBuilder;
use nmissed_selftests::skel::missed_tp_recursion::MissedTpRecursionSkelBuilder;
use nmissed_selftests::skel::{load, load_with};
use nmissed_selftests::{Flavor, Probe, Scene, TIMES, fire};
use test_case::test_matrix;

/// Where outer programs sit.
const OUTER: &str = FENTRY_TEST1.function;
/// Where inner programs sit.
const INNER: &str = KFUNC.function;

/// A kprobe in a kprobe: the kprobe layer lets no second one in, however it is
/// armed.
#[test_matrix([Flavor::Ftrace, Flavor::Int3, Flavor::Optimized])]
fn perf_kprobe(flavor: Flavor) -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, KFUNC])? else {
        return Ok(());
    };
    if !scene.has_place(INNER, flavor)? {
        return Ok(());
    }
    let mut storage = MaybeUninit::uninit();
    let skel = load(MissedKprobeSkelBuilder::default(), &mut storage)?;
    let outer = Probe::kprobe(&skel.progs.outer, OUTER)?;
    let inner = Probe::kprobe_of(flavor, &skel.progs.inner_kprobe, INNER)?;

    for times in TIMES {
        fire(&skel.progs.trigger, scene.go_on_to(times))?;

        let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
        scene.observe("kprobe/around-kprobe", &outer, &runs.outer)?;
        scene.observe("kprobe/in-kprobe", &inner, &runs.inner_kprobe)?;
    }
    scene.close()
}

/// All that may sit on a function, in a kprobe.multi: fprobe lets one level
/// of nesting in, so the programs themselves have to yield, or not.
#[test]
fn kprobe_recursion() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, KFUNC, FPROBE])? else {
        return Ok(());
    };
    let with_session = scene.has(&SESSION)?;
    let mut storage = MaybeUninit::uninit();
    let builder = MissedKprobeRecursionSkelBuilder::default();
    let skel = load_with(builder, &mut storage, |open| {
        open.progs.inner_session.set_autoload(with_session);
    })?;
    let progs = &skel.progs;
    let outer = Probe::kprobe_multi(&progs.outer, &[OUTER])?;
    let kprobe_1 = Probe::kprobe(&progs.inner_kprobe_1, INNER)?;
    let kprobe_2 = Probe::kprobe(&progs.inner_kprobe_2, INNER)?;
    let kprobe_3 = Probe::kprobe(&progs.inner_kprobe_3, INNER)?;
    let multi = Probe::kprobe_multi(&progs.inner_multi, &[INNER])?;
    let session = with_session
        .then(|| Probe::kprobe_session(&progs.inner_session, INNER))
        .transpose()?;

    for times in TIMES {
        fire(&progs.trigger, scene.go_on_to(times))?;

        let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
        scene.observe("kprobe.multi/around-all", &outer, &runs.outer)?;
        scene.observe("kprobe/in-kprobe.multi-1", &kprobe_1, &runs.inner_kprobe_1)?;
        scene.observe("kprobe/in-kprobe.multi-2", &kprobe_2, &runs.inner_kprobe_2)?;
        scene.observe("kprobe/in-kprobe.multi-3", &kprobe_3, &runs.inner_kprobe_3)?;
        scene.observe("kprobe.multi/in-kprobe.multi", &multi, &runs.inner_multi)?;
        if let Some(session) = &session {
            scene.observe(
                "kprobe.session/in-kprobe.multi",
                session,
                &runs.inner_session,
            )?;
            scene.check_pairs(&runs.inner_session, &runs.inner_session_return);
        }
    }
    scene.close()
}

/// Tracepoint programs in a kprobe: both take and yield to the same counter.
#[test]
fn tp_recursion() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, KFUNC])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load(MissedTpRecursionSkelBuilder::default(), &mut storage)?;
    let on_tp = |program| Probe::tracepoint(program, "bpf_test_run", "bpf_trigger_tp");
    let outer = Probe::kprobe(&skel.progs.outer, OUTER)?;
    let tp_1 = on_tp(&skel.progs.inner_tp_1)?;
    let tp_2 = on_tp(&skel.progs.inner_tp_2)?;
    let tp_3 = on_tp(&skel.progs.inner_tp_3)?;

    for times in TIMES {
        fire(&skel.progs.trigger, scene.go_on_to(times))?;

        let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
        scene.observe("kprobe/around-tp", &outer, &runs.outer)?;
        scene.observe("tp/in-kprobe-1", &tp_1, &runs.inner_tp_1)?;
        scene.observe("tp/in-kprobe-2", &tp_2, &runs.inner_tp_2)?;
        scene.observe("tp/in-kprobe-3", &tp_3, &runs.inner_tp_3)?;
    }
    scene.close()
}

/// A kprobe.multi in the very same program: no patch may let it in.
#[test]
fn kprobe_multi_in_itself() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, KFUNC, FPROBE])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let builder = MissedKprobeRecursionSkelBuilder::default();
    let skel = load_with(builder, &mut storage, |open| {
        open.progs.inner_session.set_autoload(false);
    })?;
    let both = Probe::kprobe_multi(&skel.progs.outer, &[OUTER, INNER])?;

    for times in TIMES {
        fire(&skel.progs.trigger, scene.go_on_to(times))?;

        let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
        scene.observe("kprobe.multi/in-itself", &both, &runs.outer)?;
    }
    scene.close()
}

/// A kprobe.multi in a perf kprobe: tells `active` from `guarded`.
#[test]
fn kprobe_multi_in_perf_kprobe() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, KFUNC, FPROBE])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load(MissedKprobeSkelBuilder::default(), &mut storage)?;
    let outer = Probe::kprobe(&skel.progs.outer, OUTER)?;
    let inner = Probe::kprobe_multi(&skel.progs.inner_multi, &[INNER])?;

    for times in TIMES {
        fire(&skel.progs.trigger, scene.go_on_to(times))?;

        let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
        scene.observe("kprobe/around-kprobe.multi", &outer, &runs.outer)?;
        scene.observe("kprobe.multi/in-kprobe", &inner, &runs.inner_multi)?;
    }
    scene.close()
}

/// A kprobe.multi in a system call that keeps programs off its locks: tells
/// `active`, which does not heed that, from `guarded`.
#[test]
fn kprobe_multi_in_map_syscall() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[MAP_DELETE, FPROBE])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load(MissedMapSyscallSkelBuilder::default(), &mut storage)?;
    let probe = Probe::kprobe_multi(&skel.progs.on_delete, &[MAP_DELETE.function])?;

    let key = 0_u32.to_ne_bytes();
    for times in TIMES {
        for _ in 0..scene.go_on_to(times) {
            skel.maps.victim.update(&key, &key, MapFlags::ANY)?;
            skel.maps.victim.delete(&key)?;
        }

        let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
        scene.observe("kprobe.multi/in-map-syscall", &probe, &runs.on_delete)?;
    }
    scene.close()
}
