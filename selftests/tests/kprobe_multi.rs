// SPDX-License-Identifier: GPL-2.0-only
//! kprobe.multi by address and by pattern, and programs on returns.

use std::mem::MaybeUninit;

use anyhow::Result;
use nmissed_selftests::AttachType::{self, Fentry, Kprobe, KprobeMulti};
use nmissed_selftests::needs::{FENTRY_TEST1, FPROBE, KFUNC, SESSION};
use nmissed_selftests::skel::kprobe_multi::KprobeMultiSkelBuilder;
use nmissed_selftests::skel::{load_only, load_without};
use nmissed_selftests::{Probe, address_of, attach_outer, fire, run_test, scenario, variables};
use test_case::test_matrix;

/// Where inner programs sit.
const INNER: &str = KFUNC.name;
/// Matches that function and no other.
const PATTERN: &str = "bpf_modify_return_test_t?";

#[test_matrix([Fentry, Kprobe, KprobeMulti])]
fn nested(outer: AttachType) -> Result<()> {
    run_test(&[FENTRY_TEST1, KFUNC, FPROBE], |test| {
        // tests/missed.rs has the session in a kprobe.multi.
        let with_session = test.has(&SESSION)? && outer != KprobeMulti;
        let unused = ["nesting", "on_both"];
        let unused = &unused[..if with_session { 1 } else { 2 }];
        let mut storage = MaybeUninit::uninit();
        let skel = load_without(KprobeMultiSkelBuilder::default(), &mut storage, unused)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let mut inner = vec![
            scenario(
                format!("kprobe.multi/by-address-in-{outer}"),
                Probe::kprobe_multi_at(&progs.by_address, address_of(INNER)?)?,
                &runs.by_address,
            ),
            scenario(
                format!("kprobe.multi/by-pattern-in-{outer}"),
                Probe::kprobe_multi_like(&progs.by_pattern, PATTERN)?,
                &runs.by_pattern,
            ),
            scenario(
                format!("kretprobe.multi/in-{outer}"),
                Probe::kretprobe_multi(&progs.on_return, INNER)?,
                &runs.on_return,
            ),
        ];
        if with_session {
            let on_both = Probe::kprobe_session(&progs.on_both, INNER)?;
            let id = format!("kprobe.session/in-{outer}");
            inner.push(scenario(id, on_both, &runs.on_both).session(&runs.on_both_return));
        }
        let outers = [&progs.outer_fentry, &progs.outer_kprobe, &progs.outer_multi];
        let _outer = attach_outer(outer, outers)?;
        let trigger = |times| fire(&progs.trigger, times);
        test.measure(trigger, &[("outer", &runs.outer)], &inner)
    })
}

/// A session that hits itself on entry: a skipped entry has no return.
#[test]
fn session_in_itself() -> Result<()> {
    run_test(&[FENTRY_TEST1, KFUNC, FPROBE, SESSION], |test| {
        let mut storage = MaybeUninit::uninit();
        let names = ["trigger", "nesting"];
        let skel = load_only(KprobeMultiSkelBuilder::default(), &mut storage, &names)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let attach = |function| Probe::kprobe_session(&progs.nesting, function);
        let probe = attach(FENTRY_TEST1.name)?.and(attach(INNER)?);
        let nesting = scenario("kprobe.session/in-itself", probe, &runs.nesting)
            .session(&runs.nesting_return);
        test.measure(|times| fire(&progs.trigger, times), &[], &[nesting])
    })
}
