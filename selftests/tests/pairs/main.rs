// SPDX-License-Identifier: GPL-2.0-only
//! Every attach type in every other: what becomes of the hit of one program
//! while another runs on the same CPU.
//!
//! The outer programs are on what the trigger has the kernel do, each alone on
//! its function, and all but one of them return at once. That one calls the kfunc
//! `bpf_modify_return_test_tp`, on which, or on whose tracepoint, the inner one
//! sits, and writes to a variable that a breakpoint watches. There is one inner
//! program at a time. So ftrace has one user per function, and no pair has a third
//! level (tests/recursion.rs).

mod parts;

use std::mem::MaybeUninit;

use anyhow::Result;
use libbpf_rs::skel::OpenSkel;
use libbpf_rs::{MapCore, MapFlags, OpenObject, OpenProgramMut, ProgramInput, ProgramMut};
use nmissed_selftests::needs::{FENTRY_TEST1, KFUNC, MAP_UPDATE, Need};
use nmissed_selftests::skel::load_with;
use nmissed_selftests::skel::pairs::{PairsProgs, PairsSkel, PairsSkelBuilder, types};
use nmissed_selftests::{Flavor, Probe, Scene, TIMES, counted, fire};
use nmissed_uapi::Page;
use nmissed_wire::PAIR_IN;
use test_case::{test_case, test_matrix};

use Flavor::{Ftrace, Int3, Optimized};
use Outer::{Itself, ItselfAs, MapSyscall, Nothing, Program};
use parts::Kind::{
    self, Fentry, Fexit, FmodRet, Fsession, Kprobe, KprobeMulti, KprobeSession, Kretprobe,
    KretprobeMulti, Lsm, PerfEvent, RawTp, SyscallTp, Tp, TpBtf, Uprobe,
};
use parts::{IN_KFUNC, IN_MAP_UPDATE, Part, Places, bss, outer_program, user_space};

/// Those that can be hit while a program runs: no program enters user space, and
/// only an LSM program passes a security hook (tests/syscall.rs). It takes the
/// kernel long to arm an optimized kprobe, which differs from others only until the
/// kprobe layer is reached.
const INNER: [Kind; 14] = [
    Kprobe(Ftrace),
    Kprobe(Int3),
    Kretprobe,
    KprobeMulti,
    KretprobeMulti,
    KprobeSession,
    Tp,
    RawTp,
    TpBtf,
    PerfEvent,
    Fentry,
    Fexit,
    FmodRet,
    Fsession,
];

/// What goes on when the inner program is hit.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outer {
    /// Nothing that any program could yield to.
    Nothing,
    /// The inner program itself.
    Itself(Kind),
    /// The inner program, attached like this, too.
    ItselfAs(Kind),
    /// Another program.
    Program(Kind),
    /// A system call that keeps programs off a map
    /// (`bpf_disable_instrumentation`).
    MapSyscall,
}

impl Outer {
    /// What happens to the inner program.
    fn scenario(self, inner: &Probe<'_, '_>) -> String {
        let name = match self {
            Nothing => "nothing".to_owned(),
            Itself(_) => "itself".to_owned(),
            ItselfAs(kind) => format!("itself-as-{}", kind.name()),
            Program(kind) => kind.name().to_owned(),
            MapSyscall => "map-syscall".to_owned(),
        };
        format!("{}{PAIR_IN}{name}", inner.attach_type())
    }

    /// Of the program that goes on.
    fn kind(self) -> Option<Kind> {
        match self {
            Program(kind) | Itself(kind) | ItselfAs(kind) => Some(kind),
            Nothing | MapSyscall => None,
        }
    }

    /// Has it hit the inner program as often as `TIMES` say; `judge` is told how
    /// often programs ran.
    fn nest(
        self,
        scene: &mut Scene,
        inner: &mut Probe<'_, '_>,
        stage: &Stage<'_>,
        judge: impl Fn(&mut Scene, &Probe<'_, '_>, Runs) -> Result<()>,
    ) -> Result<()> {
        self.arm(&stage.skel.progs)?;
        scene.start_over(inner, &0)?;
        let before = Runs::so_far(&stage.skel)?;
        for times in TIMES {
            for _ in 0..scene.go_on_to(times) {
                self.go(stage)?;
            }
            let runs = Runs::so_far(&stage.skel)?.since(before);
            judge(scene, inner, runs)?;
        }
        Ok(())
    }

