// SPDX-License-Identifier: GPL-2.0-only
//! A tracepoint that fires in a program of its own.

use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use nmissed_selftests::needs::{FENTRY_TEST1, KFUNC};
use nmissed_selftests::skel::load;
use nmissed_selftests::skel::tracepoint::TracepointSkelBuilder;
use nmissed_selftests::{Probe, Scene, fire};
use test_case::test_case;

/// The outer hit comes from a fentry program, which holds nothing that the
/// program of a tracepoint yields to.
#[test_case(1; "once")]
#[test_case(2; "twice")]
#[test_case(1000; "thousandfold")]
fn in_itself(times: u64) -> Result<()> {
    let Some(mut scene) = Scene::open(times, &[FENTRY_TEST1, KFUNC])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load(TracepointSkelBuilder::default(), &mut storage)?;
    let nesting = Probe::tracepoint(&skel.progs.nesting, "bpf_test_run", "bpf_trigger_tp")?
        .hit_per_trigger(2);
    let _firing = Probe::fentry(&skel.progs.firing)?;

    fire(&skel.progs.trigger, times)?;

    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    scene.check_step("firing", &runs.firing);
    scene.observe("tp/in-itself", &nesting, &runs.nesting)?;
    scene.close()
}
