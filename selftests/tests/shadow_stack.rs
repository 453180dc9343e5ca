// SPDX-License-Identifier: GPL-2.0-only
//! As many links on the return of a function as the shadow stack of a task has
//! room for, and one more: since 6.14 they share 32 words per call
//! (`FGRAPH_MAX_DATA_SIZE`), of which a return takes one and a session two.
//!
//! One test does it all, at every number of triggers: on 6.12 each link that is
//! detached takes a tenth of a second, which `rcu_tasks_kthread` sleeps after each
//! of the grace periods that `ftrace_shutdown` waits for.

use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use libbpf_rs::ProgramMut;
use nmissed_selftests::needs::{FENTRY_TEST1, FPROBE, KFUNC, SESSION};
use nmissed_selftests::skel::shadow_stack::ShadowStackSkelBuilder;
use nmissed_selftests::skel::shadow_stack_nested::ShadowStackNestedSkelBuilder;
use nmissed_selftests::skel::{load, load_with};
use nmissed_selftests::{Probe, Scene, TIMES, fire};

#[test]
fn returns() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, FPROBE])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(ShadowStackSkelBuilder::default(), &mut storage, |open| {
        open.progs.on_both.set_autoload(false);
    })?;
    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    let attach = || Probe::kretprobe_multi(&skel.progs.on_return, FENTRY_TEST1.function);
    let trigger = &skel.progs.trigger;

    let mut probe = Probe::repeated(32, attach)?;
    observe(
        &mut scene,
        "kretprobe.multi/32-links",
        trigger,
        &probe,
        &runs.on_return,
    )?;

    probe = probe.and(attach()?);
    scene.start_over(&mut probe, &runs.on_return)?;
    observe(
        &mut scene,
        "kretprobe.multi/33-links",
        trigger,
        &probe,
        &runs.on_return,
    )?;
    scene.close()
}

#[test]
fn sessions() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, FPROBE, SESSION])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(ShadowStackSkelBuilder::default(), &mut storage, |_| ())?;
    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    let attach = || Probe::kprobe_session(&skel.progs.on_both, FENTRY_TEST1.function);
    let trigger = &skel.progs.trigger;

    let mut probe = Probe::repeated(16, attach)?;
    observe(
        &mut scene,
        "kprobe.session/16-links",
        trigger,
        &probe,
        &runs.on_both,
    )?;

    probe = probe.and(attach()?);
    scene.start_over(&mut probe, &runs.on_both)?;
    observe(
        &mut scene,
        "kprobe.session/17-links",
        trigger,
        &probe,
        &runs.on_both,
    )?;
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
#[test]
fn nested() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, KFUNC, FPROBE])? else {
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

    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    observe(
        &mut scene,
        "kretprobe.multi/16-nested",
        &progs.trigger,
        &probe,
        &runs.on_return,
    )?;
    scene.close()
}

/// Fires and observes at every number of triggers.
fn observe(
    scene: &mut Scene,
    scenario: &str,
    trigger: &ProgramMut<'_>,
    probe: &Probe<'_, '_>,
    runs: &u64,
) -> Result<()> {
    TIMES.into_iter().try_for_each(|times| {
        fire(trigger, scene.go_on_to(times))?;
        scene.observe(scenario, probe, runs)
    })
}
