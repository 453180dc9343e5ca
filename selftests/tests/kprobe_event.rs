// SPDX-License-Identifier: GPL-2.0-only
//! Kprobes attached without a link: programs set on a perf event by ioctl, and events of
//! tracefs.

use std::mem::MaybeUninit;

use anyhow::{Result, ensure};
use nmissed_selftests::AttachType::{self, Fentry, Kprobe, KprobeMulti};
use nmissed_selftests::skel::kprobe_event::{KprobeEventProgs, KprobeEventSkelBuilder, types};
use nmissed_selftests::skel::{load_only, load_without};
use nmissed_selftests::{
    Flavor, Probe, Scenario, SetBy, TraceEvent, attach_outer, fire, other_outer_programs,
    outer_needs, run_test, scenario, takes_two_programs, variables,
};
use test_case::test_matrix;

/// The events of tracefs on a function, each for one kind of attaching.
struct Events {
    function: &'static str,
    for_ioctl: TraceEvent,
    for_link: TraceEvent,
    shared: TraceEvent,
    /// Of two probes, both hit by each call.
    of_two: TraceEvent,
}

impl Events {
    fn on(function: &'static str) -> Result<Self> {
        Ok(Self {
            function,
            for_ioctl: TraceEvent::kprobe("for_ioctl", function)?,
            for_link: TraceEvent::kprobe("for_link", function)?,
            shared: TraceEvent::kprobe("shared", function)?,
            of_two: TraceEvent::kprobe("of_two", function)?.and_further_on()?,
        })
    }

    /// Attaches all inner programs.
    fn attach<'p, 'obj>(
        &'p self,
        outer: AttachType,
        progs: &'p KprobeEventProgs<'obj>,
        runs: &'p types::runs,
    ) -> Result<Vec<Scenario<'p, 'obj>>> {
        use SetBy::{Ioctl, Link};
        let by_ioctl = Probe::kprobe_by_ioctl(&progs.by_ioctl, self.function)?;
        let id = |how| format!("kprobe/{how}-in-{outer}");
        let mut all = vec![scenario(id("by-ioctl"), by_ioctl, &runs.by_ioctl)];
        macro_rules! on_event {
            ($how:literal, $program:ident, $event:ident, $by:ident, $hits:literal) => {
                let probe = Probe::trace_event(&progs.$program, &self.$event, $by)?;
                let probe = probe.hit_per_trigger($hits);
                all.push(scenario(id($how), probe, &runs.$program));
            };
        }
        on_event!("event-by-ioctl", event_by_ioctl, for_ioctl, Ioctl, 1);
        on_event!("event-by-link", event_by_link, for_link, Link, 1);
        on_event!("event-shared-1", shared_1, shared, Link, 1);
        on_event!("event-shared-2", shared_2, shared, Ioctl, 1);
        on_event!("event-of-two-by-link", of_two_by_link, of_two, Link, 2);
        on_event!("event-of-two-by-ioctl", of_two_by_ioctl, of_two, Ioctl, 2);
        Ok(all)
    }
}

#[test_matrix([Fentry, Kprobe, KprobeMulti])]
fn nested(outer: AttachType) -> Result<()> {
    run_test(outer_needs(outer), |test| {
        let function = test.callee()?.name;
        test.require_site(function, Flavor::Int3)?;
        let mut storage = MaybeUninit::uninit();
        let builder = KprobeEventSkelBuilder::default();
        let skel = load_without(builder, &mut storage, &other_outer_programs(outer))?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let events = Events::on(function)?;
        let inner = events.attach(outer, progs, runs)?;
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
    run_test(&[], |test| {
        let mut storage = MaybeUninit::uninit();
        let names = ["shared_1", "shared_2"];
        let skel = load_only(KprobeEventSkelBuilder::default(), &mut storage, &names)?;
        let event = TraceEvent::kprobe("shared", test.callee()?.name)?;
        let programs = [&skel.progs.shared_1, &skel.progs.shared_2];
        ensure!(
            !takes_two_programs(&event, programs)?,
            "a perf event takes two programs"
        );
        Ok(())
    })
}
