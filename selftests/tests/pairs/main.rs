// SPDX-License-Identifier: GPL-2.0-only
//! The pair matrix: what becomes of the hit of a program of one attach type while a
//! program of another runs on the same CPU.
//!
//! The outer programs are on what the trigger has the kernel do, each alone on
//! its function, and all but one of them return at once. That one calls the kfunc
//! `bpf_modify_return_test_tp`, on which, or on whose tracepoint, the inner ones
//! sit (before 6.10 a helper, and a page fault), and writes to a variable that a
//! breakpoint watches. Inner programs take turns: of
//! those that ftrace calls, one kind is attached at a time. So ftrace has one user per
//! function, and no pair has a third level (tests/recursion.rs).

mod programs;

use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::slice::from_mut;

use anyhow::Result;
use libbpf_rs::skel::OpenSkel;
use libbpf_rs::{MapCore, MapFlags, OpenObject, ProgramInput, ProgramMut};
use nmissed_selftests::AttachType::{PerfEvent, Uprobe};
use nmissed_selftests::needs::{FENTRY_TEST1, KernelFunction, MAP_UPDATE};
use nmissed_selftests::skel::load_with;
use nmissed_selftests::skel::pairs::{PairsProgs, PairsSkel, PairsSkelBuilder, types};
use nmissed_selftests::{Scenario, Test, each, fire, run_test, scenario, variables};
use nmissed_uapi::Page;
use nmissed_wire::PAIR_IN;
use test_case::test_case;

use Context::{Itself, ItselfAs, MapSyscall, Nothing, Program};
use programs::{KPROBE, KRETPROBE, Place, Placed, Row, UPROBE_ROW, rows, user_space};

