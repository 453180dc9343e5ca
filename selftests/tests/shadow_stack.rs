// SPDX-License-Identifier: GPL-2.0-only
//! As many links on the return of a function as the shadow stack of a task has
//! room for, and one more: since 6.14 they share 32 words per call
//! (`FGRAPH_MAX_DATA_SIZE`), of which a return takes one and a session two.

use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use nmissed_selftests::needs::{FENTRY_TEST1, FPROBE, SESSION};
use nmissed_selftests::skel::load_with;
use nmissed_selftests::skel::shadow_stack::ShadowStackSkelBuilder;
use nmissed_selftests::{Probe, Scene, fire};
use test_case::test_case;

// To attach so often takes its time, so there are fewer numbers of triggers.
#[test_case(1000, 32, "kretprobe.multi/32-links"; "as many as fit")]
#[test_case(1, 33, "kretprobe.multi/33-links"; "one too many, once")]
#[test_case(1000, 33, "kretprobe.multi/33-links"; "one too many, thousandfold")]
fn returns(times: u64, links: usize, scenario: &str) -> Result<()> {
    let Some(mut scene) = Scene::open(times, &[FENTRY_TEST1, FPROBE])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(ShadowStackSkelBuilder::default(), &mut storage, |open| {
        open.progs.on_both.set_autoload(false);
    })?;
    let probe = Probe::repeated(links, || {
        Probe::kretprobe_multi(&skel.progs.on_return, FENTRY_TEST1.function)
    })?;

    fire(&skel.progs.trigger, times)?;

    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    scene.observe(scenario, &probe, &runs.on_return)?;
    scene.close()
}

#[test_case(1000, 16, "kprobe.session/16-links"; "as many as fit")]
#[test_case(1, 17, "kprobe.session/17-links"; "one too many, once")]
#[test_case(1000, 17, "kprobe.session/17-links"; "one too many, thousandfold")]
fn sessions(times: u64, links: usize, scenario: &str) -> Result<()> {
    let Some(mut scene) = Scene::open(times, &[FENTRY_TEST1, FPROBE, SESSION])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(ShadowStackSkelBuilder::default(), &mut storage, |_| ())?;
    let probe = Probe::repeated(links, || {
        Probe::kprobe_session(&skel.progs.on_both, FENTRY_TEST1.function)
    })?;

    fire(&skel.progs.trigger, times)?;

    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    scene.observe(scenario, &probe, &runs.on_both)?;
    scene.check_pairs(&runs.on_both, &runs.on_both_return);
    scene.close()
}
