// SPDX-License-Identifier: GPL-2.0-only
//! Programs on perf events that are no tracepoints.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Read};
use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use libbpf_rs::{MapCore, MapFlags, ProgramInput, num_possible_cpus};
use nmissed_selftests::needs::{BREAKPOINT, FENTRY_TEST1, KFUNC};
use nmissed_selftests::skel::perf_event::PerfEventSkelBuilder;
use nmissed_selftests::skel::perf_event::types::value;
use nmissed_selftests::skel::{keep_only, load_with};
use nmissed_selftests::{Probe, Scene, TIMES, fire, migrate};
use nmissed_uapi::{Counted, Page, open_counter};
use test_case::test_case;

/// Who writes to what a breakpoint watches.
#[derive(Clone, Copy, PartialEq)]
enum Writer {
    /// A program that holds what a perf event's program yields to.
    Kprobe,
    /// A program that holds nothing but itself.
    Fentry,
    /// A system call that holds off programs while it changes a map.
    MapSyscall,
}
use Writer::{Fentry, Kprobe, MapSyscall};

impl Writer {
    fn scenario(self) -> &'static str {
        match self {
            Kprobe => "perf_event/in-kprobe",
            Fentry => "perf_event/in-fentry",
            MapSyscall => "perf_event/in-map-syscall",
        }
    }

    /// The program that writes, if it is one.
    fn program(self) -> Option<&'static str> {
        match self {
            Kprobe => Some("in_kprobe"),
            Fentry => Some("in_fentry"),
            MapSyscall => None,
        }
    }
}

#[test_case(Kprobe)]
#[test_case(Fentry)]
#[test_case(MapSyscall)]
fn breakpoint(writer: Writer) -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, BREAKPOINT])? else {
        return Ok(());
    };
    if writer == MapSyscall && !memcpy_takes_words()? {
        return scene.skip_on_this_machine("memcpy() by words: it has FSRM");
    }
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(PerfEventSkelBuilder::default(), &mut storage, |open| {
        let mut names = vec!["trigger", "locate", "on_write"];
        names.extend(writer.program());
        keep_only(open, &names);
    })?;
    let progs = &skel.progs;
    progs.locate.test_run(ProgramInput::default())?;
    let bss = skel.maps.bss_data.as_deref().context("no .bss")?;
    let address = match writer {
        MapSyscall => bss.written_address,
        _ => bss.address,
    };
    let watching = Probe::write_breakpoint(&progs.on_write, address)?;
    let _writing = match writer {
        Kprobe => Some(Probe::kprobe(&progs.in_kprobe, FENTRY_TEST1.function)?),
        Fentry => Some(Probe::fentry(&progs.in_fentry)?),
        MapSyscall => None,
    };

    let key = 0_u32.to_ne_bytes();
    let values = vec![vec![1; size_of::<value>()]; num_possible_cpus()?];
    let update = |_| {
        skel.maps
            .written
            .update_percpu(&key, &values, MapFlags::ANY)
    };
    for times in TIMES {
        let more = scene.go_on_to(times);
        match writer {
            MapSyscall => (0..more).try_for_each(update)?,
            Kprobe | Fentry => fire(&progs.trigger, more)?,
        }
        match writer {
            Kprobe => scene.check_step("in_kprobe", &bss.runs.in_kprobe),
            Fentry => scene.check_step("in_fentry", &bss.runs.in_fentry),
            MapSyscall => {}
        }
        scene.observe(writer.scenario(), &watching, &bss.runs.on_write)?;
    }
    scene.close()
}

/// A breakpoint, and a program that writes to what it watches.
#[test]
fn breakpoint_in_itself() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, BREAKPOINT])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(PerfEventSkelBuilder::default(), &mut storage, |open| {
        keep_only(open, &["locate", "on_own_write", "write"]);
    })?;
    let progs = &skel.progs;
    progs.locate.test_run(ProgramInput::default())?;
    let bss = skel.maps.bss_data.as_deref().context("no .bss")?;
    let watching = Probe::write_breakpoint(&progs.on_own_write, bss.address)?.hit_per_trigger(2);

    for times in TIMES {
        fire(&progs.write, scene.go_on_to(times))?;
        let scenario = "perf_event/breakpoint-in-itself";
        scene.observe(scenario, &watching, &bss.runs.on_own_write)?;
    }
    scene.close()
}

