// SPDX-License-Identifier: GPL-2.0-only
//! A tracepoint that fires in programs: in one of its own, in a kprobe's, and in
//! a test run.

use std::mem::MaybeUninit;

use anyhow::Result;
use libbpf_rs::{OpenObject, ProgramInput};
use nmissed_selftests::AttachType::{self, Kprobe, KprobeMulti, RawTp, Tp, TpBtf};
use nmissed_selftests::needs::FENTRY_TEST1;
use nmissed_selftests::skel::tracepoint::{TracepointSkel, TracepointSkelBuilder};
use nmissed_selftests::skel::{keep_only, load_only, load_with};
use nmissed_selftests::{
    Probe, Target, attach_outer, each, fire, outer_needs, outer_program, run_test, scenario,
    variables,
};
use test_case::test_matrix;

/// Loads these programs, of which those of tp_btf sit on the tracepoint of this name.
fn load<'obj>(
    storage: &'obj mut MaybeUninit<OpenObject>,
    names: &[&str],
    tracepoint: &str,
) -> Result<TracepointSkel<'obj>> {
    load_with(TracepointSkelBuilder::default(), storage, |open| {
        keep_only(open, names);
        for program in [&mut open.progs.nesting_btf, &mut open.progs.inner_btf] {
            program.set_attach_target(0, Some(tracepoint.to_owned()))?;
        }
        Ok(())
    })
}

/// The outer hit comes from a fentry program, which holds nothing that the
/// program of a tracepoint yields to.
#[test_matrix([Tp, RawTp, TpBtf])]
fn in_itself(attach_type: AttachType) -> Result<()> {
    run_test(&[FENTRY_TEST1], |test| {
        let (group, tracepoint) = test.fired_tracepoint()?;
        if attach_type != Tp {
            // 05b24ff9b2cf bpf: Prevent bpf program recursion for raw tracepoint probes
            let check = "check that keeps a raw tracepoint's program out of itself";
            test.require_release(6, 1, check)?;
        }
        let name = match attach_type {
            Tp => "nesting",
            RawTp => "nesting_raw",
            _ => "nesting_btf",
        };
        let mut storage = MaybeUninit::uninit();
        let names = ["trigger", "firing", name];
        let skel = load(&mut storage, &names, tracepoint)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let (program, nesting_runs) = match attach_type {
            Tp => (&progs.nesting, &runs.nesting),
            RawTp => (&progs.nesting_raw, &runs.nesting_raw),
            _ => (&progs.nesting_btf, &runs.nesting_btf),
        };
        let target = Target::tracepoint(group, tracepoint);
        let nesting = Probe::attach(attach_type, program, &target)?.hit_per_trigger(2);
        let nesting = scenario(format!("{attach_type}/in-itself"), nesting, nesting_runs);
        let _firing = Probe::fentry(&progs.firing)?;
        let trigger = |times| fire(&progs.trigger, times);
        test.measure(trigger, &[("firing", &runs.firing)], &[nesting])
    })
}

/// In programs that hold what the programs of perf's tracepoints yield to.
#[test_matrix([Kprobe, KprobeMulti])]
fn raw_in(outer: AttachType) -> Result<()> {
    run_test(outer_needs(outer), |test| {
        let (_, tracepoint) = test.fired_tracepoint()?;
        let mut storage = MaybeUninit::uninit();
        let inner = ["inner_raw_1", "inner_raw_2", "inner_btf"];
        let names = [&["trigger", outer_program(outer)][..], &inner].concat();
        let skel = load(&mut storage, &names, tracepoint)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let inner = [
            scenario(
                format!("raw_tp/in-{outer}-1"),
                Probe::raw_tp(&progs.inner_raw_1, tracepoint)?,
                &runs.inner_raw_1,
            ),
            scenario(
                format!("raw_tp/in-{outer}-2"),
                Probe::raw_tp(&progs.inner_raw_2, tracepoint)?,
                &runs.inner_raw_2,
            ),
            scenario(
                format!("tp_btf/in-{outer}"),
                Probe::tp_btf(&progs.inner_btf)?,
                &runs.inner_btf,
            ),
        ];
        let outers = [&progs.outer_fentry, &progs.outer_kprobe, &progs.outer_multi];
        let _outer = attach_outer(outer, outers)?;
        test.measure(|times| fire(&progs.trigger, times), &[], &inner)
    })
}

/// In a test run of the same program.
#[test]
fn in_test_run() -> Result<()> {
    run_test(&[], |test| {
        let (_, tracepoint) = test.fired_tracepoint()?;
        let mut storage = MaybeUninit::uninit();
        let skel = load_only(
            TracepointSkelBuilder::default(),
            &mut storage,
            &["test_run"],
        )?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let attached = Probe::raw_tp(&progs.test_run, tracepoint)?.hit_per_trigger(2);
        let attached = scenario("raw_tp/in-test-run", attached, &runs.test_run);

        let mut argument = 1_u64.to_ne_bytes();
        let trigger = each(|| {
            progs.test_run.test_run(ProgramInput {
                context_in: Some(&mut argument),
                ..Default::default()
            })?;
            Ok(())
        });
        test.measure(trigger, &[], &[attached])
    })
}