/// What runs on the CPU when the inner programs are hit.
#[derive(Clone, Copy, Debug)]
enum Context {
    /// Nothing that a program could yield to.
    Nothing,
    /// Another program.
    Program(&'static Row),
    /// The inner program itself.
    Itself(&'static Row),
    /// The inner program, which is also attached like this.
    ItselfAs(&'static Row),
    /// A system call that disables programs while it changes a map
    /// (`bpf_disable_instrumentation`).
    MapSyscall,
}

impl Context {
    /// Returns the end of the scenario's id.
    fn name(self) -> String {
        match self {
            Nothing => "nothing".to_owned(),
            Program(row) => row.name.to_owned(),
            Itself(_) => "itself".to_owned(),
            ItselfAs(row) => format!("itself-as-{}", row.name),
            MapSyscall => "map-syscall".to_owned(),
        }
    }

    /// Returns the row of the outer program.
    fn row(self) -> Option<&'static Row> {
        match self {
            Program(row) | Itself(row) | ItselfAs(row) => Some(row),
            Nothing | MapSyscall => None,
        }
    }

    /// Hits the inner programs in this context, and observes them. `check_outer` says that
    /// the outer program runs once per trigger.
    fn measure(
        self,
        test: &mut Test,
        inner: &mut [Scenario<'_, '_>],
        fixture: &Fixture<'_>,
        check_outer: bool,
    ) -> Result<()> {
        self.arm(&fixture.skel.progs)?;
        let name = self.name();
        for scenario in &mut *inner {
            scenario.restart(format!("{}{PAIR_IN}{name}", scenario.attach_type()))?;
        }
        let outer = [(&*name, &variables!(fixture.skel).runs.outer)];
        let steps = if check_outer { &outer[..] } else { &[] };
        test.measure(each(|| self.hit(fixture)), steps, inner)
    }

    /// Selects the outer program that runs; all others return at once.
    fn arm(self, progs: &PairsProgs<'_>) -> Result<()> {
        let armed = self.row().map_or(types::row::NONE.0, Row::armed);
        progs.arm.test_run(ProgramInput {
            context_in: Some(&mut u64::from(armed).to_ne_bytes()),
            ..Default::default()
        })?;
        Ok(())
    }

    /// Hits the inner programs once.
    fn hit(self, fixture: &Fixture<'_>) -> Result<()> {
        let skel = &fixture.skel;
        match (self, self.row().map(|row| row.attach_type)) {
            (MapSyscall, _) => {
                // Writes to what the breakpoint watches.
                let key = 0_u32.to_ne_bytes();
                Ok(skel.maps.bss_watched.update(&key, &[1], MapFlags::ANY)?)
            }
            (Program(_) | Itself(_), Some(PerfEvent)) => fixture.fault(),
            (Nothing | Itself(_), _) => run(&skel.progs.alone),
            (_, Some(Uprobe)) => {
                user_space();
                Ok(())
            }
            _ => fire(&skel.progs.trigger, 1),
        }
    }
}

/// Runs a program that is not attached.
fn run(program: &ProgramMut<'_>) -> Result<()> {
    program.test_run(ProgramInput::default())?;
    Ok(())
}

/// What all pairs need.
const NEEDS: &[KernelFunction] = &[FENTRY_TEST1, MAP_UPDATE];

/// Each inner program in each context of a place.
#[test_case(false; "programs")]
#[test_case(true; "map syscall")]
fn others(in_map_syscall: bool) -> Result<()> {
    run_test(NEEDS, |test| {
        let (place, contexts): (_, Vec<_>) = match in_map_syscall {
            true => (Place::MapUpdate, vec![MapSyscall]),
            false => {
                let programs = rows().map(Program);
                let contexts = [Nothing].into_iter().chain(programs);
                (Place::passed(test)?, contexts.collect())
            }
        };
        let outer_rows = contexts.iter().filter_map(|it| it.row());
        let outer = possible(
            test,
            outer_rows.map(|row| Placed::outer(row, Place::Trigger)),
        )?;
        let inner = possible(test, rows().filter_map(|row| Placed::inner(row, place)))?;
        let mut storage = MaybeUninit::uninit();
        let fixture = Fixture::with_only(&[&outer[..], &inner].concat(), &mut storage)?;
        let skel = &fixture.skel;
        let _attached = outer
            .iter()
            .map(|program| program.attach(skel))
            .collect::<Result<Vec<_>>>()?;

        let is_attached = |row| outer.iter().any(|program| program.row == row);
        let mut groups = BTreeMap::<_, Vec<_>>::new();
        for program in inner {
            groups.entry(program.row.group()).or_default().push(program);
        }
        for group in groups.into_values() {
            let mut inner = attach_inner(&group, skel)?;
            for context in &contexts {
                if context.row().is_none_or(is_attached) {
                    let check_outer = context.row().is_some();
                    context.measure(test, &mut inner, &fixture, check_outer)?;
                }
            }
        }
        Ok(())
    })
}

/// Attaches inner programs, whose scenarios have no ids yet.
fn attach_inner<'p, 'obj>(
    programs: &[Placed],
    skel: &'p PairsSkel<'obj>,
) -> Result<Vec<Scenario<'p, 'obj>>> {
    let runs = &variables!(skel).runs;
    let attach = |program: &Placed| {
        let row = program.row;
        let it = scenario("", program.attach(skel)?, row.inner_runs(runs));
        Ok(if row.attach_type.is_session() {
            it.session(row.inner_returns(runs))
        } else {
            it
        })
    };
    programs.iter().map(attach).collect()
}

/// Each program in itself.
#[test]
fn itself() -> Result<()> {
    run_test(NEEDS, |test| {
        // Outer programs, of the rows that have an inner one.
        let place = Place::passed(test)?;
        let can_be_inner = |row: &&'static Row| Placed::inner(row, place).is_some();
        let all = rows().filter(can_be_inner);
        let all = possible(test, all.map(|row| Placed::outer(row, place)))?;
        let mut storage = MaybeUninit::uninit();
        let fixture = Fixture::with_only(&all, &mut storage)?;
        let skel = &fixture.skel;

        for program in all {
            // A page fault starts it: no breakpoint is hit in a program that a test run runs.
            let on_fault = Placed::outer(program.row, Place::Trigger);
            let is_event = program.row.attach_type == PerfEvent;
            let _on_fault = is_event.then(|| on_fault.attach(skel)).transpose()?;
            let probe = program.attach(skel)?.hit_per_trigger(2);
            let mut probe = scenario("", probe, &variables!(skel).runs.outer);
            Itself(program.row).measure(test, from_mut(&mut probe), &fixture, false)?;
        }
        Ok(())
    })
}

/// A program that is attached in two places in two ways.
#[test_case(&KPROBE; "kprobe")]
#[test_case(&UPROBE_ROW; "uprobe")]
fn itself_as(row: &'static Row) -> Result<()> {
    run_test(&[NEEDS, row.need().as_slice()].concat(), |test| {
        let outer = Placed::outer(row, Place::Trigger);
        let mut storage = MaybeUninit::uninit();
        let fixture = Fixture::with_only(&[outer], &mut storage)?;
        let skel = &fixture.skel;
        let _attached = outer.attach(skel)?;

        for inner in [&KPROBE, &KRETPROBE] {
            let program = outer.program(&skel.progs);
            let probe = Placed::outer(inner, Place::passed(test)?).attach_program(program, skel)?;
            // The other hit is that of the trigger.
            let probe = probe.hit_per_trigger(2);
            let mut probe = scenario("", probe, &variables!(skel).runs.outer);
            ItselfAs(row).measure(test, from_mut(&mut probe), &fixture, false)?;
        }
        Ok(())
    })
}

/// Returns the programs that the kernel can attach.
fn possible(test: &Test, all: impl Iterator<Item = Placed>) -> Result<Vec<Placed>> {
    let mut possible = Vec::new();
    for program in all {
        if program.is_possible(test)? {
            possible.push(program);
        }
    }
    Ok(possible)
}

/// The loaded programs, and the page whose faults hit some of them.
struct Fixture<'obj> {
    skel: PairsSkel<'obj>,
    page: Page,
}

impl<'obj> Fixture<'obj> {
    /// Loads these programs and those that are never attached, one of which finds the
    /// address that the breakpoint watches.
    fn with_only(placed: &[Placed], storage: &'obj mut MaybeUninit<OpenObject>) -> Result<Self> {
        let page = Page::map()?;
        let skel = load_with(PairsSkelBuilder::default(), storage, |open| {
            if let Some(bss) = open.maps.bss_data.as_deref_mut() {
                bss.page = page.address();
            }
            if let Some(rodata) = open.maps.rodata_data.as_deref_mut() {
                rodata.is_inner = placed.iter().any(Placed::is_outer_as_inner);
            }
            for mut program in open.open_object_mut().progs_mut() {
                let name = program.name().to_string_lossy().into_owned();
                if let Some(placed) = placed.iter().find(|it| it.name == name) {
                    if let Some(target) = placed.load_target() {
                        program.set_attach_target(0, Some(target.to_owned()))?;
                    }
                } else if name.starts_with("outer_") || name.starts_with("inner_") {
                    program.set_autoload(false);
                }
            }
            Ok(())
        })?;
        run(&skel.progs.locate)?;
        Ok(Self { skel, page })
    }

    fn fault(&self) -> Result<()> {
        self.page.empty()?;
        self.page.touch();
        Ok(())
    }
}
