// SPDX-License-Identifier: GPL-2.0-only
//! The subtests of the kernel's prog_tests/missed.c, and scenarios in which the patches
//! of kprobe.multi differ.
//!
//! Outer programs sit on `bpf_fentry_test1`, which the trigger has the kernel
//! call; they call the kfunc `bpf_modify_return_test_tp`, on which the inner
//! ones sit. So every probe is hit once per trigger.

use std::mem::MaybeUninit;

use anyhow::Result;
use libbpf_rs::{MapCore, MapFlags};
use nmissed_selftests::needs::{FENTRY_TEST1, FPROBE, KFUNC, MAP_DELETE, SESSION};
use nmissed_selftests::skel::missed_kprobe::MissedKprobeSkelBuilder;
use nmissed_selftests::skel::missed_kprobe_recursion::MissedKprobeRecursionSkelBuilder;
use nmissed_selftests::skel::missed_map_syscall::MissedMapSyscallSkelBuilder;
use nmissed_selftests::skel::missed_tp_recursion::MissedTpRecursionSkelBuilder;
use nmissed_selftests::skel::{load, load_without};
use nmissed_selftests::{Flavor, Probe, each, fire, run_test, scenario, variables};
use test_case::test_matrix;

/// Where outer programs sit.
const OUTER: &str = FENTRY_TEST1.name;
/// Where inner programs sit.
const INNER: &str = KFUNC.name;

/// A kprobe in a kprobe: the kprobe layer skips the second one, however it is armed.
#[test_matrix([Flavor::Ftrace, Flavor::Int3, Flavor::Optimized])]
fn perf_kprobe(flavor: Flavor) -> Result<()> {
    run_test(&[FENTRY_TEST1], |test| {
        let inner = test.callee()?.name;
        test.require_site(inner, flavor)?;
        let mut storage = MaybeUninit::uninit();
        let builder = MissedKprobeSkelBuilder::default();
        let skel = load_without(builder, &mut storage, &["inner_multi"])?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let outer = Probe::kprobe(&progs.outer, OUTER)?;
        let inner = Probe::kprobe_of(flavor, &progs.inner_kprobe, inner)?;
        let scenarios = [
            scenario("kprobe/around-kprobe", outer, &runs.outer),
            scenario("kprobe/in-kprobe", inner, &runs.inner_kprobe),
        ];
        test.measure(|times| fire(&progs.trigger, times), &[], &scenarios)
    })
}

/// All attach types that fit on a function, in a kprobe.multi: fprobe lets one level
/// of nesting in, so the programs themselves have to yield, or not.
#[test]
fn kprobe_recursion() -> Result<()> {
    run_test(&[FENTRY_TEST1, KFUNC, FPROBE], |test| {
        let with_session = test.has(&SESSION)?;
        let unused: &[_] = if with_session {
            &[]
        } else {
            &["inner_session"]
        };
        let mut storage = MaybeUninit::uninit();
        let builder = MissedKprobeRecursionSkelBuilder::default();
        let skel = load_without(builder, &mut storage, unused)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let outer = Probe::kprobe_multi(&progs.outer, &[OUTER])?;
        let kprobe_1 = Probe::kprobe(&progs.inner_kprobe_1, INNER)?;
        let kprobe_2 = Probe::kprobe(&progs.inner_kprobe_2, INNER)?;
        let kprobe_3 = Probe::kprobe(&progs.inner_kprobe_3, INNER)?;
        let multi = Probe::kprobe_multi(&progs.inner_multi, &[INNER])?;
        let mut scenarios = vec![
            scenario("kprobe.multi/around-all", outer, &runs.outer),
            scenario("kprobe/in-kprobe.multi-1", kprobe_1, &runs.inner_kprobe_1),
            scenario("kprobe/in-kprobe.multi-2", kprobe_2, &runs.inner_kprobe_2),
            scenario("kprobe/in-kprobe.multi-3", kprobe_3, &runs.inner_kprobe_3),
            scenario("kprobe.multi/in-kprobe.multi", multi, &runs.inner_multi),
        ];
        if with_session {
            let session = Probe::kprobe_session(&progs.inner_session, INNER)?;
            let id = "kprobe.session/in-kprobe.multi";
            let session = scenario(id, session, &runs.inner_session);
            scenarios.push(session.session(&runs.inner_session_return));
        }
        test.measure(|times| fire(&progs.trigger, times), &[], &scenarios)
    })
}

