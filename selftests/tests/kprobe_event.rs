// SPDX-License-Identifier: GPL-2.0-only
//! Kprobes attached without a link: programs set on a perf event by ioctl, and events of
//! tracefs.

use std::mem::MaybeUninit;

use anyhow::{Result, ensure};
use nmissed_selftests::AttachType::{self, Fentry, Kprobe, KprobeMulti};
use nmissed_selftests::needs::{FENTRY_TEST1, FPROBE, KFUNC};
use nmissed_selftests::skel::kprobe_event::KprobeEventSkelBuilder;
use nmissed_selftests::skel::load;
use nmissed_selftests::{
    Flavor, Probe, SetBy, TraceEvent, attach_outer, fire, run_test, scenario, takes_two_programs,
    variables,
};
use test_case::test_matrix;

/// Where all of them sit.
const INNER: &str = KFUNC.name;

#[test_matrix([Fentry, Kprobe, KprobeMulti])]
fn nested(outer: AttachType) -> Result<()> {
    run_test(&[FENTRY_TEST1, KFUNC, FPROBE], |test| {
        test.require_site(INNER, Flavor::Int3)?;
        let mut storage = MaybeUninit::uninit();
        let skel = load(KprobeEventSkelBuilder::default(), &mut storage)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let for_ioctl = TraceEvent::kprobe("for_ioctl", INNER)?;
        let for_link = TraceEvent::kprobe("for_link", INNER)?;
        let shared = TraceEvent::kprobe("shared", INNER)?;
        let of_two = TraceEvent::kprobe("of_two", INNER)?.and_further_on()?;
        let on_event = Probe::trace_event;
        let of_two_by_link = on_event(&progs.of_two_by_link, &of_two, SetBy::Link)?;
        let of_two_by_ioctl = on_event(&progs.of_two_by_ioctl, &of_two, SetBy::Ioctl)?;
        let inner = [
            (
                "by-ioctl",
                Probe::kprobe_by_ioctl(&progs.by_ioctl, INNER)?,
                &runs.by_ioctl,
            ),
            (
                "event-by-ioctl",
                on_event(&progs.event_by_ioctl, &for_ioctl, SetBy::Ioctl)?,
                &runs.event_by_ioctl,
            ),
            (
                "event-by-link",
                on_event(&progs.event_by_link, &for_link, SetBy::Link)?,
                &runs.event_by_link,
            ),
            (
                "event-shared-1",
                on_event(&progs.shared_1, &shared, SetBy::Link)?,
                &runs.shared_1,
            ),
            (
                "event-shared-2",
                on_event(&progs.shared_2, &shared, SetBy::Ioctl)?,
                &runs.shared_2,
            ),
            (
                "event-of-two-by-link",
                of_two_by_link.hit_per_trigger(2),
                &runs.of_two_by_link,
            ),
            (
                "event-of-two-by-ioctl",
                of_two_by_ioctl.hit_per_trigger(2),
                &runs.of_two_by_ioctl,
            ),
        ]
        .map(|(how, probe, runs)| scenario(format!("kprobe/{how}-in-{outer}"), probe, runs));
        let outers = [&progs.outer_fentry, &progs.outer_kprobe, &progs.outer_multi];
        let _outer = attach_outer(outer, outers)?;
        let trigger = |times| fire(&progs.trigger, times);
        test.measure(trigger, &[("outer", &runs.outer)], &inner)
    })
}

/// Programs share an event of tracefs, but not a perf event
/// (`perf_event_attach_bpf_prog`).
#[test]
fn a_perf_event_takes_one_program() -> Result<()> {
    run_test(&[FENTRY_TEST1, KFUNC, FPROBE], |_| {
        let mut storage = MaybeUninit::uninit();
        let skel = load(KprobeEventSkelBuilder::default(), &mut storage)?;
        let event = TraceEvent::kprobe("shared", INNER)?;
        let programs = [&skel.progs.shared_1, &skel.progs.shared_2];
        ensure!(
            !takes_two_programs(&event, programs)?,
            "a perf event takes two programs"
        );
        Ok(())
    })
}