/// Whether a breakpoint is hit once per word that the kernel copies: on processors
/// with fast short strings it copies bytes, and how often they stop is up to them.
fn memcpy_takes_words() -> Result<bool> {
    let info = fs::read_to_string("/proc/cpuinfo").context("reading /proc/cpuinfo")?;
    Ok(!info.split_whitespace().any(|flag| flag == "fsrm"))
}

/// Page faults of this thread, in user space or in a fentry program that may
/// sleep.
#[test_case(false; "in user space")]
#[test_case(true; "in fentry")]
fn page_fault(in_fentry: bool) -> Result<()> {
    // Programs may sleep on the function since there is the kfunc, too.
    let needs = [FENTRY_TEST1, KFUNC];
    let needs = if in_fentry { &needs[..] } else { &needs[..1] };
    let Some(mut scene) = Scene::begin(needs)? else {
        return Ok(());
    };
    let page = Page::map()?;
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(PerfEventSkelBuilder::default(), &mut storage, |open| {
        let mut names = vec!["trigger", "on_fault"];
        names.extend(in_fentry.then_some("faulting"));
        keep_only(open, &names);
        if let Some(bss) = open.maps.bss_data.as_deref_mut() {
            bss.page = page.address();
        }
    })?;
    let progs = &skel.progs;
    let faulted = Probe::each(&progs.on_fault, Counted::PageFaults)?;
    let _faulting = in_fentry
        .then(|| Probe::fentry(&progs.faulting))
        .transpose()?;

    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    for times in TIMES {
        for _ in 0..scene.go_on_to(times) {
            page.empty()?;
            if in_fentry {
                fire(&progs.trigger, 1)?;
            } else {
                page.touch();
            }
        }
        let scenario = if in_fentry {
            scene.check_step("faulting", &runs.faulting);
            "perf_event/page-fault-in-fentry"
        } else {
            "perf_event/page-fault"
        };
        scene.observe(scenario, &faulted, &runs.on_fault)?;
    }
    scene.close()
}

/// Moves of this thread from CPU to CPU.
#[test]
fn migration() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(PerfEventSkelBuilder::default(), &mut storage, |open| {
        keep_only(open, &["on_overflow"]);
    })?;
    let event = open_counter(Counted::Migrations, 1)?;
    // A thread keeps the mark of a move (`task_struct.sched_migrated`) until it is
    // switched to while some event counts moves, and hands it to its children: the mark
    // of an earlier one would count here. This move takes it along.
    migrate()?;
    let moved = Probe::perf_event(&skel.progs.on_overflow, event)?;

    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    for times in TIMES {
        for _ in 0..scene.go_on_to(times) {
            migrate()?;
        }
        scene.observe("perf_event/migration", &moved, &runs.on_overflow)?;
    }
    scene.close()
}

/// Instructions per overflow, many times what the test does around its work.
const PERIOD: u64 = 1_000_000;

/// Instructions of this thread, where the processor counts them: no emulated one
/// does.
#[test]
fn instructions() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1])? else {
        return Ok(());
    };
    let event = match open_counter(Counted::Instructions, PERIOD) {
        Ok(event) => event,
        Err(err) => return scene.skip_on_this_machine(&format!("counter of instructions: {err}")),
    };
    let mut storage = MaybeUninit::uninit();
    let skel = load_with(PerfEventSkelBuilder::default(), &mut storage, |open| {
        keep_only(open, &["on_overflow"]);
    })?;
    let mut counter = File::from(event.try_clone()?);
    let overflown = Probe::perf_event(&skel.progs.on_overflow, event)?;

    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    for times in TIMES {
        scene.go_on_to(times);
        while read_count(&mut counter)? < times * PERIOD {
            work();
        }
        scene.observe("perf_event/instructions", &overflown, &runs.on_overflow)?;
    }
    scene.close()
}

/// Some instructions, few beside a period.
fn work() {
    for turn in 0..PERIOD / 100 {
        black_box(turn);
    }
}

/// What a perf event has counted so far.
fn read_count(event: &mut File) -> io::Result<u64> {
    let mut count = [0; 8];
    event.read_exact(&mut count)?;
    Ok(u64::from_ne_bytes(count))
}