    /// Has the outer program hit itself.
    fn nest_in_itself(
        self,
        scene: &mut Scene,
        probe: &mut Probe<'_, '_>,
        stage: &Stage<'_>,
    ) -> Result<()> {
        self.nest(scene, probe, stage, |scene, probe, runs| {
            scene.observe(&self.scenario(probe), probe, &runs.outer)
        })
    }

    fn arm(self, progs: &PairsProgs<'_>) -> Result<()> {
        let kind = self.kind().map(|kind| outer_program(kind, progs).1);
        let kind = u64::from(kind.unwrap_or(types::outer::NONE).0);
        progs.arm.test_run(ProgramInput {
            context_in: Some(&mut kind.to_ne_bytes()),
            ..Default::default()
        })?;
        Ok(())
    }

    /// Has it hit the inner program once.
    fn go(self, stage: &Stage<'_>) -> Result<()> {
        let progs = &stage.skel.progs;
        match self {
            MapSyscall => write_by_syscall(&stage.skel),
            Program(PerfEvent) | Itself(PerfEvent) => stage.fault(),
            Nothing | Itself(_) => run(&progs.alone),
            Program(Uprobe) | ItselfAs(Uprobe) => {
                user_space();
                Ok(())
            }
            Program(_) | ItselfAs(_) => fire(&progs.trigger, 1),
        }
    }
}

/// Runs a program that sits nowhere.
fn run(program: &ProgramMut<'_>) -> Result<()> {
    program.test_run(ProgramInput::default())?;
    Ok(())
}

/// Writes to what a breakpoint watches.
fn write_by_syscall(skel: &PairsSkel<'_>) -> Result<()> {
    let watched = &skel.maps.bss_watched;
    let key = 0_u32.to_ne_bytes();
    watched.update(&key, &[1], MapFlags::ANY)?;
    Ok(())
}

/// All that goes on when a kfunc is called.
const OUTER: [Outer; 19] = [
    Nothing,
    Program(Kprobe(Ftrace)),
    Program(Kprobe(Int3)),
    Program(Kprobe(Optimized)),
    Program(Kretprobe),
    Program(KprobeMulti),
    Program(KretprobeMulti),
    Program(KprobeSession),
    Program(Tp),
    Program(SyscallTp),
    Program(RawTp),
    Program(TpBtf),
    Program(PerfEvent),
    Program(Fentry),
    Program(Fexit),
    Program(FmodRet),
    Program(Fsession),
    Program(Lsm),
    Program(Uprobe),
];

/// What all pairs need.
const NEEDS: &[Need] = &[FENTRY_TEST1, KFUNC, MAP_UPDATE];

/// Each inner program in all that goes on.
#[test_case(&OUTER, IN_KFUNC; "programs")]
#[test_case(&[MapSyscall], IN_MAP_UPDATE; "map syscall")]
fn others(outers: &[Outer], inside: Places) -> Result<()> {
    let Some(mut scene) = Scene::begin(NEEDS)? else {
        return Ok(());
    };
    let outer_parts = outers.iter().filter_map(|it| it.kind());
    let outer_parts = possible(&scene, outer_parts.map(Part::on_trigger))?;
    let inner_parts = INNER.iter().map(|kind| Part::inner(*kind, inside));
    let inner_parts = possible(&scene, inner_parts)?;
    let mut storage = MaybeUninit::uninit();
    let stage = Stage::with_only(&[&outer_parts[..], &inner_parts].concat(), &mut storage)?;
    let attached = outer_parts.iter().map(|part| part.attach(&stage.skel));
    let _attached = attached.collect::<Result<Vec<_>>>()?;

    let is_there = |kind| outer_parts.iter().any(|part| part.kind == kind);
    let outers = outers.iter().filter(|it| it.kind().is_none_or(is_there));
    for inner in inner_parts {
        let mut probe = inner.attach(&stage.skel)?;
        for outer in outers.clone() {
            outer.nest(&mut scene, &mut probe, &stage, |scene, probe, runs| {
                if outer.kind().is_some() {
                    scene.check_step(&outer.scenario(probe), &runs.outer);
                }
                if matches!(inner.kind, KprobeSession | Fsession) {
                    scene.check_pairs(&runs.inner, &runs.inner_return);
                }
                scene.observe(&outer.scenario(probe), probe, &runs.inner)
            })?;
        }
    }
    scene.close()
}

