// SPDX-License-Identifier: GPL-2.0-only
//! A tracepoint that fires in programs: in one of its own, in a kprobe's, and in
//! a test run.

use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use libbpf_rs::ProgramInput;
use nmissed_selftests::needs::{FENTRY_TEST1, FPROBE, KFUNC};
use nmissed_selftests::skel::tracepoint::TracepointSkelBuilder;
use nmissed_selftests::skel::{keep_only, load_with};
use nmissed_selftests::{Outer, Probe, Scene, TIMES, fire};
use test_case::test_case;

/// The tracepoint, which the kfunc fires, and its group.
const NAME: &str = "bpf_trigger_tp";
const GROUP: &str = "bpf_test_run";

/// How the program comes to the tracepoint.
#[derive(Clone, Copy)]
enum Kind {
    Tp,
    RawTp,
    TpBtf,
}
use Kind::{RawTp, Tp, TpBtf};

/// The outer hit comes from a fentry program, which holds nothing that the
/// program of a tracepoint yields to.
#[test_case(Tp)]
#[test_case(RawTp)]
#[test_case(TpBtf)]
fn in_itself(kind: Kind) -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, KFUNC])? else {
        return Ok(());
    };
    let program = match kind {
        Tp => "nesting",
        RawTp => "nesting_raw",
        TpBtf => "nesting_btf",
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(TracepointSkelBuilder::default(), &mut storage, |open| {
        keep_only(open, &["trigger", "firing", program]);
    })?;
    let progs = &skel.progs;
    let nesting = match kind {
        Tp => Probe::tracepoint(&progs.nesting, GROUP, NAME),
        RawTp => Probe::raw_tp(&progs.nesting_raw, NAME),
        TpBtf => Probe::tp_btf(&progs.nesting_btf),
    }?
    .hit_per_trigger(2);
    let _firing = Probe::fentry(&progs.firing)?;

    let all = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    let (scenario, runs) = match kind {
        Tp => ("tp/in-itself", &all.nesting),
        RawTp => ("raw_tp/in-itself", &all.nesting_raw),
        TpBtf => ("tp_btf/in-itself", &all.nesting_btf),
    };
    for times in TIMES {
        fire(&progs.trigger, scene.go_on_to(times))?;
        scene.check_step("firing", &all.firing);
        scene.observe(scenario, &nesting, runs)?;
    }
    scene.close()
}

/// In programs that hold what those of perf's tracepoints yield to.
#[test_case(Outer::Kprobe)]
#[test_case(Outer::KprobeMulti)]
fn raw_in(outer: Outer) -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, KFUNC, FPROBE])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(TracepointSkelBuilder::default(), &mut storage, |open| {
        let inner = ["inner_raw_1", "inner_raw_2", "inner_btf"];
        keep_only(open, &[&["trigger", outer.program()][..], &inner].concat());
    })?;
    let progs = &skel.progs;
    let raw_1 = Probe::raw_tp(&progs.inner_raw_1, NAME)?;
    let raw_2 = Probe::raw_tp(&progs.inner_raw_2, NAME)?;
    let btf = Probe::tp_btf(&progs.inner_btf)?;
    let _outer = outer.attach([&progs.outer_fentry, &progs.outer_kprobe, &progs.outer_multi])?;

    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    let in_outer = |name: &str, number: &str| format!("{name}/in-{}{number}", outer.name());
    for times in TIMES {
        fire(&progs.trigger, scene.go_on_to(times))?;
        scene.observe(&in_outer("raw_tp", "-1"), &raw_1, &runs.inner_raw_1)?;
        scene.observe(&in_outer("raw_tp", "-2"), &raw_2, &runs.inner_raw_2)?;
        scene.observe(&in_outer("tp_btf", ""), &btf, &runs.inner_btf)?;
    }
    scene.close()
}

/// In a test run of the same program.
#[test]
fn in_test_run() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[KFUNC])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(TracepointSkelBuilder::default(), &mut storage, |open| {
        keep_only(open, &["test_run"]);
    })?;
    let attached = Probe::raw_tp(&skel.progs.test_run, NAME)?.hit_per_trigger(2);

    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    let mut argument = 1_u64.to_ne_bytes();
    for times in TIMES {
        for _ in 0..scene.go_on_to(times) {
            skel.progs.test_run.test_run(ProgramInput {
                context_in: Some(&mut argument),
                ..Default::default()
            })?;
        }
        scene.observe("raw_tp/in-test-run", &attached, &runs.test_run)?;
    }
    scene.close()
}
