// SPDX-License-Identifier: GPL-2.0-only
//! Programs on perf events other than tracepoints and probes.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Read};
use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use libbpf_rs::{MapCore, MapFlags, ProgramInput, num_possible_cpus};
use nmissed_selftests::AttachType::{self, Fentry, Kprobe};
use nmissed_selftests::needs::{BREAKPOINT, FENTRY_TEST1, KFUNC};
use nmissed_selftests::skel::perf_event::PerfEventSkelBuilder;
use nmissed_selftests::skel::perf_event::types::value;
use nmissed_selftests::skel::{keep_only, load_only, load_with};
use nmissed_selftests::{Probe, Target, each, fire, migrate, run_test, scenario, variables};
use nmissed_uapi::{CountedEvent, Page, open_counter};
use test_case::test_case;

/// A breakpoint on what a program writes: a kprobe's holds what a perf event's program
/// yields to (`bpf_prog_active`), a fentry program's does not.
#[test_case(Kprobe)]
#[test_case(Fentry)]
fn breakpoint(writer: AttachType) -> Result<()> {
    run_test(&[FENTRY_TEST1, BREAKPOINT], |test| {
        let name = format!("in_{writer}");
        let mut storage = MaybeUninit::uninit();
        let names = ["trigger", "locate", "on_write", &name];
        let skel = load_only(PerfEventSkelBuilder::default(), &mut storage, &names)?;
        let (progs, variables) = (&skel.progs, variables!(skel));
        let runs = &variables.runs;
        progs.locate.test_run(ProgramInput::default())?;
        let watching = Probe::write_breakpoint(&progs.on_write, variables.address)?;
        let (program, writes) = match writer {
            Kprobe => (&progs.in_kprobe, &runs.in_kprobe),
            _ => (&progs.in_fentry, &runs.in_fentry),
        };
        let _writing = Probe::attach(writer, program, &Target::function(FENTRY_TEST1.name))?;
        let watching = scenario(format!("perf_event/in-{writer}"), watching, &runs.on_write);
        let trigger = |times| fire(&progs.trigger, times);
        test.measure(trigger, &[(&name, writes)], &[watching])
    })
}

/// A breakpoint on what a system call writes, which disables programs while it changes
/// a map (`bpf_disable_instrumentation`).
#[test]
fn breakpoint_in_map_syscall() -> Result<()> {
    run_test(&[FENTRY_TEST1, BREAKPOINT], |test| {
        if !memcpy_takes_words()? {
            return test.skip_on_this_machine("memcpy() by words: it has FSRM");
        }
        let mut storage = MaybeUninit::uninit();
        let names = ["locate", "on_write"];
        let skel = load_only(PerfEventSkelBuilder::default(), &mut storage, &names)?;
        skel.progs.locate.test_run(ProgramInput::default())?;
        let variables = variables!(skel);
        let watching = Probe::write_breakpoint(&skel.progs.on_write, variables.written_address)?;
        let id = "perf_event/in-map-syscall";
        let watching = scenario(id, watching, &variables.runs.on_write);

        let key = 0_u32.to_ne_bytes();
        let values = vec![vec![1; size_of::<value>()]; num_possible_cpus()?];
        let written = &skel.maps.written;
        let update = || Ok(written.update_percpu(&key, &values, MapFlags::ANY)?);
        test.measure(each(update), &[], &[watching])
    })
}

/// A breakpoint whose program writes to what it watches.
#[test]
fn breakpoint_in_itself() -> Result<()> {
    run_test(&[FENTRY_TEST1, BREAKPOINT], |test| {
        let mut storage = MaybeUninit::uninit();
        let names = ["locate", "on_own_write", "write"];
        let skel = load_only(PerfEventSkelBuilder::default(), &mut storage, &names)?;
        let progs = &skel.progs;
        progs.locate.test_run(ProgramInput::default())?;
        let variables = variables!(skel);
        let watching = Probe::write_breakpoint(&progs.on_own_write, variables.address)?;
        let id = "perf_event/breakpoint-in-itself";
        let runs = &variables.runs.on_own_write;
        let watching = scenario(id, watching.hit_per_trigger(2), runs);
        test.measure(|times| fire(&progs.write, times), &[], &[watching])
    })
}

