// SPDX-License-Identifier: GPL-2.0-only
//! The programs of bpf/pairs.bpf.c, and where they sit.

use anyhow::Result;
use libbpf_rs::ProgramMut;
use nmissed_selftests::AttachType::{
    self, Fentry, FentryMulti, Fexit, FexitMulti, FmodRet, Fsession, FsessionMulti, Kprobe,
    KprobeMulti, KprobeSession, Kretprobe, KretprobeMulti, Lsm, PerfEvent, RawTp, RegisterKprobe,
    Tp, TpBtf, Uprobe, UprobeMulti, UprobeSession, Uretprobe, UretprobeMulti,
};
use nmissed_selftests::needs::{
    BREAKPOINT, FENTRY_TEST1, FPROBE, HELPER, KFUNC, KernelFunction, MAP_UPDATE, SESSION, UPROBE,
};
use nmissed_selftests::skel::pairs::{PairsProgs, PairsSkel, types};
use nmissed_selftests::{Flavor, Probe, Target, Test, file_offset, variables};

type Field = for<'p, 'obj> fn(&'p PairsProgs<'obj>) -> &'p ProgramMut<'obj>;

/// The programs of one row and column of the pair matrix.
#[derive(Debug)]
pub(crate) struct Row {
    /// In scenario ids.
    pub(crate) name: &'static str,
    pub(crate) attach_type: AttachType,
    pub(crate) flavor: Flavor,
    /// The function on which the outer program sits.
    outer_on: &'static str,
    outer: (&'static str, Field),
    /// The value of `armed` for which it runs, and the index of the inner one's counters.
    number: types::row,
    /// The inner program, if it can be hit while another program runs.
    inner: Option<(&'static str, Field)>,
}

macro_rules! field {
    ($program:ident) => {
        (stringify!($program), |progs| &progs.$program)
    };
}

macro_rules! rows {
    ($($row:ident = $name:literal, $type:ident $flavor:ident on $function:expr,
        $outer:ident $number:ident $(, $inner:ident)?;)+) => {
        $(pub(crate) const $row: Row = Row {
            name: $name,
            attach_type: $type,
            flavor: Flavor::$flavor,
            outer_on: $function,
            outer: field!($outer),
            number: types::row::$number,
            inner: rows!(@inner $($inner)?),
        };)+
    };
    (@inner) => { None };
    (@inner $inner:ident) => { Some(field!($inner)) };
}

/// Where trampolines and all that sits on no function share one.
const SHARED: &str = FENTRY_TEST1.name;

// No program enters user space, and only an LSM program passes a security hook
// (tests/syscall.rs): these have no inner program. Nor has an optimized kprobe, which the
// kernel takes long to arm and which differs from others only until the kprobe layer is
// reached.
rows! {
    KPROBE = "kprobe", Kprobe Ftrace on "bpf_fentry_test4",
        outer_kprobe KPROBE, inner_kprobe;
    KPROBE_INT3 = "kprobe-int3", Kprobe Int3 on "bpf_fentry_test2",
        outer_kprobe_int3 KPROBE_INT3, inner_kprobe_int3;
    KPROBE_OPTIMIZED = "kprobe-optimized", Kprobe Optimized on "bpf_fentry_test3",
        outer_kprobe_optimized KPROBE_OPTIMIZED;
    KRETPROBE = "kretprobe", Kretprobe Ftrace on "bpf_fentry_test5",
        outer_kretprobe KRETPROBE, inner_kretprobe;
    KPROBE_MULTI = "kprobe.multi", KprobeMulti Ftrace on "bpf_fentry_test6",
        outer_kprobe_multi KPROBE_MULTI, inner_kprobe_multi;
    KRETPROBE_MULTI = "kretprobe.multi", KretprobeMulti Ftrace on "bpf_fentry_test7",
        outer_kretprobe_multi KRETPROBE_MULTI, inner_kretprobe_multi;
    KPROBE_SESSION = "kprobe.session", KprobeSession Ftrace on "bpf_fentry_test8",
        outer_kprobe_session KPROBE_SESSION, inner_kprobe_session;
    TP = "tp", Tp Ftrace on SHARED,
        outer_tp TP, inner_tp;
    SYSCALL_TP = "syscall-tp", Tp Ftrace on SHARED,
        outer_syscall_tp SYSCALL_TP;
    RAW_TP = "raw_tp", RawTp Ftrace on SHARED,
        outer_raw_tp RAW_TP, inner_raw_tp;
    TP_BTF = "tp_btf", TpBtf Ftrace on SHARED,
        outer_tp_btf TP_BTF, inner_tp_btf;
    PERF_EVENT = "perf_event", PerfEvent Ftrace on SHARED,
        outer_perf_event PERF_EVENT, inner_perf_event;
    FENTRY = "fentry", Fentry Ftrace on SHARED,
        outer_fentry FENTRY, inner_fentry;
    FEXIT = "fexit", Fexit Ftrace on SHARED,
        outer_fexit FEXIT, inner_fexit;
    FMOD_RET = "fmod_ret", FmodRet Ftrace on SHARED,
        outer_fmod_ret FMOD_RET, inner_fmod_ret;
    FSESSION = "fsession", Fsession Ftrace on SHARED,
        outer_fsession FSESSION, inner_fsession;
    LSM = "lsm", Lsm Ftrace on SHARED,
        outer_lsm LSM;
    UPROBE_ROW = "uprobe", Uprobe Ftrace on SHARED,
        outer_uprobe UPROBE;
}

/// Returns the rows of an attach type.
const fn rows_of(attach_type: AttachType) -> &'static [Row] {
    match attach_type {
        Kprobe => &[KPROBE, KPROBE_INT3, KPROBE_OPTIMIZED],
        Kretprobe => &[KRETPROBE],
        KprobeMulti => &[KPROBE_MULTI],
        KretprobeMulti => &[KRETPROBE_MULTI],
        KprobeSession => &[KPROBE_SESSION],
        Tp => &[TP, SYSCALL_TP],
        RawTp => &[RAW_TP],
        TpBtf => &[TP_BTF],
        PerfEvent => &[PERF_EVENT],
        Fentry => &[FENTRY],
        Fexit => &[FEXIT],
        FmodRet => &[FMOD_RET],
        Fsession => &[FSESSION],
        Lsm => &[LSM],
        Uprobe => &[UPROBE_ROW],
        // No BPF program.
        RegisterKprobe => &[],
        // They take and yield to the same as trampolines of one function.
        FentryMulti | FexitMulti | FsessionMulti => &[],
        // They take nothing either.
        Uretprobe | UprobeMulti | UretprobeMulti | UprobeSession => &[],
    }
}

/// Returns all rows, in the order of attach types.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    AttachType::ALL.iter().flat_map(|it| rows_of(*it))
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Row {
    /// Returns the value of `armed` for which the outer program runs.
    pub(crate) fn armed(&self) -> u32 {
        self.number.0
    }

    /// Returns the counter of the inner program: its runs, on entry if it is a session.
    pub(crate) fn inner_runs<'r>(&self, runs: &'r types::runs) -> &'r u64 {
        &runs.inner[self.number.0 as usize]
    }

    /// Returns the counter of the inner program's runs on return, of a session.
    pub(crate) fn inner_returns<'r>(&self, runs: &'r types::runs) -> &'r u64 {
        &runs.inner_return[self.number.0 as usize]
    }

    /// Returns the group of inner programs that are attached together. In each, ftrace
    /// calls one on their function; trampolines of one function count as one.
    pub(crate) fn group(&self) -> &'static str {
        match self.attach_type {
            Fentry | Fexit | FmodRet | Fsession => "trampoline",
            // Only one of both flavors is called by ftrace, and none of the others.
            Kprobe | Tp | RawTp | TpBtf | PerfEvent => "kprobe",
            _ => self.name,
        }
    }

    /// Returns what the kernel must have, beside what all pairs need.
    pub(crate) fn need(&self) -> Option<KernelFunction> {
        match self.attach_type {
            KprobeMulti | KretprobeMulti => Some(FPROBE),
            KprobeSession => Some(SESSION),
            PerfEvent => Some(BREAKPOINT),
            Uprobe => Some(UPROBE),
            // Before the kfunc came, no function that a test run calls takes one.
            FmodRet => Some(KFUNC),
            _ => None,
        }
    }
}

