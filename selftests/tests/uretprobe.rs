// SPDX-License-Identifier: GPL-2.0-only
//! A function of user space that recurses deeper than the kernel keeps returns
//! of a thread (`MAX_URETPROBE_DEPTH`, 64).

use std::hint::black_box;
use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use nmissed_selftests::needs::UPROBE;
use nmissed_selftests::skel::load_with;
use nmissed_selftests::skel::uretprobe::UretprobeSkelBuilder;
use nmissed_selftests::{AttachType, Probe, Scene, TIMES, file_offset};
use test_case::test_matrix;

/// One more than returns are kept.
const DEPTH: u64 = 65;

/// What waits for the return.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Uretprobe,
    UretprobeMulti,
    UprobeSession,
}
use Kind::{UprobeSession, Uretprobe, UretprobeMulti};

/// Calls itself until it was entered `depth` times.
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    if depth > 1 {
        // To have something left to do keeps it a call.
        black_box(recurse(black_box(depth - 1))) + 1
    } else {
        1
    }
}

#[test_matrix([Uretprobe, UretprobeMulti, UprobeSession])]
fn too_deep(kind: Kind) -> Result<()> {
    let Some(mut scene) = Scene::begin(&[UPROBE])? else {
        return Ok(());
    };
    if kind == UretprobeMulti && !scene.knows(AttachType::UprobeMulti) {
        return scene.skip_attach_type(AttachType::UprobeMulti);
    }
    if kind == UprobeSession && !scene.knows(AttachType::UprobeSession) {
        return scene.skip_attach_type(AttachType::UprobeSession);
    }
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(UretprobeSkelBuilder::default(), &mut storage, |open| {
        open.progs.on_both.set_autoload(kind == UprobeSession);
    })?;
    let offset = file_offset(recurse as *const () as usize)?;
    let probe = match kind {
        Uretprobe => Probe::uretprobe(&skel.progs.on_return, offset),
        UretprobeMulti => Probe::uretprobe_multi(&skel.progs.on_return_multi, offset),
        UprobeSession => Probe::uprobe_session(&skel.progs.on_both, offset),
    }?
    .hit_per_trigger(DEPTH);

    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    let (scenario, runs) = match kind {
        Uretprobe => ("uretprobe/65-deep", &runs.on_return),
        UretprobeMulti => ("uretprobe.multi/65-deep", &runs.on_return_multi),
        UprobeSession => ("uprobe.session/65-deep", &runs.on_both_return),
    };
    for times in TIMES {
        for _ in 0..scene.go_on_to(times) {
            assert_eq!(recurse(black_box(DEPTH)), DEPTH);
        }
        scene.observe(scenario, &probe, runs)?;
    }
    scene.close()
}