/// Tracepoint programs in a kprobe: both take and yield to `bpf_prog_active`.
#[test]
fn tp_recursion() -> Result<()> {
    run_test(&[FENTRY_TEST1], |test| {
        let (group, tracepoint) = test.fired_tracepoint()?;
        let mut storage = MaybeUninit::uninit();
        let skel = load(MissedTpRecursionSkelBuilder::default(), &mut storage)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let on_tp = |program| Probe::tracepoint(program, group, tracepoint);
        let outer = Probe::kprobe(&progs.outer, OUTER)?;
        let scenarios = [
            scenario("kprobe/around-tp", outer, &runs.outer),
            scenario(
                "tp/in-kprobe-1",
                on_tp(&progs.inner_tp_1)?,
                &runs.inner_tp_1,
            ),
            scenario(
                "tp/in-kprobe-2",
                on_tp(&progs.inner_tp_2)?,
                &runs.inner_tp_2,
            ),
            scenario(
                "tp/in-kprobe-3",
                on_tp(&progs.inner_tp_3)?,
                &runs.inner_tp_3,
            ),
        ];
        test.measure(|times| fire(&progs.trigger, times), &[], &scenarios)
    })
}

/// A kprobe.multi in the same program: it yields to itself with every patch.
#[test]
fn kprobe_multi_in_itself() -> Result<()> {
    run_test(&[FENTRY_TEST1, KFUNC, FPROBE], |test| {
        let mut storage = MaybeUninit::uninit();
        let builder = MissedKprobeRecursionSkelBuilder::default();
        let skel = load_without(builder, &mut storage, &["inner_session"])?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let both = Probe::kprobe_multi(&progs.outer, &[OUTER, INNER])?;
        let both = scenario("kprobe.multi/in-itself", both, &runs.outer);
        test.measure(|times| fire(&progs.trigger, times), &[], &[both])
    })
}

/// A kprobe.multi in a perf kprobe: runs in the variant `active`, not in `guarded`.
#[test]
fn kprobe_multi_in_perf_kprobe() -> Result<()> {
    run_test(&[FENTRY_TEST1, KFUNC, FPROBE], |test| {
        let mut storage = MaybeUninit::uninit();
        let skel = load(MissedKprobeSkelBuilder::default(), &mut storage)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let outer = Probe::kprobe(&progs.outer, OUTER)?;
        let inner = Probe::kprobe_multi(&progs.inner_multi, &[INNER])?;
        let scenarios = [
            scenario("kprobe/around-kprobe.multi", outer, &runs.outer),
            scenario("kprobe.multi/in-kprobe", inner, &runs.inner_multi),
        ];
        test.measure(|times| fire(&progs.trigger, times), &[], &scenarios)
    })
}

/// A kprobe.multi in a system call that disables programs while it holds a map's lock
/// (`bpf_disable_instrumentation`): runs in `active`, not in `guarded`.
#[test]
fn kprobe_multi_in_map_syscall() -> Result<()> {
    run_test(&[MAP_DELETE, FPROBE], |test| {
        let mut storage = MaybeUninit::uninit();
        let skel = load(MissedMapSyscallSkelBuilder::default(), &mut storage)?;
        let runs = &variables!(skel).runs;
        let probe = Probe::kprobe_multi(&skel.progs.on_delete, &[MAP_DELETE.name])?;
        let probe = scenario("kprobe.multi/in-map-syscall", probe, &runs.on_delete);

        let key = 0_u32.to_ne_bytes();
        let update_and_delete = || {
            skel.maps.victim.update(&key, &key, MapFlags::ANY)?;
            Ok(skel.maps.victim.delete(&key)?)
        };
        test.measure(each(update_and_delete), &[], &[probe])
    })
}
