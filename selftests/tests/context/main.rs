// SPDX-License-Identifier: GPL-2.0-only
//! The pair matrix across contexts: what becomes of the hit of a program in an interrupt
//! that comes while a program runs in a task.
//!
//! The outer program raises the interrupt and stays until it is over: a softirq by a timer, a
//! hardirq by a signal that waits for `irq_work`, an NMI by a write to what a breakpoint
//! watches. Inner programs sit on a function that in this guest only that interrupt calls. That
//! it was called is known by a fexit program, which no program of the test keeps from running.

use std::mem::MaybeUninit;

use anyhow::Result;
use libbpf_rs::{MapCore as _, MapFlags, OpenObject, ProgramInput};
use nmissed_selftests::AttachType::{
    self, Fentry, Fexit, Kprobe, KprobeMulti, KprobeSession, Kretprobe, KretprobeMulti,
};
use nmissed_selftests::needs::{
    BREAKPOINT_HIT, FENTRY_TEST1, FPROBE, KFUNC, KernelFunction, LOOP, SEND_SIGNAL, SESSION, TIMER,
};
use nmissed_selftests::skel::context::{ContextSkel, ContextSkelBuilder};
use nmissed_selftests::skel::{keep_only, load_with};
use nmissed_selftests::{
    Probe, Scenario, Target, attach_outer, fire, outer_program, run_test, scenario, variables,
};
use nmissed_wire::PAIR_IN;
use test_case::test_matrix;

/// An interrupt that an outer program raises.
struct Interrupt {
    /// Name of its context in scenarios.
    context: &'static str,
    /// Number of its context in bpf/context.bpf.c.
    number: u32,
    /// The function that it calls.
    function: KernelFunction,
    /// The programs that raise it.
    raises: &'static [&'static str],
    /// Triggers in all: on a busy host QEMU lets a timer come some milliseconds late.
    triggers: u64,
}

const HARDIRQ: Interrupt = Interrupt {
    context: "hardirq",
    number: 0,
    function: SEND_SIGNAL,
    raises: &["send_signal"],
    triggers: 1000,
};

const SOFTIRQ: Interrupt = Interrupt {
    context: "softirq",
    number: 1,
    function: TIMER,
    raises: &["start_timer"],
    triggers: 100,
};

const NMI: Interrupt = Interrupt {
    context: "nmi",
    number: 2,
    function: BREAKPOINT_HIT,
    raises: &["locate", "on_write"],
    triggers: 1000,
};

/// Attach types of the inner programs, and their names; the last is missing before 6.10.
const INNER: [(AttachType, &str); 6] = [
    (Kprobe, "inner_kprobe"),
    (Kretprobe, "inner_kretprobe"),
    (KprobeMulti, "inner_multi"),
    (KretprobeMulti, "inner_multi_return"),
    (Fentry, "inner_fentry"),
    (KprobeSession, "inner_session"),
];

#[test_matrix([HARDIRQ, SOFTIRQ, NMI], [Fentry, Kprobe, KprobeMulti])]
fn over(interrupt: Interrupt, outer: AttachType) -> Result<()> {
    run_test(&[FENTRY_TEST1, FPROBE, LOOP, interrupt.function], |test| {
        if interrupt.context == SOFTIRQ.context {
            test.require(&KFUNC)?;
        }
        test.require_interrupts()?;
        let inner = &INNER[..if test.has(&SESSION)? { 6 } else { 5 }];
        let mut storage = MaybeUninit::uninit();
        let skel = load_for(outer, &interrupt, inner, &mut storage)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let _raises = attach_raising(&interrupt, &skel)?;
        let _truth = Probe::trampoline(Fexit, &progs.inner_fexit)?;
        let attach = |(attach_type, _): &_| attach_inner(*attach_type, &interrupt, &skel);
        let mut inner = inner.iter().map(attach).collect::<Result<Vec<_>>>()?;
        for inner in &mut inner {
            let (attach_type, context) = (inner.attach_type(), interrupt.context);
            inner.restart(format!("{attach_type}{PAIR_IN}{context}-over-{outer}"))?;
        }
        let outers = [&progs.outer_fentry, &progs.outer_kprobe, &progs.outer_multi];
        let _outer = attach_outer(outer, outers)?;
        let trigger = |times| fire(&progs.trigger, times);
        let steps = [("outer", &runs.outer), ("inner_fexit", &runs.inner_fexit)];
        test.measure_at([1, 2, interrupt.triggers], trigger, &steps, &inner)
    })
}

/// Loads the programs of a test.
fn load_for<'obj>(
    outer: AttachType,
    interrupt: &Interrupt,
    inner: &[(AttachType, &'static str)],
    storage: &'obj mut MaybeUninit<OpenObject>,
) -> Result<ContextSkel<'obj>> {
    load_with(ContextSkelBuilder::default(), storage, |open| {
        let mut names = vec!["trigger", "inner_fexit", outer_program(outer)];
        names.extend(interrupt.raises);
        names.extend(inner.iter().map(|(_, name)| *name));
        keep_only(open, &names);
        if let Some(constants) = open.maps.rodata_data.as_deref_mut() {
            constants.context = interrupt.number;
        }
        let target = Some(interrupt.function.name.to_owned());
        open.progs
            .inner_fentry
            .set_attach_target(0, target.clone())?;
        Ok(open.progs.inner_fexit.set_attach_target(0, target)?)
    })
}

/// Attaches what raises the interrupt when the outer program runs.
fn attach_raising<'p, 'obj>(
    interrupt: &Interrupt,
    skel: &'p ContextSkel<'obj>,
) -> Result<Probe<'p, 'obj>> {
    match interrupt.number {
        0 => {
            let [key, value] = [u64::MAX.to_ne_bytes(); 2];
            skel.maps.lru.update(&key, &value, MapFlags::ANY)?;
            Probe::fentry(&skel.progs.send_signal)
        }
        1 => Probe::fentry(&skel.progs.start_timer),
        _ => {
            skel.progs.locate.test_run(ProgramInput::default())?;
            Probe::write_breakpoint(&skel.progs.on_write, variables!(skel).address)
        }
    }
}

/// Attaches an inner program, whose scenario has no id yet.
fn attach_inner<'p, 'obj>(
    attach_type: AttachType,
    interrupt: &Interrupt,
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
    let target = Target::function(interrupt.function.name);
    let inner = scenario("", Probe::attach(attach_type, program, &target)?, runs_of);
    Ok(match attach_type {
        KprobeSession => inner.session(&runs.inner_session_return),
        _ => inner,
    })
}
