// SPDX-License-Identifier: GPL-2.0-only
//! The programs of bpf/pairs.bpf.c: of every kind two, and where they sit.

use anyhow::{Context, Result};
use libbpf_rs::ProgramMut;
use nmissed_selftests::needs::{
    BREAKPOINT, FENTRY_TEST1, FPROBE, KFUNC, MAP_UPDATE, Need, SESSION, UPROBE,
};
use nmissed_selftests::skel::pairs::{PairsProgs, PairsSkel, types};
use nmissed_selftests::{AttachType, Flavor, Probe, Scene, SetBy, file_offset};
use nmissed_uapi::Counted;

/// A way to attach a program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Kprobe(Flavor),
    Kretprobe,
    KprobeMulti,
    KretprobeMulti,
    KprobeSession,
    Tp,
    /// On the entry of a system call.
    SyscallTp,
    RawTp,
    TpBtf,
    /// On a breakpoint, or on page faults.
    PerfEvent,
    Fentry,
    Fexit,
    FmodRet,
    Fsession,
    Lsm,
    Uprobe,
}
use Flavor::{Ftrace, Int3, Optimized};
use Kind::{
    Fentry, Fexit, FmodRet, Fsession, Kprobe, KprobeMulti, KprobeSession, Kretprobe,
    KretprobeMulti, Lsm, PerfEvent, RawTp, SyscallTp, Tp, TpBtf, Uprobe,
};

/// The two programs of each kind in bpf/pairs.bpf.c.
#[derive(Clone, Copy, Debug)]
enum Role {
    Outer,
    Inner,
}

/// A program, and where it sits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    role: Role,
    pub(crate) kind: Kind,
    pub(crate) places: Places,
}

/// Where a program of any kind can sit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    function: &'static str,
    tracepoint: &'static str,
    /// What a perf event is about: writes to the variable, or page faults.
    is_breakpoint: bool,
}

/// Where outer programs have the inner one hit.
pub(crate) const IN_KFUNC: Places = Places {
    function: KFUNC.function,
    tracepoint: "bpf_trigger_tp",
    is_breakpoint: true,
};
/// Where a system call has it hit.
pub(crate) const IN_MAP_UPDATE: Places = Places {
    function: MAP_UPDATE.function,
    ..IN_KFUNC
};

impl Kind {
    /// As in a scenario's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kprobe(Ftrace) => "kprobe",
            Kprobe(Int3) => "kprobe-int3",
            Kprobe(Optimized) => "kprobe-optimized",
            Kretprobe => "kretprobe",
            KprobeMulti => "kprobe.multi",
            KretprobeMulti => "kretprobe.multi",
            KprobeSession => "kprobe.session",
            Tp => "tp",
            SyscallTp => "syscall-tp",
            RawTp => "raw_tp",
            TpBtf => "tp_btf",
            PerfEvent => "perf_event",
            Fentry => "fentry",
            Fexit => "fexit",
            FmodRet => "fmod_ret",
            Fsession => "fsession",
            Lsm => "lsm",
            Uprobe => "uprobe",
        }
    }

    /// What the kernel must have, beside what all pairs need.
    pub(crate) fn need(self) -> Option<Need> {
        match self {
            KprobeMulti | KretprobeMulti => Some(FPROBE),
            KprobeSession => Some(SESSION),
            PerfEvent => Some(BREAKPOINT),
            Uprobe => Some(UPROBE),
            _ => None,
        }
    }

    /// Whether the kernel has all that it takes to attach this way.
    pub(crate) fn is_possible(self, scene: &Scene, places: Places) -> Result<bool> {
        Ok(match (self, self.need()) {
            (Kprobe(flavor), _) => scene.finds_place(places.function, flavor)?,
            (_, Some(need)) => scene.has(&need)?,
            (Fsession, _) => scene.knows(AttachType::Fsession),
            // A map update fires no tracepoint, and is not to be skipped.
            (Tp | RawTp | TpBtf | FmodRet, _) => places.function != MAP_UPDATE.function,
            _ => true,
        })
    }

    /// Where the trigger passes.
    fn on_trigger(self) -> Places {
        let function = match self {
            Kprobe(Int3) => "bpf_fentry_test2",
            Kprobe(Optimized) => "bpf_fentry_test3",
            Kprobe(Ftrace) => "bpf_fentry_test4",
            Kretprobe => "bpf_fentry_test5",
            KprobeMulti => "bpf_fentry_test6",
            KretprobeMulti => "bpf_fentry_test7",
            KprobeSession => "bpf_fentry_test8",
            // Those that go through a trampoline share it.
            _ => FENTRY_TEST1.function,
        };
        Places {
            function,
            tracepoint: "bpf_test_finish",
            // One that leaves the processor's breakpoints on.
            is_breakpoint: false,
        }
    }

    /// What its program is to be loaded for, if it cannot go elsewhere.
    pub(crate) fn target(self, places: Places) -> Option<String> {
        let target = match self {
            Fentry | Fexit | FmodRet | Fsession => places.function,
            TpBtf => places.tracepoint,
            _ => return None,
        };
        Some(target.to_owned())
    }

    pub(crate) fn attach<'p, 'obj>(
        self,
        program: &'p ProgramMut<'obj>,
        places: Places,
        skel: &PairsSkel<'_>,
    ) -> Result<Probe<'p, 'obj>> {
        let Places {
            function,
            tracepoint,
            is_breakpoint,
        } = places;
        match self {
            Kprobe(flavor) => Probe::kprobe_of(flavor, program, function),
            Kretprobe => Probe::kretprobe(program, function, SetBy::Link),
            KprobeMulti => Probe::kprobe_multi(program, &[function]),
            KretprobeMulti => Probe::kretprobe_multi(program, function),
            KprobeSession => Probe::kprobe_session(program, function),
            Tp => Probe::tracepoint(program, "bpf_test_run", tracepoint),
            SyscallTp => Probe::tracepoint(program, "syscalls", "sys_enter_bpf"),
            RawTp => Probe::raw_tp(program, tracepoint),
            TpBtf => Probe::tp_btf(program),
            PerfEvent if is_breakpoint => {
                Probe::write_breakpoint(program, bss(skel)?.address_of_watched)
            }
            PerfEvent => Probe::each(program, Counted::PageFaults),
            Fentry => Probe::fentry(program),
            Fexit => Probe::fexit(program),
            FmodRet => Probe::fmod_ret(program),
            Fsession => Probe::fsession(program),
            Lsm => Probe::lsm(program),
            Uprobe => Probe::uprobe(program, file_offset(user_space as *const () as usize)?),
        }
    }
}

