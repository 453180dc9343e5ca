// SPDX-License-Identifier: GPL-2.0-only
//! A program X for the entry and another one, Y, for the return of the functions
//! A and B, both of which call B: are they hit in pairs?

use std::ffi::c_char;
use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use nmissed_selftests::needs::{FENTRY_TEST1, FPROBE, KFUNC};
use nmissed_selftests::skel::load;
use nmissed_selftests::skel::pairing::PairingSkelBuilder;
use nmissed_selftests::{Probe, Scene, SetBy, TIMES, address_of, fire};

const A: &str = FENTRY_TEST1.function;
const B: &str = KFUNC.function;

/// How many steps the programs note.
const STEPS: usize = 8;

#[test]
fn of_kprobes() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, KFUNC])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let mut skel = load(PairingSkelBuilder::default(), &mut storage)?;
    skel.maps.bss_data.as_deref_mut().context("no .bss")?.b = address_of(B)?;
    let progs = &skel.progs;
    let x = on_both(|function| Probe::kprobe(&progs.kprobe_x, function))?;
    let y = on_both(|function| Probe::kretprobe(&progs.kretprobe_y, function, SetBy::Link))?;

    for times in TIMES {
        fire(&progs.trigger, scene.go_on_to(times))?;

        let seen = skel.maps.bss_data.as_deref().context("no .bss")?;
        let runs = [&seen.runs.kprobe_x, &seen.runs.kretprobe_y];
        scene.observe("kprobe/pairing", &x, runs[0])?;
        scene.observe("kretprobe/pairing", &y, runs[1])?;
        scene.check_order(&order(times, runs), &text(&seen.steps));
    }
    scene.close()
}

#[test]
fn of_kprobe_multis() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, KFUNC, FPROBE])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let mut skel = load(PairingSkelBuilder::default(), &mut storage)?;
    skel.maps.bss_data.as_deref_mut().context("no .bss")?.b = address_of(B)?;
    let progs = &skel.progs;
    let x = on_both(|function| Probe::kprobe_multi(&progs.multi_x, &[function]))?;
    let y = on_both(|function| Probe::kretprobe_multi(&progs.multi_y, function))?;

    for times in TIMES {
        fire(&progs.trigger, scene.go_on_to(times))?;

        let seen = skel.maps.bss_data.as_deref().context("no .bss")?;
        let runs = [&seen.runs.multi_x, &seen.runs.multi_y];
        scene.observe("kprobe.multi/pairing", &x, runs[0])?;
        scene.observe("kretprobe.multi/pairing", &y, runs[1])?;
        scene.check_order(&order(times, runs), &text(&seen.steps));
    }
    scene.close()
}

/// Attaches to A, which the trigger calls, and to B, which each of the programs
/// calls once per run on A.
fn on_both<'p, 'obj>(attach: impl Fn(&str) -> Result<Probe<'p, 'obj>>) -> Result<Probe<'p, 'obj>> {
    Ok(attach(A)?.and(attach(B)?.hit_per_trigger(2)))
}

/// The order in which programs run so often. As long as none runs in another one,
/// that is in pairs: X on A, Y on A. Else Y runs in X where X is not let into
/// itself, and the other way round.
fn order(times: u64, runs: [&u64; 2]) -> String {
    let of_one: &[_] = match runs.into_iter().sum::<u64>() / times {
        2 => &["X(A)", "Y(A)"],
        4 => &["X(A)", "Y(B)", "Y(A)", "X(B)"],
        _ => &["unheard of"],
    };
    let steps = of_one.len() * times as usize;
    let all = of_one.iter().copied().cycle();
    all.take(steps.min(STEPS)).collect::<Vec<_>>().join(" ")
}

/// What the programs noted, written as [`order`] does.
fn text(steps: &[c_char]) -> String {
    let letter = |code: c_char| char::from(code as u8);
    let noted = steps.chunks_exact(2).filter(|step| step[0] != 0);
    let all: Vec<_> = noted
        .map(|step| format!("{}({})", letter(step[0]), letter(step[1])))
        .collect();
    all.join(" ")
}