/// Returns whether a breakpoint is hit once per word that the kernel copies. Processors
/// with fast short strings (FSRM) copy bytes, and stop as often as they like.
fn memcpy_takes_words() -> Result<bool> {
    let info = fs::read_to_string("/proc/cpuinfo").context("reading /proc/cpuinfo")?;
    Ok(!info.split_whitespace().any(|flag| flag == "fsrm"))
}

/// Page faults of this thread, in user space or in a fentry program that may
/// sleep.
#[test_case(false; "in user space")]
#[test_case(true; "in fentry")]
fn page_fault(in_fentry: bool) -> Result<()> {
    // Programs may sleep on the function since the kfunc came, 6.10.
    let needs = [FENTRY_TEST1, KFUNC];
    let needs = if in_fentry { &needs[..] } else { &needs[..1] };
    run_test(needs, |test| {
        let page = Page::map()?;
        let mut storage = MaybeUninit::uninit();
        let skel = load_with(PerfEventSkelBuilder::default(), &mut storage, |open| {
            let names = ["trigger", "on_fault", "faulting"];
            keep_only(open, &names[..if in_fentry { 3 } else { 2 }]);
            if let Some(bss) = open.maps.bss_data.as_deref_mut() {
                bss.page = page.address();
            }
            Ok(())
        })?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let faulted = Probe::counter(&progs.on_fault, CountedEvent::PageFaults)?;
        if !in_fentry {
            let faulted = scenario("perf_event/page-fault", faulted, &runs.on_fault);
            let touch = || {
                page.empty()?;
                page.touch();
                Ok(())
            };
            return test.measure(each(touch), &[], &[faulted]);
        }
        let _faulting = Probe::fentry(&progs.faulting)?;
        let faulted = scenario("perf_event/page-fault-in-fentry", faulted, &runs.on_fault);
        let fault = || {
            page.empty()?;
            fire(&progs.trigger, 1)
        };
        test.measure(each(fault), &[("faulting", &runs.faulting)], &[faulted])
    })
}

/// Moves of this thread from CPU to CPU.
#[test]
fn migration() -> Result<()> {
    run_test(&[FENTRY_TEST1], |test| {
        let mut storage = MaybeUninit::uninit();
        let names = ["on_overflow"];
        let skel = load_only(PerfEventSkelBuilder::default(), &mut storage, &names)?;
        let event = open_counter(CountedEvent::Migrations, 1)?;
        // A thread keeps the mark of a move (`task_struct.sched_migrated`) until it is
        // switched to while some event counts moves, and hands it to its children: the mark
        // of an earlier one would count here. This move clears it.
        migrate()?;
        let moved = Probe::perf_event(&skel.progs.on_overflow, event)?;
        let runs = &variables!(skel).runs.on_overflow;
        let moved = scenario("perf_event/migration", moved, runs);
        test.measure(each(migrate), &[], &[moved])
    })
}

/// Instructions per overflow, many times those of the test around its work.
const PERIOD: u64 = 1_000_000;

/// Instructions of this thread, where the processor counts them: no emulated one
/// does.
#[test]
fn instructions() -> Result<()> {
    run_test(&[FENTRY_TEST1], |test| {
        let event = match open_counter(CountedEvent::Instructions, PERIOD) {
            Ok(event) => event,
            Err(err) => {
                return test.skip_on_this_machine(format_args!("counter of instructions: {err}"));
            }
        };
        let mut storage = MaybeUninit::uninit();
        let names = ["on_overflow"];
        let skel = load_only(PerfEventSkelBuilder::default(), &mut storage, &names)?;
        let mut counter = File::from(event.try_clone()?);
        let overflown = Probe::perf_event(&skel.progs.on_overflow, event)?;
        let runs = &variables!(skel).runs.on_overflow;
        let overflown = scenario("perf_event/instructions", overflown, runs);
        let mut until = 0;
        let work_for = |periods| {
            until += periods * PERIOD;
            while read_count(&mut counter)? < until {
                work();
            }
            Ok(())
        };
        test.measure(work_for, &[], &[overflown])
    })
}

/// Executes some instructions, few compared with a period.
fn work() {
    for turn in 0..PERIOD / 100 {
        black_box(turn);
    }
}

/// Reads how much a perf event has counted so far.
fn read_count(event: &mut File) -> io::Result<u64> {
    let mut count = [0; 8];
    event.read_exact(&mut count)?;
    Ok(u64::from_ne_bytes(count))
}
