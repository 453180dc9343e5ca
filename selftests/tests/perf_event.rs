// SPDX-License-Identifier: GPL-2.0-only
//! Programs on perf events that are no tracepoints: a breakpoint on a variable
//! that another program writes to.

use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use libbpf_rs::ProgramInput;
use nmissed_selftests::needs::{BREAKPOINT, FENTRY_TEST1};
use nmissed_selftests::skel::load;
use nmissed_selftests::skel::perf_event::PerfEventSkelBuilder;
use nmissed_selftests::{Probe, Scene, fire};
use test_case::test_case;

/// In a kprobe program, which holds what a perf event's program yields to.
#[test_case(1; "once")]
#[test_case(2; "twice")]
#[test_case(1000; "thousandfold")]
fn in_kprobe(times: u64) -> Result<()> {
    let Some(mut scene) = Scene::open(times, &[FENTRY_TEST1, BREAKPOINT])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load(PerfEventSkelBuilder::default(), &mut storage)?;
    skel.progs.locate.test_run(ProgramInput::default())?;
    let bss = skel.maps.bss_data.as_deref().context("no .bss")?;
    let watching = Probe::write_breakpoint(&skel.progs.on_write, bss.address)?;
    let _writing = Probe::kprobe(&skel.progs.in_kprobe, FENTRY_TEST1.function)?;

    fire(&skel.progs.trigger, times)?;

    scene.check_step("in_kprobe", &bss.runs.in_kprobe);
    scene.observe("perf_event/in-kprobe", &watching, &bss.runs.on_write)?;
    scene.close()
}

/// In a fentry program, which holds nothing but itself.
#[test_case(1; "once")]
#[test_case(2; "twice")]
#[test_case(1000; "thousandfold")]
fn in_fentry(times: u64) -> Result<()> {
    let Some(mut scene) = Scene::open(times, &[FENTRY_TEST1, BREAKPOINT])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load(PerfEventSkelBuilder::default(), &mut storage)?;
    skel.progs.locate.test_run(ProgramInput::default())?;
    let bss = skel.maps.bss_data.as_deref().context("no .bss")?;
    let watching = Probe::write_breakpoint(&skel.progs.on_write, bss.address)?;
    let _writing = Probe::fentry(&skel.progs.in_fentry)?;

    fire(&skel.progs.trigger, times)?;

    scene.check_step("in_fentry", &bss.runs.in_fentry);
    scene.observe("perf_event/in-fentry", &watching, &bss.runs.on_write)?;
    scene.close()
}
