// SPDX-License-Identifier: GPL-2.0-only
//! A function of user space that is entered while programs on it wait for its
//! return: there is nothing that they yield to (`bpf_prog_run_array_uprobe`,
//! `uprobe_prog_run`), so all of them run.

use std::ffi::c_int;
use std::hint::black_box;
use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use nmissed_selftests::needs::UPROBE;
use nmissed_selftests::skel::load_with;
use nmissed_selftests::skel::uprobe::UprobeSkelBuilder;
use nmissed_selftests::{AttachType, Probe, Scene, SetBy, TIMES, TraceEvent, file_offset};
use nmissed_uapi::interrupt;
use test_case::test_matrix;

/// As many returns as the kernel keeps of a thread (`MAX_URETPROBE_DEPTH`).
const KEPT: u64 = 64;

/// Calls itself until it was entered `depth` times, and lets a signal interrupt
/// the innermost call if told so.
#[inline(never)]
fn probed(depth: u64, interrupted: bool) -> u64 {
    if depth > 1 {
        // To have something left to do keeps it a call.
        black_box(probed(black_box(depth - 1), interrupted)) + 1
    } else {
        if interrupted {
            interrupt(again).expect("a signal for this thread");
        }
        1
    }
}

/// Where the signal leads.
extern "C" fn again(_: c_int) {
    black_box(probed(black_box(1), false));
}

/// How the function is entered once more, if at all.
#[derive(Clone, Copy)]
enum Entered {
    Once,
    FromSignalHandler,
    ByItself,
}

impl Entered {
    /// The end of the scenario's name.
    fn name(self) -> &'static str {
        match self {
            Self::Once => "called",
            Self::FromSignalHandler => "from-signal-handler",
            Self::ByItself => "64-deep",
        }
    }

    /// Entries per trigger.
    fn hits(self) -> u64 {
        match self {
            Self::Once => 1,
            Self::FromSignalHandler => 2,
            Self::ByItself => KEPT,
        }
    }

    fn trigger(self) {
        match self {
            Self::Once => probed(black_box(1), false),
            Self::FromSignalHandler => probed(black_box(1), true),
            Self::ByItself => probed(black_box(KEPT), false),
        };
    }
}

#[test_matrix([Entered::Once, Entered::FromSignalHandler, Entered::ByItself])]
fn reentry(entered: Entered) -> Result<()> {
    let Some(mut scene) = Scene::begin(&[UPROBE])? else {
        return Ok(());
    };
    let with_multi = scene.knows(AttachType::UprobeMulti);
    let with_session = scene.knows(AttachType::UprobeSession);
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(UprobeSkelBuilder::default(), &mut storage, |open| {
        open.progs.on_both.set_autoload(with_session);
    })?;
    let progs = &skel.progs;
    let offset = file_offset(probed as *const () as usize)?;
    let hit = |probe| Probe::hit_per_trigger(probe, entered.hits());
    let on_entry = Probe::uprobe(&progs.on_entry, offset).map(hit)?;
    let on_return = Probe::uretprobe(&progs.on_return, offset).map(hit)?;
    let entry_multi = with_multi
        .then(|| Probe::uprobe_multi(&progs.on_entry_multi, offset).map(hit))
        .transpose()?;
    let return_multi = with_multi
        .then(|| Probe::uretprobe_multi(&progs.on_return_multi, offset).map(hit))
        .transpose()?;
    let on_both = with_session
        .then(|| Probe::uprobe_session(&progs.on_both, offset).map(hit))
        .transpose()?;

    for times in TIMES {
        (0..scene.go_on_to(times)).for_each(|_| entered.trigger());

        let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
        for (attach_type, probe, runs) in [
            ("uprobe", Some(&on_entry), &runs.on_entry),
            ("uretprobe", Some(&on_return), &runs.on_return),
            ("uprobe.multi", entry_multi.as_ref(), &runs.on_entry_multi),
            (
                "uretprobe.multi",
                return_multi.as_ref(),
                &runs.on_return_multi,
            ),
            ("uprobe.session", on_both.as_ref(), &runs.on_both),
        ] {
            if let Some(probe) = probe {
                let scenario = format!("{attach_type}/{}", entered.name());
                scene.observe(&scenario, probe, runs)?;
            }
        }
        scene.check_pairs(&runs.on_both, &runs.on_both_return);
    }
    scene.close()
}

/// Events of tracefs, as deep as returns are kept, and one deeper; and one that is
/// attached once more, with all that it has missed until then.
#[test_matrix([KEPT, KEPT + 1])]
fn events(depth: u64) -> Result<()> {
    let Some(mut scene) = Scene::begin(&[UPROBE])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(UprobeSkelBuilder::default(), &mut storage, |open| {
        open.progs.on_both.set_autoload(false);
    })?;
    let progs = &skel.progs;
    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    let offset = file_offset(probed as *const () as usize)?;
    let entry = TraceEvent::uprobe("entry", offset)?;
    let exit = TraceEvent::uretprobe("exit", offset)?;
    let attach = |program, event, by| {
        Probe::trace_event(program, event, by).map(|probe| probe.hit_per_trigger(depth))
    };

    let at_first = [
        (
            "uprobe/event-by-link",
            attach(&progs.entry_by_link, &entry, SetBy::Link)?,
            &runs.entry_by_link,
        ),
        (
            "uprobe/event-by-ioctl",
            attach(&progs.entry_by_ioctl, &entry, SetBy::Ioctl)?,
            &runs.entry_by_ioctl,
        ),
        (
            "uretprobe/event-by-link",
            attach(&progs.return_by_link, &exit, SetBy::Link)?,
            &runs.return_by_link,
        ),
        (
            "uretprobe/event-by-ioctl",
            attach(&progs.return_by_ioctl, &exit, SetBy::Ioctl)?,
            &runs.return_by_ioctl,
        ),
    ];
    observe(&mut scene, depth, &at_first)?;
    drop(at_first);

    scene.begin_again();
    let again = [(
        "uretprobe/event-again",
        attach(&progs.return_again, &exit, SetBy::Link)?,
        &runs.return_again,
    )];
    observe(&mut scene, depth, &again)?;
    scene.close()
}

/// Enters the function so deep and observes, at every number of triggers.
fn observe(scene: &mut Scene, depth: u64, probes: &[(&str, Probe<'_, '_>, &u64)]) -> Result<()> {
    for times in TIMES {
        for _ in 0..scene.go_on_to(times) {
            assert_eq!(probed(black_box(depth), false), depth);
        }
        for (way, probe, runs) in probes {
            scene.observe(&format!("{way}-{depth}-deep"), probe, runs)?;
        }
    }
    Ok(())
}
