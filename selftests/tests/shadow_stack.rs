// SPDX-License-Identifier: GPL-2.0-only
//! As many links on the return of a function as the shadow stack of a task has
//! room for, and one more: since 6.14 they share 32 words per call
//! (`FGRAPH_MAX_DATA_SIZE`), of which a return takes one and a session two.

use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use nmissed_selftests::needs::{FENTRY_TEST1, FPROBE, KFUNC, SESSION};
use nmissed_selftests::skel::shadow_stack::ShadowStackSkelBuilder;
use nmissed_selftests::skel::shadow_stack_nested::ShadowStackNestedSkelBuilder;
use nmissed_selftests::skel::{load, load_with};
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

/// Links for which 14 calls fill the shadow stack of a task but for two words: each
/// call takes 4 words (`FGRAPH_FRAME_OFFSET` and one), and those that the links
/// ask for and one, of the 492 below `SHADOW_STACK_MAX_OFFSET` (7.3).
const FILLING: usize = 30;
/// How often the kfunc is entered before it returns for the first time.
const NESTED: u64 = 16;

/// Nested so deep that a call finds no room to remember its return at all.
#[test_case(1; "once")]
#[test_case(1000; "thousandfold")]
fn nested(times: u64) -> Result<()> {
    let Some(mut scene) = Scene::open(times, &[FENTRY_TEST1, KFUNC, FPROBE])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load(ShadowStackNestedSkelBuilder::default(), &mut storage)?;
    let progs = &skel.progs;
    let probe = Probe::repeated(FILLING, || {
        Probe::kretprobe_multi(&progs.on_return, KFUNC.function)
    })?
    .hit_per_trigger(NESTED);
    let _first = Probe::fentry(&progs.first)?;
    let levels = [
        &progs.level_1,
        &progs.level_2,
        &progs.level_3,
        &progs.level_4,
        &progs.level_5,
        &progs.level_6,
        &progs.level_7,
        &progs.level_8,
        &progs.level_9,
        &progs.level_10,
        &progs.level_11,
        &progs.level_12,
        &progs.level_13,
        &progs.level_14,
        &progs.level_15,
    ];
    let _levels = levels
        .into_iter()
        .map(Probe::fentry)
        .collect::<Result<Vec<_>>>()?;

    fire(&progs.trigger, times)?;

    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    scene.observe("kretprobe.multi/16-nested", &probe, &runs.on_return)?;
    scene.close()
}
