// SPDX-License-Identifier: GPL-2.0-only
//! kprobe.multi by address and by pattern, and what waits for the return.

use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use nmissed_selftests::needs::{COPY_NOFAULT, FENTRY_TEST1, FPROBE, KFUNC, SESSION};
use nmissed_selftests::skel::kprobe_multi::KprobeMultiSkelBuilder;
use nmissed_selftests::skel::load_with;
use nmissed_selftests::skel::recursion::RecursionSkelBuilder;
use nmissed_selftests::{KprobeEvent, Outer, Probe, Scene, TIMES, address_of, fire};
use test_case::test_matrix;

/// Where outer programs sit.
const OUTER: &str = FENTRY_TEST1.function;
/// Where inner programs sit.
const INNER: &str = KFUNC.function;
/// Fits that function and no other.
const PATTERN: &str = "bpf_modify_return_test_t?";

#[test_matrix([Outer::Fentry, Outer::Kprobe, Outer::KprobeMulti])]
fn nested(outer: Outer) -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, KFUNC, FPROBE])? else {
        return Ok(());
    };
    // tests/missed.rs has the one in a kprobe.multi.
    let with_session = scene.has(&SESSION)? && outer != Outer::KprobeMulti;
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(KprobeMultiSkelBuilder::default(), &mut storage, |open| {
        open.progs.on_both.set_autoload(with_session);
        open.progs.nesting.set_autoload(false);
    })?;
    let progs = &skel.progs;
    let by_address = Probe::kprobe_multi_at(&progs.by_address, address_of(INNER)?)?;
    let by_pattern = Probe::kprobe_multi_like(&progs.by_pattern, PATTERN)?;
    let on_return = Probe::kretprobe_multi(&progs.on_return, INNER)?;
    let on_both = with_session
        .then(|| Probe::kprobe_session(&progs.on_both, INNER))
        .transpose()?;
    let _outer = outer.attach([&progs.outer_fentry, &progs.outer_kprobe, &progs.outer_multi])?;

    for times in TIMES {
        fire(&progs.trigger, scene.go_on_to(times))?;

        let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
        scene.check_step("outer", &runs.outer);
        for (way, probe, runs) in [
            ("kprobe.multi/by-address-", &by_address, &runs.by_address),
            ("kprobe.multi/by-pattern-", &by_pattern, &runs.by_pattern),
            ("kretprobe.multi/", &on_return, &runs.on_return),
        ] {
            scene.observe(&format!("{way}in-{}", outer.name()), probe, runs)?;
        }
        if let Some(on_both) = &on_both {
            let scenario = format!("kprobe.session/in-{}", outer.name());
            scene.observe(&scenario, on_both, &runs.on_both)?;
            scene.check_pairs(&runs.on_both, &runs.on_both_return);
        }
    }
    scene.close()
}

/// How a probe names its function.
#[derive(Clone, Copy)]
enum By {
    Address,
    Pattern,
}

/// As in tests/recursion.rs: the third level of ftrace's callbacks.
#[test_matrix([By::Address, By::Pattern])]
fn third_level(by: By) -> Result<()> {
    let needs = [FENTRY_TEST1, COPY_NOFAULT, KFUNC, FPROBE];
    let Some(mut scene) = Scene::begin(&needs)? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(RecursionSkelBuilder::default(), &mut storage, |open| {
        open.progs.third_session.set_autoload(false);
    })?;
    let progs = &skel.progs;
    let (scenario, third) = match by {
        By::Address => (
            "kprobe.multi/by-address-at-third-level",
            Probe::kprobe_multi_at(&progs.third_multi, address_of(INNER)?)?,
        ),
        By::Pattern => (
            "kprobe.multi/by-pattern-at-third-level",
            Probe::kprobe_multi_like(&progs.third_multi, PATTERN)?,
        ),
    };
    let _first = KprobeEvent::reading_the_stack("first", OUTER)?;
    let _second = Probe::kprobe_multi(&progs.second, &[COPY_NOFAULT.function])?;

    for times in TIMES {
        fire(&progs.trigger, scene.go_on_to(times))?;

        let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
        scene.check_step("second", &runs.second);
        scene.observe(scenario, &third, &runs.third_multi)?;
    }
    scene.close()
}

/// A session that hits itself on entry: what is skipped there has no return.
#[test]
fn session_in_itself() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, KFUNC, FPROBE, SESSION])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(KprobeMultiSkelBuilder::default(), &mut storage, |_| ())?;
    let nesting = &skel.progs.nesting;
    let probe = Probe::kprobe_session(nesting, OUTER)?.and(Probe::kprobe_session(nesting, INNER)?);

    for times in TIMES {
        fire(&skel.progs.trigger, scene.go_on_to(times))?;

        let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
        scene.observe("kprobe.session/in-itself", &probe, &runs.nesting)?;
        scene.check_pairs(&runs.nesting, &runs.nesting_return);
    }
    scene.close()
}
