// SPDX-License-Identifier: GPL-2.0-only
//! A function of user space that is entered again before it returns: no program on it
//! yields to anything (`bpf_prog_run_array_uprobe`, `uprobe_prog_run`), so all of them
//! run; but the kernel keeps no more than 64 returns per thread
//! (`MAX_URETPROBE_DEPTH`).

use std::ffi::c_int;
use std::hint::black_box;
use std::mem::MaybeUninit;

use anyhow::Result;
use libbpf_rs::{OpenObject, ProgramMut};
use nmissed_selftests::AttachType::{
    self, Uprobe, UprobeMulti, UprobeSession, Uretprobe, UretprobeMulti,
};
use nmissed_selftests::needs::UPROBE;
use nmissed_selftests::skel::load_without;
use nmissed_selftests::skel::uprobe::{UprobeProgs, UprobeSkel, UprobeSkelBuilder, types};
use nmissed_selftests::{
    Probe, SetBy, Target, Test, TraceEvent, each, file_offset, run_test, scenario, variables,
};
use nmissed_uapi::interrupt;
use test_case::test_matrix;

/// As many returns as the kernel keeps of a thread.
const KEPT: u64 = 64;

/// Calls itself until it was entered `depth` times, and has a signal interrupt
/// the innermost call on request.
#[inline(never)]
fn probed(depth: u64, interrupted: bool) -> u64 {
    if depth > 1 {
        // The addition keeps it a call.
        black_box(probed(black_box(depth - 1), interrupted)) + 1
    } else {
        if interrupted {
            interrupt(on_signal).expect("a signal for this thread");
        }
        1
    }
}

extern "C" fn on_signal(_: c_int) {
    black_box(probed(black_box(1), false));
}

/// How the function is entered.
#[derive(Clone, Copy)]
enum Entry {
    Once,
    AgainFromSignalHandler,
    /// So many times before it returns.
    Nested(u64),
}
use Entry::{AgainFromSignalHandler, Nested, Once};

impl Entry {
    /// The end of the scenario's id.
    fn name(self) -> String {
        match self {
            Once => "called".to_owned(),
            AgainFromSignalHandler => "from-signal-handler".to_owned(),
            Nested(depth) => format!("{depth}-deep"),
        }
    }

    /// Entries per trigger.
    fn hits(self) -> u64 {
        match self {
            Once => 1,
            AgainFromSignalHandler => 2,
            Nested(depth) => depth,
        }
    }

    fn trigger(self) {
        let depth = match self {
            Nested(depth) => depth,
            _ => 1,
        };
        let interrupted = matches!(self, AgainFromSignalHandler);
        assert_eq!(probed(black_box(depth), interrupted), depth);
    }
}

/// Returns the program of an attach type and its counter.
fn program<'p, 'obj>(
    attach_type: AttachType,
    progs: &'p UprobeProgs<'obj>,
    runs: &'p types::runs,
) -> (&'p ProgramMut<'obj>, &'p u64) {
    match attach_type {
        Uprobe => (&progs.on_entry, &runs.on_entry),
        Uretprobe => (&progs.on_return, &runs.on_return),
        UprobeMulti => (&progs.on_entry_multi, &runs.on_entry_multi),
        UretprobeMulti => (&progs.on_return_multi, &runs.on_return_multi),
        UprobeSession => (&progs.on_both, &runs.on_both),
        other => unreachable!("{other} is no probe of user space"),
    }
}

/// Loads the programs that the kernel can load.
fn load<'obj>(test: &Test, storage: &'obj mut MaybeUninit<OpenObject>) -> Result<UprobeSkel<'obj>> {
    let is_new = test.supports(UprobeSession);
    let unused: &[_] = if is_new { &[] } else { &["on_both"] };
    load_without(UprobeSkelBuilder::default(), storage, unused)
}

