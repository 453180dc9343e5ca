// SPDX-License-Identifier: GPL-2.0-only
//! As many links on the return of a function as the shadow stack of a task has
//! room for, and one more: since 6.14 they share 32 words per call
//! (`FGRAPH_MAX_DATA_SIZE`), of which a return takes one and a session two.
//!
//! One test attaches once for both numbers of links: on 6.12 each link that is
//! detached takes a tenth of a second, which `rcu_tasks_kthread` sleeps after each
//! of the grace periods that `ftrace_shutdown` waits for.

use std::mem::MaybeUninit;
use std::slice::from_ref;

use anyhow::Result;
use nmissed_selftests::needs::{FENTRY_TEST1, FPROBE, KFUNC, SESSION};
use nmissed_selftests::skel::shadow_stack::ShadowStackSkelBuilder;
use nmissed_selftests::skel::shadow_stack_nested::ShadowStackNestedSkelBuilder;
use nmissed_selftests::skel::{load, load_without};
use nmissed_selftests::{Probe, fire, run_test, scenario, variables};

#[test]
fn returns() -> Result<()> {
    run_test(&[FENTRY_TEST1, FPROBE], |test| {
        let mut storage = MaybeUninit::uninit();
        let builder = ShadowStackSkelBuilder::default();
        let skel = load_without(builder, &mut storage, &["on_both"])?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let trigger = |times| fire(&progs.trigger, times);
        let attach = || Probe::kretprobe_multi(&progs.on_return, FENTRY_TEST1.name);

        let probe = Probe::repeated(32, attach)?;
        let mut links = scenario("kretprobe.multi/32-links", probe, &runs.on_return);
        test.measure(trigger, &[], from_ref(&links))?;

        links = links.and(attach()?);
        links.restart("kretprobe.multi/33-links")?;
        test.measure(trigger, &[], &[links])
    })
}

#[test]
fn sessions() -> Result<()> {
    run_test(&[FENTRY_TEST1, FPROBE, SESSION], |test| {
        let mut storage = MaybeUninit::uninit();
        let skel = load(ShadowStackSkelBuilder::default(), &mut storage)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let trigger = |times| fire(&progs.trigger, times);
        let attach = || Probe::kprobe_session(&progs.on_both, FENTRY_TEST1.name);

        let probe = Probe::repeated(16, attach)?;
        let links = scenario("kprobe.session/16-links", probe, &runs.on_both);
        let mut links = links.session(&runs.on_both_return);
        test.measure(trigger, &[], from_ref(&links))?;

        links = links.and(attach()?);
        links.restart("kprobe.session/17-links")?;
        test.measure(trigger, &[], &[links])
    })
}

/// Links for which 14 calls fill the shadow stack of a task but for two words: each
/// call takes 4 words (`FGRAPH_FRAME_OFFSET` and one), and those that the links
/// ask for and one, of the 492 below `SHADOW_STACK_MAX_OFFSET` (7.3).
const FILLING: usize = 30;
/// How often the kfunc is entered before it returns for the first time.
const NESTED: u64 = 16;

/// Nested so deep that a call finds no room at all for its return.
#[test]
fn nested() -> Result<()> {
    run_test(&[FENTRY_TEST1, KFUNC, FPROBE], |test| {
        let mut storage = MaybeUninit::uninit();
        let skel = load(ShadowStackNestedSkelBuilder::default(), &mut storage)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let probe = Probe::repeated(FILLING, || {
            Probe::kretprobe_multi(&progs.on_return, KFUNC.name)
        })?
        .hit_per_trigger(NESTED);
        let levels = [
            &progs.first,
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
        let calls = scenario("kretprobe.multi/16-nested", probe, &runs.on_return);
        test.measure(|times| fire(&progs.trigger, times), &[], &[calls])
    })
}
