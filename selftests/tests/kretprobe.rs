// SPDX-License-Identifier: GPL-2.0-only
//! Returns: nested in other programs, and more calls at a time than the kernel
//! keeps returns for.

use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use nmissed_selftests::needs::{FENTRY_TEST1, FILE_LOCK, FPROBE, KFUNC, SESSION};
use nmissed_selftests::skel::kretprobe::KretprobeSkelBuilder;
use nmissed_selftests::skel::load_with;
use nmissed_selftests::{Crowd, Outer, Probe, Scene, SetBy, TIMES, TraceEvent, fire};
use test_case::test_matrix;

/// Where nested probes sit.
const INNER: &str = KFUNC.function;
/// Where threads meet.
const MEETING: &str = FILE_LOCK.function;
/// How many of them: one more than a kretprobe keeps returns by default.
const THREADS: u64 = 11;
/// How many processors make that default, and the other limits here.
const CPUS: usize = 2;

#[test_matrix([Outer::Fentry, Outer::Kprobe, Outer::KprobeMulti])]
fn nested(outer: Outer) -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, KFUNC, FPROBE])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(KretprobeSkelBuilder::default(), &mut storage, |open| {
        open.progs.on_both.set_autoload(false);
    })?;
    let progs = &skel.progs;
    let event = TraceEvent::kretprobe("nested", INNER, 1)?;
    let by_link = Probe::kretprobe(&progs.by_link, INNER, SetBy::Link)?;
    let by_ioctl = Probe::kretprobe(&progs.by_ioctl, INNER, SetBy::Ioctl)?;
    let event_by_link = Probe::trace_event(&progs.event_by_link, &event, SetBy::Link)?;
    let event_by_ioctl = Probe::trace_event(&progs.event_by_ioctl, &event, SetBy::Ioctl)?;
    let _outer = outer.attach([&progs.outer_fentry, &progs.outer_kprobe, &progs.outer_multi])?;

    for times in TIMES {
        fire(&progs.trigger, scene.go_on_to(times))?;

        let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
        scene.check_step("outer", &runs.outer);
        for (way, probe, runs) in [
            ("", &by_link, &runs.by_link),
            ("by-ioctl-", &by_ioctl, &runs.by_ioctl),
            ("event-by-link-", &event_by_link, &runs.event_by_link),
            ("event-by-ioctl-", &event_by_ioctl, &runs.event_by_ioctl),
        ] {
            scene.observe(&format!("kretprobe/{way}in-{}", outer.name()), probe, runs)?;
        }
    }
    scene.close()
}

/// All threads are in the function at the same time, and return after that.
#[test]
fn kretprobe_pool() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, FILE_LOCK, KFUNC])? else {
        return Ok(());
    };
    if !scene.has_possible_cpus(CPUS)? {
        return Ok(());
    }
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(KretprobeSkelBuilder::default(), &mut storage, |open| {
        open.progs.on_both.set_autoload(false);
    })?;
    let progs = &skel.progs;
    let mut crowd = Crowd::new(TIMES[2])?;
    let event = TraceEvent::kretprobe("pool", MEETING, 3)?;
    let crowded = |probe| Probe::hit_per_trigger(probe, THREADS);
    let by_link = Probe::kretprobe(&progs.by_link, MEETING, SetBy::Link).map(crowded)?;
    let by_ioctl = Probe::kretprobe(&progs.by_ioctl, MEETING, SetBy::Ioctl).map(crowded)?;
    let event_by_link =
        Probe::trace_event(&progs.event_by_link, &event, SetBy::Link).map(crowded)?;
    let event_by_ioctl =
        Probe::trace_event(&progs.event_by_ioctl, &event, SetBy::Ioctl).map(crowded)?;

    for times in TIMES {
        crowd.meet(scene.go_on_to(times), THREADS)?;

        let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
        for (scenario, probe, runs) in [
            ("default-pool", &by_link, &runs.by_link),
            ("default-pool-by-ioctl", &by_ioctl, &runs.by_ioctl),
            (
                "event-pool-of-3-by-link",
                &event_by_link,
                &runs.event_by_link,
            ),
            (
                "event-pool-of-3-by-ioctl",
                &event_by_ioctl,
                &runs.event_by_ioctl,
            ),
        ] {
            scene.observe(&format!("kretprobe/{scenario}"), probe, runs)?;
        }
    }
    scene.close()
}

/// As [`kretprobe_pool`], for kprobe.multi's kin.
#[test]
fn fprobe_pool() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, FILE_LOCK, KFUNC, FPROBE])? else {
        return Ok(());
    };
    if !scene.has_possible_cpus(CPUS)? {
        return Ok(());
    }
    let with_session = scene.has(&SESSION)?;
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(KretprobeSkelBuilder::default(), &mut storage, |open| {
        open.progs.on_both.set_autoload(with_session);
    })?;
    let progs = &skel.progs;
    let mut crowd = Crowd::new(TIMES[2])?;
    let on_return = Probe::kretprobe_multi(&progs.on_return, MEETING)?.hit_per_trigger(THREADS);
    let on_both = with_session
        .then(|| Probe::kprobe_session(&progs.on_both, MEETING))
        .transpose()?
        .map(|probe| probe.hit_per_trigger(THREADS));

    for times in TIMES {
        crowd.meet(scene.go_on_to(times), THREADS)?;

        let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
        scene.observe("kretprobe.multi/default-pool", &on_return, &runs.on_return)?;
        if let Some(on_both) = &on_both {
            scene.observe("kprobe.session/default-pool", on_both, &runs.on_both)?;
            scene.check_pairs(&runs.on_both, &runs.on_both_return);
        }
    }
    scene.close()
}