/// All attach types that the kernel has, on the same function.
#[test_matrix([Once, AgainFromSignalHandler, Nested(KEPT)])]
fn reentry(entry: Entry) -> Result<()> {
    run_test(&[UPROBE], |test| {
        let mut storage = MaybeUninit::uninit();
        let skel = load(test, &mut storage)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let target = Target::user_code(file_offset(probed as *const () as usize)?);
        let scenarios = [
            Uprobe,
            Uretprobe,
            UprobeMulti,
            UretprobeMulti,
            UprobeSession,
        ]
        .into_iter()
        .filter(|it| test.supports(*it))
        .map(|attach_type| {
            let (program, runs_of) = program(attach_type, progs, runs);
            let probe = Probe::attach(attach_type, program, &target)?;
            let id = format!("{attach_type}/{}", entry.name());
            let it = scenario(id, probe.hit_per_trigger(entry.hits()), runs_of);
            Ok(match attach_type {
                UprobeSession => it.session(&runs.on_both_return),
                _ => it,
            })
        })
        .collect::<Result<Vec<_>>>()?;
        let enter = || {
            entry.trigger();
            Ok(())
        };
        test.measure(each(enter), &[], &scenarios)
    })
}

/// One level deeper than returns are kept; of a session the returns are counted.
#[test_matrix([Uretprobe, UretprobeMulti, UprobeSession])]
fn too_deep(attach_type: AttachType) -> Result<()> {
    run_test(&[UPROBE], |test| {
        test.require_attach_type(attach_type)?;
        let mut storage = MaybeUninit::uninit();
        let skel = load(test, &mut storage)?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let target = Target::user_code(file_offset(probed as *const () as usize)?);
        let (program, runs_of) = program(attach_type, progs, runs);
        let runs_of = match attach_type {
            UprobeSession => &runs.on_both_return,
            _ => runs_of,
        };
        let entry = Nested(KEPT + 1);
        let probe = Probe::attach(attach_type, program, &target)?.hit_per_trigger(entry.hits());
        let returns = scenario(format!("{attach_type}/{}", entry.name()), probe, runs_of);
        let enter = || {
            entry.trigger();
            Ok(())
        };
        test.measure(each(enter), &[], &[returns])
    })
}

/// Events of tracefs, as deep as returns are kept, and one deeper; and one to which a
/// program is attached after the event has missed returns.
#[test_matrix([KEPT, KEPT + 1])]
fn events(depth: u64) -> Result<()> {
    run_test(&[UPROBE], |test| {
        let mut storage = MaybeUninit::uninit();
        let builder = UprobeSkelBuilder::default();
        let skel = load_without(builder, &mut storage, &["on_both"])?;
        let (progs, runs) = (&skel.progs, &variables!(skel).runs);
        let offset = file_offset(probed as *const () as usize)?;
        let entry = TraceEvent::uprobe("entry", offset)?;
        let exit = TraceEvent::uretprobe("exit", offset)?;
        let on_event = |id, program, event, by, runs| {
            let probe = Probe::trace_event(program, event, by)?.hit_per_trigger(depth);
            anyhow::Ok(scenario(format!("{id}-{depth}-deep"), probe, runs))
        };
        macro_rules! on {
            ($event:expr, $by:ident, $id:literal, $program:ident) => {
                on_event($id, &progs.$program, $event, SetBy::$by, &runs.$program)?
            };
        }
        let mut enter = each(|| {
            Nested(depth).trigger();
            Ok(())
        });

        let at_first = [
            on!(&entry, Link, "uprobe/event-by-link", entry_by_link),
            on!(&entry, Ioctl, "uprobe/event-by-ioctl", entry_by_ioctl),
            on!(&exit, Link, "uretprobe/event-by-link", return_by_link),
            on!(&exit, Ioctl, "uretprobe/event-by-ioctl", return_by_ioctl),
        ];
        test.measure(&mut enter, &[], &at_first)?;
        drop(at_first);

        let again = on!(&exit, Link, "uretprobe/event-again", return_again);
        test.measure(enter, &[], &[again])
    })
}