/// Each program in itself.
#[test]
fn itself() -> Result<()> {
    let Some(mut scene) = Scene::begin(NEEDS)? else {
        return Ok(());
    };
    let parts = INNER.iter().map(|kind| Part::outer(*kind, IN_KFUNC));
    let parts = possible(&scene, parts)?;
    let mut storage = MaybeUninit::uninit();
    let stage = Stage::with_only(&parts, &mut storage)?;

    for part in parts {
        // No breakpoint is hit in the program that another one runs.
        let starting = (part.kind == PerfEvent).then(|| Part::on_trigger(PerfEvent));
        let _starting = starting.map(|it| it.attach(&stage.skel)).transpose()?;
        let mut probe = part.attach(&stage.skel)?.hit_per_trigger(2);
        Itself(part.kind).nest_in_itself(&mut scene, &mut probe, &stage)?;
    }
    scene.close()
}

/// A program that sits in two places in two ways.
#[test_matrix([Kprobe(Ftrace), Uprobe])]
fn itself_as(kind: Kind) -> Result<()> {
    let needs = [NEEDS, kind.need().as_slice()].concat();
    let Some(mut scene) = Scene::begin(&needs)? else {
        return Ok(());
    };
    let part = Part::on_trigger(kind);
    let mut storage = MaybeUninit::uninit();
    let stage = Stage::with_only(&[part], &mut storage)?;
    let _attached = part.attach(&stage.skel)?;

    for inner in [Kprobe(Ftrace), Kretprobe] {
        let program = part.program(&stage.skel.progs);
        let probe = inner.attach(program, IN_KFUNC, &stage.skel)?;
        // And once where the trigger is.
        let mut probe = probe.hit_per_trigger(2);
        ItselfAs(kind).nest_in_itself(&mut scene, &mut probe, &stage)?;
    }
    scene.close()
}

/// Those parts that the kernel has all it takes for.
fn possible(scene: &Scene, parts: impl Iterator<Item = Part>) -> Result<Vec<Part>> {
    let mut possible = Vec::new();
    for part in parts {
        if part.kind.is_possible(scene, part.places)? {
            possible.push(part);
        }
    }
    Ok(possible)
}

/// The programs, and what they are hit by.
struct Stage<'obj> {
    skel: PairsSkel<'obj>,
    page: Page,
}

impl<'obj> Stage<'obj> {
    /// Loads the programs of these parts, and those that sit nowhere; has the latter
    /// find out where the breakpoint goes.
    fn with_only(parts: &[Part], storage: &'obj mut MaybeUninit<OpenObject>) -> Result<Self> {
        let page = Page::map()?;
        let mut prepared = Ok(());
        let skel = load_with(PairsSkelBuilder::default(), storage, |open| {
            if let Some(bss) = open.maps.bss_data.as_deref_mut() {
                bss.page = page.address();
            }
            let mut programs = open.open_object_mut().progs_mut();
            prepared = programs.try_for_each(|mut program| prepare(&mut program, parts));
        })?;
        prepared?;
        run(&skel.progs.locate)?;
        Ok(Self { skel, page })
    }

    /// Has the page fault once.
    fn fault(&self) -> Result<()> {
        self.page.empty()?;
        self.page.touch();
        Ok(())
    }
}

fn prepare(program: &mut OpenProgramMut<'_>, parts: &[Part]) -> Result<()> {
    let name = program.name().to_string_lossy().into_owned();
    if let Some(part) = parts.iter().find(|part| part.name() == name) {
        if let Some(target) = part.kind.target(part.places) {
            program.set_attach_target(0, Some(target))?;
        }
    } else if name.starts_with("outer_") || name.starts_with("inner_") {
        program.set_autoload(false);
    }
    Ok(())
}

/// How often the programs that are attached ran.
#[derive(Clone, Copy)]
struct Runs {
    outer: u64,
    inner: u64,
    inner_return: u64,
}

impl Runs {
    fn so_far(skel: &PairsSkel<'_>) -> Result<Self> {
        let runs = &bss(skel)?.runs;
        Ok(Self {
            outer: counted(&runs.outer),
            inner: counted(&runs.inner),
            inner_return: counted(&runs.inner_return),
        })
    }

    fn since(self, before: Self) -> Self {
        Self {
            outer: self.outer - before.outer,
            inner: self.inner - before.inner,
            inner_return: self.inner_return - before.inner_return,
        }
    }
}
