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
use nmissed_evidence::PAIR_IN;
use nmissed_selftests::needs::{FENTRY_TEST1, KFUNC, MAP_UPDATE, Need};
use nmissed_selftests::skel::load_with;
use nmissed_selftests::skel::pairs::{PairsProgs, PairsSkel, PairsSkelBuilder, types};
use nmissed_selftests::{Flavor, Probe, Scene, counted, fire};
use test_case::{test_case, test_matrix};

use Flavor::{Ftrace, Int3, Optimized};
use Outer::{Itself, ItselfAs, MapSyscall, Nothing, Program};
use parts::Kind::{
    self, Fentry, Fexit, FmodRet, Fsession, Kprobe, KprobeMulti, KprobeSession, Kretprobe,
    KretprobeMulti, Lsm, PerfEvent, RawTp, SyscallTp, Tp, TpBtf, Uprobe,
};
use parts::{IN_KFUNC, IN_MAP_UPDATE, Part, Places, bss, outer_program, user_space};

/// Hits per pair.
const TRIGGERS: u64 = 2;

/// Those that can be hit while a program runs: no program enters user space,
/// or calls what calls a security hook. It takes the kernel long to arm an
/// optimized kprobe, which differs from others only until the kprobe layer is
/// reached.
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

    /// Has it hit the inner program, and says how often programs ran.
    fn nest(self, inner: &mut Probe<'_, '_>, skel: &PairsSkel<'_>) -> Result<Runs> {
        self.arm(&skel.progs)?;
        inner.start_over(0)?;
        let before = Runs::so_far(skel)?;
        for _ in 0..TRIGGERS {
            self.go(skel)?;
        }
        Ok(Runs::so_far(skel)?.since(before))
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
    fn go(self, skel: &PairsSkel<'_>) -> Result<()> {
        let progs = &skel.progs;
        match self {
            MapSyscall => write_by_syscall(skel),
            Nothing | Itself(_) => run(&progs.alone),
            Program(PerfEvent) => run(&progs.start),
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
    let Some(mut scene) = Scene::open(TRIGGERS, NEEDS)? else {
        return Ok(());
    };
    let outer_parts = outers.iter().filter_map(|it| it.kind());
    let outer_parts = possible(&scene, outer_parts.map(Part::on_trigger))?;
    let inner_parts = INNER.iter().map(|kind| Part::inner(*kind, inside));
    let inner_parts = possible(&scene, inner_parts)?;
    let mut storage = MaybeUninit::uninit();
    let skel = load_only(&[&outer_parts[..], &inner_parts].concat(), &mut storage)?;
    let attached = outer_parts.iter().map(|part| part.attach(&skel));
    let _attached = attached.collect::<Result<Vec<_>>>()?;

    let is_there = |kind| outer_parts.iter().any(|part| part.kind == kind);
    let outers = outers.iter().filter(|it| it.kind().is_none_or(is_there));
    for inner in inner_parts {
        let mut probe = inner.attach(&skel)?;
        for outer in outers.clone() {
            let runs = outer.nest(&mut probe, &skel)?;

            if outer.kind().is_some() {
                scene.check_step(&outer.scenario(&probe), &runs.outer);
            }
            scene.observe(&outer.scenario(&probe), &probe, &runs.inner)?;
            if matches!(inner.kind, KprobeSession | Fsession) {
                scene.check_pairs(&runs.inner, &runs.inner_return);
            }
        }
    }
    scene.close()
}

/// Each program in itself.
#[test]
fn itself() -> Result<()> {
    let Some(mut scene) = Scene::open(TRIGGERS, NEEDS)? else {
        return Ok(());
    };
    let parts = INNER.iter().map(|kind| Part::outer(*kind, IN_KFUNC));
    let parts = possible(&scene, parts)?;
    let mut storage = MaybeUninit::uninit();
    let skel = load_only(&parts, &mut storage)?;

    for part in parts {
        let mut probe = part.attach(&skel)?.hit_per_trigger(2);
        let outer = Itself(part.kind);

        let runs = outer.nest(&mut probe, &skel)?;

        scene.observe(&outer.scenario(&probe), &probe, &runs.outer)?;
    }
    scene.close()
}

/// A program that sits in two places in two ways.
#[test_matrix([Kprobe(Ftrace), Uprobe])]
fn itself_as(kind: Kind) -> Result<()> {
    let needs = [NEEDS, kind.need().as_slice()].concat();
    let Some(mut scene) = Scene::open(TRIGGERS, &needs)? else {
        return Ok(());
    };
    let part = Part::on_trigger(kind);
    let mut storage = MaybeUninit::uninit();
    let skel = load_only(&[part], &mut storage)?;
    let _attached = part.attach(&skel)?;

    for inner in [Kprobe(Ftrace), Kretprobe] {
        let probe = inner.attach(part.program(&skel.progs), IN_KFUNC, &skel)?;
        // And once where the trigger is.
        let mut probe = probe.hit_per_trigger(2);
        let outer = ItselfAs(kind);

        let runs = outer.nest(&mut probe, &skel)?;

        scene.observe(&outer.scenario(&probe), &probe, &runs.outer)?;
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

/// Loads the programs of these parts, and those that sit nowhere; has the latter
/// find out where breakpoints go.
fn load_only<'obj>(
    parts: &[Part],
    storage: &'obj mut MaybeUninit<OpenObject>,
) -> Result<PairsSkel<'obj>> {
    let mut prepared = Ok(());
    let skel = load_with(PairsSkelBuilder::default(), storage, |open| {
        let mut programs = open.open_object_mut().progs_mut();
        prepared = programs.try_for_each(|mut program| prepare(&mut program, parts));
    })?;
    prepared?;
    run(&skel.progs.locate)?;
    Ok(skel)
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
