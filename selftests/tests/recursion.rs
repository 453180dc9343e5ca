// SPDX-License-Identifier: GPL-2.0-only
//! Hits that ftrace skips: it lets a callback nest once in itself, and never twice
//! (`ftrace_test_recursion_trylock`).
//!
//! The first level is a kprobe event on `bpf_fentry_test1`, which reads memory
//! by `copy_from_kernel_nofault`. The second is a kprobe.multi program on
//! that, which calls the kfunc `bpf_modify_return_test_tp`. Probes of the kfunc are the
//! third.

use std::mem::MaybeUninit;

use anyhow::Result;
use libbpf_rs::ProgramMut;
use nmissed_selftests::AttachType::{self, Kprobe, KprobeMulti, KprobeSession, KretprobeMulti};
use nmissed_selftests::needs::{
    COPY_NOFAULT, FENTRY_TEST1, FPROBE, KFUNC, KernelFunction, SESSION,
};
use nmissed_selftests::skel::load_without;
use nmissed_selftests::skel::recursion::{RecursionProgs, RecursionSkelBuilder, types};
use nmissed_selftests::{
    KprobeEvent, Probe, Scenario, Target, address_of, fire, run_test, scenario, variables,
};
use test_case::test_case;

const NEEDS: [KernelFunction; 4] = [FENTRY_TEST1, COPY_NOFAULT, KFUNC, FPROBE];

/// A probe of the third level.
#[derive(Clone, Copy)]
struct Third {
    scenario: &'static str,
    by: By,
    program: for<'p, 'obj> fn(&'p RecursionProgs<'obj>) -> &'p ProgramMut<'obj>,
    runs: fn(&types::runs) -> &u64,
}

/// How it is attached to the kfunc.
#[derive(Clone, Copy)]
enum By {
    Name(AttachType),
    Address,
    Pattern,
}

macro_rules! third {
    ($scenario:literal, $by:expr, $program:ident) => {
        Third {
            scenario: $scenario,
            by: $by,
            program: |progs| &progs.$program,
            runs: |runs| &runs.$program,
        }
    };
}

const KPROBE: Third = third!("kprobe/at-third-level", By::Name(Kprobe), third_kprobe);
const MULTI: Third = third!(
    "kprobe.multi/at-third-level",
    By::Name(KprobeMulti),
    third_multi
);
const MULTI_BY_ADDRESS: Third = Third {
    scenario: "kprobe.multi/by-address-at-third-level",
    by: By::Address,
    ..MULTI
};
const MULTI_BY_PATTERN: Third = Third {
    scenario: "kprobe.multi/by-pattern-at-third-level",
    by: By::Pattern,
    ..MULTI
};
const RETURN: Third = third!(
    "kretprobe.multi/at-third-level",
    By::Name(KretprobeMulti),
    third_return
);
const SESSION_LINK: Third = third!(
    "kprobe.session/at-third-level",
    By::Name(KprobeSession),
    third_session
);

impl Third {
    fn attach<'p, 'obj>(
        self,
        progs: &'p RecursionProgs<'obj>,
        runs: &'p types::runs,
    ) -> Result<Scenario<'p, 'obj>> {
        let program = (self.program)(progs);
        let probe = match self.by {
            By::Name(it) => Probe::attach(it, program, &Target::function(KFUNC.name)),
            By::Address => Probe::kprobe_multi_at(program, address_of(KFUNC.name)?),
            By::Pattern => Probe::kprobe_multi_like(program, "bpf_modify_return_test_t?"),
        };
        Ok(scenario(self.scenario, probe?, (self.runs)(runs)))
    }
}

/// One user of ftrace per function, which ftrace then calls directly.
#[test_case(KPROBE, &[]; "kprobe")]
#[test_case(MULTI, &[]; "kprobe_multi")]
#[test_case(MULTI_BY_ADDRESS, &[]; "kprobe_multi_by_address")]
#[test_case(MULTI_BY_PATTERN, &[]; "kprobe_multi_by_pattern")]
#[test_case(RETURN, &[]; "kretprobe_multi")]
#[test_case(SESSION_LINK, &[SESSION]; "kprobe_session")]
fn third_level(third: Third, need: &[KernelFunction]) -> Result<()> {
    run_test(&[&NEEDS, need].concat(), |test| {
        let unused: &[_] = if need.is_empty() {
            &["third_session"]
        } else {
            &[]
        };
        let mut storage = MaybeUninit::uninit();
        let skel = load_without(RecursionSkelBuilder::default(), &mut storage, unused)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        // In this order: making a kprobe reads memory, too.
        let _first = KprobeEvent::reading_the_stack("first", FENTRY_TEST1.name)?;
        let third = third.attach(progs, runs)?;
        let _second = Probe::kprobe_multi(&progs.second, &[COPY_NOFAULT.name])?;
        let trigger = |times| fire(&progs.trigger, times);
        test.measure(trigger, &[("second", &runs.second)], &[third])
    })
}

/// More than one user of ftrace per function: ftrace calls them one after the
/// other and checks for recursion itself (`__ftrace_ops_list_func`).
#[test]
fn third_level_of_lists() -> Result<()> {
    run_test(&NEEDS, |test| {
        let unused = ["third_session"];
        let mut storage = MaybeUninit::uninit();
        let skel = load_without(RecursionSkelBuilder::default(), &mut storage, &unused)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        // In this order: making a kprobe reads memory, too.
        let _first = KprobeEvent::reading_the_stack("first", FENTRY_TEST1.name)?;
        let _beside = Probe::kprobe_multi(&progs.beside, &[FENTRY_TEST1.name])?;
        let third = [
            ("kprobe/at-third-list", KPROBE),
            ("kprobe.multi/at-third-list", MULTI),
            ("kretprobe.multi/at-third-list", RETURN),
        ]
        .map(|(scenario, third)| Third { scenario, ..third }.attach(progs, runs));
        let third = third.into_iter().collect::<Result<Vec<_>>>()?;
        let _beside = Probe::kprobe(&progs.beside_second, COPY_NOFAULT.name)?;
        let _second = Probe::kprobe_multi(&progs.second, &[COPY_NOFAULT.name])?;
        let steps = [("beside", &runs.beside), ("second", &runs.second)];
        test.measure(|times| fire(&progs.trigger, times), &steps, &third)
    })
}