/// Where a program sits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    /// What the trigger passes, each ftrace user on a function of its own.
    Trigger,
    /// What outer programs pass: the kfunc, its tracepoint or the watched variable.
    Kfunc,
    /// The same on a kernel that is too old for the kfunc: the helper and a page fault.
    Helper,
    /// What the update of a map by system call passes.
    MapUpdate,
}

impl Place {
    /// Returns where the running kernel has what outer programs pass.
    pub(crate) fn passed(test: &Test) -> Result<Self> {
        Ok(match test.callee()?.name == KFUNC.name {
            true => Self::Kfunc,
            false => Self::Helper,
        })
    }
}

/// A program in its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) row: &'static Row,
    place: Place,
    pub(crate) name: &'static str,
    field: Field,
}

impl Placed {
    pub(crate) fn outer(row: &'static Row, place: Place) -> Self {
        let (name, field) = row.outer;
        Self {
            row,
            place,
            name,
            field,
        }
    }

    /// Returns the inner program of a row that has one.
    pub(crate) fn inner(row: &'static Row, place: Place) -> Option<Self> {
        let (name, field) = row.inner?;
        Some(Self {
            row,
            place,
            name,
            field,
        })
    }

    /// Whether it is an outer program in the place of an inner one.
    pub(crate) fn is_outer_as_inner(&self) -> bool {
        self.name == self.row.outer.0 && self.place != Place::Trigger
    }