impl Part {
    pub(crate) fn outer(kind: Kind, places: Places) -> Self {
        Self {
            role: Role::Outer,
            kind,
            places,
        }
    }

    pub(crate) fn on_trigger(kind: Kind) -> Self {
        Self::outer(kind, kind.on_trigger())
    }

    pub(crate) fn inner(kind: Kind, places: Places) -> Self {
        Self {
            role: Role::Inner,
            kind,
            places,
        }
    }

    /// The name of the program.
    pub(crate) fn name(self) -> String {
        let role = match self.role {
            Role::Outer => "outer",
            Role::Inner => "inner",
        };
        format!("{role}_{}", self.kind.name().replace(['.', '-'], "_"))
    }

    pub(crate) fn program<'p, 'obj>(self, progs: &'p PairsProgs<'obj>) -> &'p ProgramMut<'obj> {
        match self.role {
            Role::Outer => outer_program(self.kind, progs).0,
            Role::Inner => inner_program(self.kind, progs),
        }
    }

    pub(crate) fn attach<'p, 'obj>(self, skel: &'p PairsSkel<'obj>) -> Result<Probe<'p, 'obj>> {
        let program = self.program(&skel.progs);
        self.kind.attach(program, self.places, skel)
    }
}

/// What a uprobe sits on.
#[inline(never)]
pub(crate) fn user_space() {
    std::hint::black_box(());
}

pub(crate) fn bss<'a>(skel: &'a PairsSkel<'_>) -> Result<&'a types::bss> {
    skel.maps.bss_data.as_deref().context("no .bss")
}

/// Two of the same kind, one in the other, are two programs.
fn inner_program<'p, 'obj>(kind: Kind, progs: &'p PairsProgs<'obj>) -> &'p ProgramMut<'obj> {
    match kind {
        Kprobe(Ftrace) => &progs.inner_kprobe,
        Kprobe(Int3) => &progs.inner_kprobe_int3,
        Kretprobe => &progs.inner_kretprobe,
        KprobeMulti => &progs.inner_kprobe_multi,
        KretprobeMulti => &progs.inner_kretprobe_multi,
        KprobeSession => &progs.inner_kprobe_session,
        Tp => &progs.inner_tp,
        RawTp => &progs.inner_raw_tp,
        TpBtf => &progs.inner_tp_btf,
        PerfEvent => &progs.inner_perf_event,
        Fentry => &progs.inner_fentry,
        Fexit => &progs.inner_fexit,
        FmodRet => &progs.inner_fmod_ret,
        Fsession => &progs.inner_fsession,
        Kprobe(Optimized) | SyscallTp | Lsm | Uprobe => unreachable!("none of INNER"),
    }
}

/// The program, and what arms it.
pub(crate) fn outer_program<'p, 'obj>(
    kind: Kind,
    progs: &'p PairsProgs<'obj>,
) -> (&'p ProgramMut<'obj>, types::outer) {
    use types::outer;
    match kind {
        Kprobe(Ftrace) => (&progs.outer_kprobe, outer::KPROBE),
        Kprobe(Int3) => (&progs.outer_kprobe_int3, outer::KPROBE_INT3),
        Kprobe(Optimized) => (&progs.outer_kprobe_optimized, outer::KPROBE_OPTIMIZED),
        Kretprobe => (&progs.outer_kretprobe, outer::KRETPROBE),
        KprobeMulti => (&progs.outer_kprobe_multi, outer::KPROBE_MULTI),
        KretprobeMulti => (&progs.outer_kretprobe_multi, outer::KRETPROBE_MULTI),
        KprobeSession => (&progs.outer_kprobe_session, outer::KPROBE_SESSION),
        Tp => (&progs.outer_tp, outer::TP),
        SyscallTp => (&progs.outer_syscall_tp, outer::SYSCALL_TP),
        RawTp => (&progs.outer_raw_tp, outer::RAW_TP),
        TpBtf => (&progs.outer_tp_btf, outer::TP_BTF),
        PerfEvent => (&progs.outer_perf_event, outer::PERF_EVENT),
        Fentry => (&progs.outer_fentry, outer::FENTRY),
        Fexit => (&progs.outer_fexit, outer::FEXIT),
        FmodRet => (&progs.outer_fmod_ret, outer::FMOD_RET),
        Fsession => (&progs.outer_fsession, outer::FSESSION),
        Lsm => (&progs.outer_lsm, outer::LSM),
        Uprobe => (&progs.outer_uprobe, outer::UPROBE),
    }
}
