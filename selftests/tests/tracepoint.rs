// SPDX-License-Identifier: GPL-2.0-only
//! A tracepoint that fires in programs: in one of its own, in a kprobe's, and in
//! a test run.

use std::mem::MaybeUninit;

use anyhow::Result;
use libbpf_rs::ProgramInput;
use nmissed_selftests::AttachType::{self, Kprobe, KprobeMulti, RawTp, Tp, TpBtf};
use nmissed_selftests::needs::{FENTRY_TEST1, FPROBE, KFUNC};
use nmissed_selftests::skel::load_only;
use nmissed_selftests::skel::tracepoint::TracepointSkelBuilder;
use nmissed_selftests::{
    Probe, Target, attach_outer, each, fire, outer_program, run_test, scenario, variables,
};
use test_case::test_matrix;

/// The tracepoint, which the kfunc fires.
const NAME: &str = "bpf_trigger_tp";

/// The outer hit comes from a fentry program, which holds nothing that the
/// program of a tracepoint yields to.
#[test_matrix([Tp, RawTp, TpBtf])]
fn in_itself(attach_type: AttachType) -> Result<()> {
    run_test(&[FENTRY_TEST1, KFUNC], |test| {
        let name = match attach_type {
            Tp => "nesting",
            RawTp => "nesting_raw",
            _ => "nesting_btf",
        };
        let mut storage = MaybeUninit::uninit();
        let names = ["trigger", "firing", name];
        let skel = load_only(TracepointSkelBuilder::default(), &mut storage, &names)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let (program, nesting_runs) = match attach_type {
            Tp => (&progs.nesting, &runs.nesting),
            RawTp => (&progs.nesting_raw, &runs.nesting_raw),
            _ => (&progs.nesting_btf, &runs.nesting_btf),
        };
        let target = Target::tracepoint("bpf_test_run", NAME);
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
    run_test(&[FENTRY_TEST1, KFUNC, FPROBE], |test| {
        let mut storage = MaybeUninit::uninit();
        let inner = ["inner_raw_1", "inner_raw_2", "inner_btf"];
        let names = [&["trigger", outer_program(outer)][..], &inner].concat();
        let skel = load_only(TracepointSkelBuilder::default(), &mut storage, &names)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let inner = [
            scenario(
                format!("raw_tp/in-{outer}-1"),
                Probe::raw_tp(&progs.inner_raw_1, NAME)?,
                &runs.inner_raw_1,
            ),
            scenario(
                format!("raw_tp/in-{outer}-2"),
                Probe::raw_tp(&progs.inner_raw_2, NAME)?,
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
    run_test(&[KFUNC], |test| {
        let mut storage = MaybeUninit::uninit();
        let skel = load_only(
            TracepointSkelBuilder::default(),
            &mut storage,
            &["test_run"],
        )?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let attached = Probe::raw_tp(&progs.test_run, NAME)?.hit_per_trigger(2);
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
