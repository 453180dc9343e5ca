// SPDX-License-Identifier: GPL-2.0-only
//! A program on the function that starts a task raises an interrupt by its event; in a
//! softirq after it, RCU frees a task and hits another program, which is skipped while the
//! first one runs. Which hits meet it is chance: nothing here expects a number.

use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use libbpf_rs::{PerfBufferBuilder, ProgramMut};
use nmissed_selftests::needs::{FPROBE, FREE_TASK, LOOP, NEW_TASK};
use nmissed_selftests::skel::interrupted::{InterruptedProgs, InterruptedSkelBuilder, types};
use nmissed_selftests::skel::load_only;
use nmissed_selftests::{AttachType, Probe, Truth, create_tasks, run_test, scenario};
use test_case::test_case;

/// Tasks on each CPU and in each repetition.
const TASKS: u32 = 100;
/// Turns of a loop behind the event: a tracer that does more than one thing.
const TURNS: u64 = 20_000;
/// Pages for the events of a repetition on each CPU: they are read after it.
const PAGES: usize = 16;

type Program = for<'p, 'obj> fn(&'p InterruptedProgs<'obj>) -> &'p ProgramMut<'obj>;

/// Two programs of one attach type.
struct Pair {
    attach_type: AttachType,
    names: [&'static str; 2],
    outer: Program,
    inner: Program,
    runs: fn(&types::runs) -> &u64,
}

const KPROBE: Pair = Pair {
    attach_type: AttachType::Kprobe,
    names: ["outer_kprobe", "inner_kprobe"],
    outer: |progs| &progs.outer_kprobe,
    inner: |progs| &progs.inner_kprobe,
    runs: |runs| &runs.inner_kprobe,
};

const KPROBE_MULTI: Pair = Pair {
    attach_type: AttachType::KprobeMulti,
    names: ["outer_multi", "inner_multi"],
    outer: |progs| &progs.outer_multi,
    inner: |progs| &progs.inner_multi,
    runs: |runs| &runs.inner_multi,
};

#[test_case(KPROBE, "natural", 0; "kprobe")]
#[test_case(KPROBE, "widened", TURNS; "kprobe widened")]
#[test_case(KPROBE_MULTI, "natural", 0; "kprobe_multi")]
#[test_case(KPROBE_MULTI, "widened", TURNS; "kprobe_multi widened")]
fn by_softirq(pair: Pair, setting: &str, turns: u64) -> Result<()> {
    run_test(&[NEW_TASK, FREE_TASK, LOOP], |test| {
        if pair.attach_type == AttachType::KprobeMulti {
            test.require(&FPROBE)?;
        }
        let mut storage = MaybeUninit::uninit();
        let [outer, inner] = pair.names;
        let builder = InterruptedSkelBuilder::default();
        let mut skel = load_only(builder, &mut storage, &["truth", outer, inner])?;
        skel.maps.bss_data.as_deref_mut().context("no .bss")?.turns = turns;
        let bss = skel.maps.bss_data.as_deref().context("no .bss")?;
        let attach = |program, function: &str| match pair.attach_type {
            AttachType::Kprobe => Probe::kprobe(program, function),
            _ => Probe::kprobe_multi(program, &[function]),
        };
        let events = PerfBufferBuilder::new(&skel.maps.events)
            .pages(PAGES)
            .build()?;
        let truth = Truth {
            probe: Probe::fentry(&skel.progs.truth)?,
            hits: &bss.runs.truth,
        };
        let inner = attach((pair.inner)(&skel.progs), FREE_TASK.name)?;
        let _outer = attach((pair.outer)(&skel.progs), NEW_TASK.name)?;
        let id = format!("{}/sampled-{setting}", pair.attach_type);
        let mut scenario = scenario(id, inner, (pair.runs)(&bss.runs));
        let hit = || {
            create_tasks(TASKS)?;
            Ok(events.consume()?)
        };
        test.sample(&mut scenario, &truth, hit, || bss.frames.to_vec())
    })
}
