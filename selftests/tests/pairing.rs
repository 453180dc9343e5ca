// SPDX-License-Identifier: GPL-2.0-only
//! A program X for the entry and another one, Y, for the return of the functions
//! A and B, both of which call B: are they hit in pairs?

use std::ffi::c_char;
use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use nmissed_selftests::AttachType::{self, Kprobe, KprobeMulti, Kretprobe, KretprobeMulti};
use nmissed_selftests::needs::{FENTRY_TEST1, GET_FUNC_IP};
use nmissed_selftests::skel::load_without;
use nmissed_selftests::skel::pairing::PairingSkelBuilder;
use nmissed_selftests::{
    Probe, TRIGGERS, Target, address_of, fire, outer_needs, read_counter, run_test, scenario,
    variables,
};
use test_case::test_case;

const A: &str = FENTRY_TEST1.name;

/// How many steps the programs note.
const STEPS: usize = 8;

#[test_case(Kprobe, Kretprobe; "of_kprobes")]
#[test_case(KprobeMulti, KretprobeMulti; "of_kprobe_multis")]
fn pairing(x_type: AttachType, y_type: AttachType) -> Result<()> {
    run_test(outer_needs(x_type), |test| {
        test.require(&GET_FUNC_IP)?;
        let b = test.callee()?.name;
        let others: &[_] = match x_type {
            Kprobe => &["multi_x", "multi_y"],
            _ => &["kprobe_x", "kretprobe_y"],
        };
        let mut storage = MaybeUninit::uninit();
        let mut skel = load_without(PairingSkelBuilder::default(), &mut storage, others)?;
        skel.maps.bss_data.as_deref_mut().context("no .bss")?.b = address_of(b)?;
        let (progs, variables) = (&skel.progs, variables!(skel));
        let runs = &variables.runs;
        let ((x, x_runs), (y, y_runs)) = match x_type {
            Kprobe => (
                (&progs.kprobe_x, &runs.kprobe_x),
                (&progs.kretprobe_y, &runs.kretprobe_y),
            ),
            _ => (
                (&progs.multi_x, &runs.multi_x),
                (&progs.multi_y, &runs.multi_y),
            ),
        };
        let x = on_both(b, |function| {
            Probe::attach(x_type, x, &Target::function(function))
        })?;
        let y = on_both(b, |function| {
            Probe::attach(y_type, y, &Target::function(function))
        })?;
        let scenarios = [
            scenario(format!("{x_type}/pairing"), x, x_runs),
            scenario(format!("{y_type}/pairing"), y, y_runs),
        ];
        test.measure(|times| fire(&progs.trigger, times), &[], &scenarios)?;

        let runs = read_counter(x_runs) + read_counter(y_runs);
        test.check_order(&order(runs / TRIGGERS[2]), &text(&variables.steps));
        Ok(())
    })
}

/// Attaches to A, which the trigger calls, and to B, which each of the programs
/// calls once per run on A.
fn on_both<'p, 'obj>(
    b: &str,
    attach: impl Fn(&str) -> Result<Probe<'p, 'obj>>,
) -> Result<Probe<'p, 'obj>> {
    Ok(attach(A)?.and(attach(b)?.hit_per_trigger(2)))
}

/// Returns the first steps of programs that run so often per trigger. As long as none
/// runs in another one, they are hit in pairs: X on A, Y on A. Otherwise Y runs in X where
/// X is skipped in itself, and the other way round.
fn order(runs_per_trigger: u64) -> String {
    let one_trigger: &[_] = match runs_per_trigger {
        2 => &["X(A)", "Y(A)"],
        4 => &["X(A)", "Y(B)", "Y(A)", "X(B)"],
        _ => &["unknown"],
    };
    let all = one_trigger.iter().copied().cycle();
    all.take(STEPS).collect::<Vec<_>>().join(" ")
}

/// Returns the steps that the programs noted, as [`order`] spells them.
fn text(steps: &[c_char]) -> String {
    let letter = |code: c_char| char::from(code as u8);
    let noted = steps.chunks_exact(2).filter(|step| step[0] != 0);
    let all: Vec<_> = noted
        .map(|step| format!("{}({})", letter(step[0]), letter(step[1])))
        .collect();
    all.join(" ")
}
