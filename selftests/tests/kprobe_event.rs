// SPDX-License-Identifier: GPL-2.0-only
//! The ways to attach a kprobe that are older than links: programs set on a perf
//! event by ioctl, and events of tracefs.

use std::mem::MaybeUninit;

use anyhow::{Context, Result, ensure};
use nmissed_selftests::needs::{FENTRY_TEST1, FPROBE, KFUNC};
use nmissed_selftests::skel::kprobe_event::KprobeEventSkelBuilder;
use nmissed_selftests::skel::load;
use nmissed_selftests::{
    Flavor, Outer, Probe, Scene, SetBy, TIMES, TraceEvent, fire, takes_two_programs,
};
use test_case::test_matrix;

/// Where all of them sit.
const INNER: &str = KFUNC.function;

#[test_matrix([Outer::Fentry, Outer::Kprobe, Outer::KprobeMulti])]
fn nested(outer: Outer) -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, KFUNC, FPROBE])? else {
        return Ok(());
    };
    if !scene.has_place(INNER, Flavor::Int3)? {
        return Ok(());
    }
    let mut storage = MaybeUninit::uninit();
    let skel = load(KprobeEventSkelBuilder::default(), &mut storage)?;
    let progs = &skel.progs;
    let for_ioctl = TraceEvent::kprobe("for_ioctl", INNER)?;
    let for_link = TraceEvent::kprobe("for_link", INNER)?;
    let shared = TraceEvent::kprobe("shared", INNER)?;
    let of_two = TraceEvent::kprobe("of_two", INNER)?.and_further_on()?;
    let by_ioctl = Probe::kprobe_by_ioctl(&progs.by_ioctl, INNER)?;
    let event_by_ioctl = Probe::trace_event(&progs.event_by_ioctl, &for_ioctl, SetBy::Ioctl)?;
    let event_by_link = Probe::trace_event(&progs.event_by_link, &for_link, SetBy::Link)?;
    let shared_1 = Probe::trace_event(&progs.shared_1, &shared, SetBy::Link)?;
    let shared_2 = Probe::trace_event(&progs.shared_2, &shared, SetBy::Ioctl)?;
    let of_two_by_link =
        Probe::trace_event(&progs.of_two_by_link, &of_two, SetBy::Link)?.hit_per_trigger(2);
    let of_two_by_ioctl =
        Probe::trace_event(&progs.of_two_by_ioctl, &of_two, SetBy::Ioctl)?.hit_per_trigger(2);
    let _outer = outer.attach([&progs.outer_fentry, &progs.outer_kprobe, &progs.outer_multi])?;

    for times in TIMES {
        fire(&progs.trigger, scene.go_on_to(times))?;

        let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
        scene.check_step("outer", &runs.outer);
        for (way, probe, runs) in [
            ("by-ioctl", &by_ioctl, &runs.by_ioctl),
            ("event-by-ioctl", &event_by_ioctl, &runs.event_by_ioctl),
            ("event-by-link", &event_by_link, &runs.event_by_link),
            ("event-shared-1", &shared_1, &runs.shared_1),
            ("event-shared-2", &shared_2, &runs.shared_2),
            (
                "event-of-two-by-link",
                &of_two_by_link,
                &runs.of_two_by_link,
            ),
            (
                "event-of-two-by-ioctl",
                &of_two_by_ioctl,
                &runs.of_two_by_ioctl,
            ),
        ] {
            scene.observe(&format!("kprobe/{way}-in-{}", outer.name()), probe, runs)?;
        }
    }
    scene.close()
}

/// Programs share an event of tracefs, but not a perf event
/// (`perf_event_attach_bpf_prog`).
#[test]
fn a_perf_event_takes_one_program() -> Result<()> {
    let Some(scene) = Scene::begin(&[FENTRY_TEST1, KFUNC, FPROBE])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load(KprobeEventSkelBuilder::default(), &mut storage)?;
    let event = TraceEvent::kprobe("shared", INNER)?;
    let programs = [&skel.progs.shared_1, &skel.progs.shared_2];
    ensure!(
        !takes_two_programs(&event, programs)?,
        "a perf event takes two programs"
    );
    scene.close()
}
