// SPDX-License-Identifier: GPL-2.0-only
//! The pair matrix across contexts: what becomes of the hit of a program in an interrupt
//! that comes while a program runs in a task.
//!
//! The outer program raises the interrupt and stays until it is over: a hardirq by a signal
//! that waits for `irq_work`, a softirq by a timer. Inner programs sit on a function that in
//! this guest only that interrupt calls. That it was called is known by a fexit program, which
//! no program of the test keeps from running. Of timers there are fewer: on a busy host QEMU
//! lets each come some milliseconds late.

use std::mem::MaybeUninit;

use anyhow::Result;
use libbpf_rs::{MapCore as _, MapFlags, OpenObject};
use nmissed_selftests::AttachType::{
    self, Fentry, Fexit, Kprobe, KprobeMulti, KprobeSession, Kretprobe, KretprobeMulti,
};
use nmissed_selftests::needs::{
    FENTRY_TEST1, FPROBE, KFUNC, KernelFunction, SEND_SIGNAL, SESSION, TIMER,
};
use nmissed_selftests::skel::context::{ContextSkel, ContextSkelBuilder};
use nmissed_selftests::skel::{keep_only, load_with};
use nmissed_selftests::{
    Probe, Scenario, Target, attach_outer, fire, outer_program, run_test, scenario, variables,
};
use nmissed_wire::PAIR_IN;
use test_case::test_matrix;

#[test_matrix([Fentry, Kprobe, KprobeMulti])]
fn hardirq_over(outer: AttachType) -> Result<()> {
    interrupt_over(outer, "hardirq", &SEND_SIGNAL)
}

#[test_matrix([Fentry, Kprobe, KprobeMulti])]
fn softirq_over(outer: AttachType) -> Result<()> {
    interrupt_over(outer, "softirq", &TIMER)
}

/// Attach types of the inner programs, and their names; the last is missing before 6.10.
const INNER: [(AttachType, &str); 6] = [
    (Kprobe, "inner_kprobe"),
    (Kretprobe, "inner_kretprobe"),
    (KprobeMulti, "inner_multi"),
    (KretprobeMulti, "inner_multi_return"),
    (Fentry, "inner_fentry"),
    (KprobeSession, "inner_session"),
];

fn interrupt_over(outer: AttachType, context: &str, function: &KernelFunction) -> Result<()> {
    run_test(&[FENTRY_TEST1, FPROBE, KFUNC, *function], |test| {
        test.require_interrupts()?;
        let inner = &INNER[..if test.has(&SESSION)? { 6 } else { 5 }];
        let mut storage = MaybeUninit::uninit();
        let skel = load_for(outer, function, inner, &mut storage)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let _raises = Probe::fentry(match raises(function) {
            "start_timer" => &progs.start_timer,
            _ => &progs.send_signal,
        })?;
        let [key, value] = [u64::MAX.to_ne_bytes(); 2];
        skel.maps.lru.update(&key, &value, MapFlags::ANY)?;
        let _truth = Probe::trampoline(Fexit, &progs.inner_fexit)?;
        let attach = |(attach_type, _): &_| attach_inner(*attach_type, function, &skel);
        let mut inner = inner.iter().map(attach).collect::<Result<Vec<_>>>()?;
        for inner in &mut inner {
            let attach_type = inner.attach_type();
            inner.restart(format!("{attach_type}{PAIR_IN}{context}-over-{outer}"))?;
        }
        let outers = [&progs.outer_fentry, &progs.outer_kprobe, &progs.outer_multi];
        let _outer = attach_outer(outer, outers)?;
        let trigger = |times| fire(&progs.trigger, times);
        let steps = [("outer", &runs.outer), ("inner_fexit", &runs.inner_fexit)];
        let most = if function.name == TIMER.name {
            100
        } else {
            1000
        };
        test.measure_at([1, 2, most], trigger, &steps, &inner)
    })
}

/// Returns the name of the program that raises the interrupt that calls `function`.
fn raises(function: &KernelFunction) -> &'static str {
    match function.name == TIMER.name {
        true => "start_timer",
        false => "send_signal",
    }
}

/// Loads the programs of a test whose interrupt calls `function`.
fn load_for<'obj>(
    outer: AttachType,
    function: &KernelFunction,
    inner: &[(AttachType, &'static str)],
    storage: &'obj mut MaybeUninit<OpenObject>,
) -> Result<ContextSkel<'obj>> {
    let in_softirq = function.name == TIMER.name;
    load_with(ContextSkelBuilder::default(), storage, |open| {
        let mut names = vec!["trigger", "inner_fexit"];
        names.extend([outer_program(outer), raises(function)]);
        names.extend(inner.iter().map(|(_, name)| *name));
        keep_only(open, &names);
        if let Some(constants) = open.maps.rodata_data.as_deref_mut() {
            constants.in_softirq = in_softirq;
        }
        let target = Some(function.name.to_owned());
        open.progs
            .inner_fentry
            .set_attach_target(0, target.clone())?;
        Ok(open.progs.inner_fexit.set_attach_target(0, target)?)
    })
}

/// Attaches an inner program, whose scenario has no id yet.
fn attach_inner<'p, 'obj>(
    attach_type: AttachType,
    function: &KernelFunction,
    skel: &'p ContextSkel<'obj>,
) -> Result<Scenario<'p, 'obj>> {
    let (progs, runs) = (&skel.progs, &variables!(skel).runs);
    let (program, runs_of) = match attach_type {
        Kprobe => (&progs.inner_kprobe, &runs.inner_kprobe),
        Kretprobe => (&progs.inner_kretprobe, &runs.inner_kretprobe),
        KprobeMulti => (&progs.inner_multi, &runs.inner_multi),
        KretprobeMulti => (&progs.inner_multi_return, &runs.inner_multi_return),
        KprobeSession => (&progs.inner_session, &runs.inner_session),
        _ => (&progs.inner_fentry, &runs.inner_fentry),
    };
    let target = Target::function(function.name);
    let inner = scenario("", Probe::attach(attach_type, program, &target)?, runs_of);
    Ok(match attach_type {
        KprobeSession => inner.session(&runs.inner_session_return),
        _ => inner,
    })
}