    pub(crate) fn program<'p, 'obj>(self, progs: &'p PairsProgs<'obj>) -> &'p ProgramMut<'obj> {
        (self.field)(progs)
    }

    pub(crate) fn attach<'p, 'obj>(self, skel: &'p PairsSkel<'obj>) -> Result<Probe<'p, 'obj>> {
        self.attach_program(self.program(&skel.progs), skel)
    }

    /// Attaches another program in its place.
    pub(crate) fn attach_program<'p, 'obj>(
        self,
        program: &'p ProgramMut<'obj>,
        skel: &PairsSkel<'_>,
    ) -> Result<Probe<'p, 'obj>> {
        let Row {
            attach_type,
            flavor,
            ..
        } = *self.row;
        let target = Target {
            flavor,
            tracepoint: self.tracepoint(),
            watched: match self.place {
                // Page faults, which leave the processor's breakpoints on.
                Place::Trigger => 0,
                _ => variables!(skel).address_of_watched,
            },
            user_code: match attach_type {
                Uprobe => file_offset(user_space as *const () as usize)?,
                _ => 0,
            },
            ..Target::function(self.function())
        };
        Probe::attach(attach_type, program, &target)
    }

    fn function(self) -> &'static str {
        match self.place {
            Place::Trigger => self.row.outer_on,
            Place::Kfunc => KFUNC.name,
            Place::Helper => HELPER.name,
            Place::MapUpdate => MAP_UPDATE.name,
        }
    }

    fn tracepoint(self) -> (&'static str, &'static str) {
        match self.place {
            Place::Trigger if *self.row == SYSCALL_TP => ("syscalls", "sys_enter_bpf"),
            Place::Trigger => ("bpf_test_run", "bpf_test_finish"),
            Place::Helper => HELPER.fires(),
            Place::Kfunc | Place::MapUpdate => KFUNC.fires(),
        }
    }

    /// Returns for what the program has to be loaded, if its section does not say.
    pub(crate) fn load_target(self) -> Option<&'static str> {
        match self.row.attach_type {
            Fentry | Fexit | FmodRet | Fsession => Some(self.function()),
            TpBtf => Some(self.tracepoint().1),
            _ => None,
        }
    }

    /// Returns whether the kernel has all that it takes to attach the program.
    pub(crate) fn is_possible(self, test: &Test) -> Result<bool> {
        match (self.row.attach_type, self.row.need()) {
            (Lsm, _) => test.has_bpf_lsm(),
            (Kprobe, _) => test.has_site(self.function(), self.row.flavor),
            // A map update fires no tracepoint, and must not be skipped.
            (Tp | RawTp | TpBtf | FmodRet, _) if self.place == Place::MapUpdate => Ok(false),
            (_, Some(need)) => test.has(&need),
            (other, _) => Ok(test.supports(other)),
        }
    }
}

/// The function of user space on which a uprobe sits.
#[inline(never)]
pub(crate) fn user_space() {
    std::hint::black_box(());
}
