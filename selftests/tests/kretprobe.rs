// SPDX-License-Identifier: GPL-2.0-only
//! Returns: nested in other programs, and of more calls at a time than the kernel has
//! instances for.

use std::mem::MaybeUninit;

use anyhow::Result;
use nmissed_selftests::AttachType::{self, Fentry, Kprobe, KprobeMulti};
use nmissed_selftests::needs::{FPROBE, SESSION, STRUCT_SHOW};
use nmissed_selftests::skel::kretprobe::{KretprobeProgs, KretprobeSkelBuilder, types};
use nmissed_selftests::skel::load_only;
use nmissed_selftests::{
    NestedCalls, Probe, Scenario, SetBy, TraceEvent, attach_outer, fire, outer_needs,
    outer_program, run_test, scenario, variables,
};
use test_case::test_matrix;

/// The function that calls itself.
const NESTED: &str = STRUCT_SHOW.name;
/// Calls at a time, as bpf/kretprobe.bpf.c nests structs: one more than a kretprobe has
/// instances by default.
const CALLS: u64 = 11;
/// The number of CPUs for which that default and the other limits here hold.
const CPUS: usize = 2;

/// The programs on returns by kretprobe.
const RETURNS: [&str; 4] = ["by_link", "by_ioctl", "event_by_link", "event_by_ioctl"];

/// Attaches to the return of `function` by link and by ioctl, and both ways to `event`.
fn on_return<'p, 'obj>(
    ids: [String; 4],
    hits: u64,
    function: &str,
    event: &'p TraceEvent,
    progs: &'p KretprobeProgs<'obj>,
    runs: &'p types::runs,
) -> Result<[Scenario<'p, 'obj>; 4]> {
    let [id_link, id_ioctl, id_event_link, id_event_ioctl] = ids;
    let by_link = Probe::kretprobe(&progs.by_link, function, SetBy::Link)?;
    let by_ioctl = Probe::kretprobe(&progs.by_ioctl, function, SetBy::Ioctl)?;
    let event_by_link = Probe::trace_event(&progs.event_by_link, event, SetBy::Link)?;
    let event_by_ioctl = Probe::trace_event(&progs.event_by_ioctl, event, SetBy::Ioctl)?;
    Ok([
        (id_link, by_link, &runs.by_link),
        (id_ioctl, by_ioctl, &runs.by_ioctl),
        (id_event_link, event_by_link, &runs.event_by_link),
        (id_event_ioctl, event_by_ioctl, &runs.event_by_ioctl),
    ]
    .map(|(id, probe, runs)| {
        scenario(format!("kretprobe/{id}"), probe.hit_per_trigger(hits), runs)
    }))
}

#[test_matrix([Fentry, Kprobe, KprobeMulti])]
fn nested(outer: AttachType) -> Result<()> {
    run_test(outer_needs(outer), |test| {
        let inner = test.callee()?.name;
        let mut storage = MaybeUninit::uninit();
        let names = [&RETURNS[..], &["trigger", outer_program(outer)]].concat();
        let skel = load_only(KretprobeSkelBuilder::default(), &mut storage, &names)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let event = TraceEvent::kretprobe("nested", inner, 1)?;
        let ids = ["", "by-ioctl-", "event-by-link-", "event-by-ioctl-"]
            .map(|how| format!("{how}in-{outer}"));
        let inner = on_return(ids, 1, inner, &event, progs, runs)?;
        let outers = [&progs.outer_fentry, &progs.outer_kprobe, &progs.outer_multi];
        let _outer = attach_outer(outer, outers)?;
        let trigger = |times| fire(&progs.trigger, times);
        test.measure(trigger, &[("outer", &runs.outer)], &inner)
    })
}

/// All calls are in the function at the same time, and return after that.
#[test]
fn kretprobe_pool() -> Result<()> {
    run_test(&[STRUCT_SHOW], |test| {
        test.require_possible_cpus(CPUS)?;
        let mut storage = MaybeUninit::uninit();
        let mut skel = load_only(KretprobeSkelBuilder::default(), &mut storage, &RETURNS)?;
        let calls = NestedCalls::of(&mut skel.maps.structs, CALLS)?;
        let event = TraceEvent::kretprobe("pool", NESTED, 3)?;
        let ids = [
            "default-pool",
            "default-pool-by-ioctl",
            "event-pool-of-3-by-link",
            "event-pool-of-3-by-ioctl",
        ]
        .map(str::to_owned);
        let runs = &variables!(skel).runs;
        let pools = on_return(ids, CALLS, NESTED, &event, &skel.progs, runs)?;
        test.measure(|times| calls.make(times), &[], &pools)
    })
}

/// As [`kretprobe_pool`], for kretprobe.multi and kprobe.session.
#[test]
fn fprobe_pool() -> Result<()> {
    run_test(&[STRUCT_SHOW, FPROBE], |test| {
        test.require_possible_cpus(CPUS)?;
        let with_session = test.has(&SESSION)?;
        let names = &["on_return", "on_both"][..if with_session { 2 } else { 1 }];
        let mut storage = MaybeUninit::uninit();
        let mut skel = load_only(KretprobeSkelBuilder::default(), &mut storage, names)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let calls = NestedCalls::of(&mut skel.maps.structs, CALLS)?;
        let on_return = Probe::kretprobe_multi(&progs.on_return, NESTED)?.hit_per_trigger(CALLS);
        let id = "kretprobe.multi/default-pool";
        let mut pools = vec![scenario(id, on_return, &runs.on_return)];
        if with_session {
            let on_both = Probe::kprobe_session(&progs.on_both, NESTED)?.hit_per_trigger(CALLS);
            let id = "kprobe.session/default-pool";
            pools.push(scenario(id, on_both, &runs.on_both).session(&runs.on_both_return));
        }
        test.measure(|times| calls.make(times), &[], &pools)
    })
}
