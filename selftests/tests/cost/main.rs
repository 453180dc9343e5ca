// SPDX-License-Identifier: GPL-2.0-only
//! How many instructions the kernel executes for a hit, per attach type: alone, and with as
//! many probes in the same place as the attach type allows, at most 100. Counted only where
//! the time stamp counter counts instructions.

use std::hint::black_box;
use std::mem::MaybeUninit;

use anyhow::Result;
use libbpf_rs::ProgramMut;
use nmissed_selftests::AttachType::{
    self, Fentry, Fexit, Kprobe, KprobeMulti, KprobeSession, Kretprobe, KretprobeMulti, PerfEvent,
    RawTp, Tp, TpBtf, Uprobe, UprobeMulti, UprobeSession, Uretprobe, UretprobeMulti,
};
use nmissed_selftests::needs::{FENTRY_TEST1, FPROBE, KFUNC, KernelFunction, SESSION, UPROBE};
use nmissed_selftests::skel::cost::{CostProgs, CostSkelBuilder};
use nmissed_selftests::skel::{keep_only, load_with};
use nmissed_selftests::{
    Flavor, Probe, Target, Test, file_offset, fire, instructions, run_test, scenario, variables,
};
use nmissed_uapi::Page;
use nmissed_wire::COST;
use test_case::test_case;

/// Probes of one place.
const MANY: usize = 100;
/// Probes on the return of one place: since 6.14 all of them share 256 bytes
/// (`FGRAPH_MAX_DATA_SIZE`), and of 100 none runs.
const MANY_RETURNS: usize = 10;

#[test_case(Kprobe, Flavor::Ftrace; "kprobe ftrace")]
#[test_case(Kprobe, Flavor::Int3; "kprobe int3")]
#[test_case(Kprobe, Flavor::Optimized; "kprobe optimized")]
#[test_case(Kretprobe, Flavor::Ftrace; "kretprobe")]
#[test_case(KprobeMulti, Flavor::Ftrace; "kprobe_multi")]
#[test_case(KretprobeMulti, Flavor::Ftrace; "kretprobe_multi")]
#[test_case(KprobeSession, Flavor::Ftrace; "kprobe_session")]
#[test_case(Tp, Flavor::Ftrace; "tp")]
#[test_case(RawTp, Flavor::Ftrace; "raw_tp")]
#[test_case(TpBtf, Flavor::Ftrace; "tp_btf")]
#[test_case(PerfEvent, Flavor::Ftrace; "perf_event")]
#[test_case(Fentry, Flavor::Ftrace; "fentry")]
#[test_case(Fexit, Flavor::Ftrace; "fexit")]
#[test_case(Uprobe, Flavor::Ftrace; "uprobe")]
#[test_case(Uretprobe, Flavor::Ftrace; "uretprobe")]
#[test_case(UprobeMulti, Flavor::Ftrace; "uprobe_multi")]
#[test_case(UretprobeMulti, Flavor::Ftrace; "uretprobe_multi")]
#[test_case(UprobeSession, Flavor::Ftrace; "uprobe_session")]
fn per_hit(attach_type: AttachType, flavor: Flavor) -> Result<()> {
    run_test(need(attach_type), |test| {
        test.require_instruction_counter()?;
        if attach_type == UprobeSession {
            test.require_release(6, 13, "uprobe.session")?;
        }
        let function = function(flavor);
        if attach_type == Kprobe {
            test.require_site(function, flavor)?;
        }
        let page = Page::map()?;
        let mut storage = MaybeUninit::uninit();
        let skel = load_with(CostSkelBuilder::default(), &mut storage, |open| {
            let name = format!("on_{attach_type}").replace('.', "_");
            keep_only(open, &["trigger", &name]);
            if let Some(bss) = open.maps.bss_data.as_deref_mut() {
                bss.page = page.address();
            }
            Ok(())
        })?;
        let target = Target {
            flavor,
            tracepoint: ("bpf_test_run", "bpf_test_finish"),
            user_code: file_offset(user_space as *const () as usize)?,
            ..Target::function(function)
        };
        let trigger = || hit(attach_type, &page, &skel.progs.trigger);
        let program = program(attach_type, &skel.progs);
        let runs = &variables!(skel).runs.all;
        let bare = instructions(trigger)?;
        for count in counts(test, attach_type)? {
            let attach = || Probe::attach(attach_type, program, &target);
            let id = format!("{attach_type}{COST}{count}");
            let mut probes = scenario(id, Probe::repeated(count, attach)?, runs);
            test.cost(&mut probes, bare, trigger)?;
        }
        Ok(())
    })
}

/// Hits the probes of an attach type once.
fn hit(attach_type: AttachType, page: &Page, trigger: &ProgramMut<'_>) -> Result<()> {
    match attach_type {
        PerfEvent => {
            page.empty()?;
            page.touch();
        }
        Uprobe | Uretprobe | UprobeMulti | UretprobeMulti | UprobeSession => user_space(),
        _ => fire(trigger, 1)?,
    }
    Ok(())
}

/// Returns how many probes are attached together. A trampoline and an event of tracefs take
/// a program once; so did a raw tracepoint before Linux 6.10, which brought the kfunc.
fn counts(test: &Test, attach_type: AttachType) -> Result<Vec<usize>> {
    Ok(match attach_type {
        Fentry | Fexit | Tp => vec![1],
        TpBtf | RawTp if !test.has(&KFUNC)? => vec![1],
        KretprobeMulti | KprobeSession => vec![1, MANY_RETURNS],
        _ => vec![1, MANY],
    })
}

/// Returns a function that the trigger calls once, of which each flavor has its own.
fn function(flavor: Flavor) -> &'static str {
    match flavor {
        Flavor::Ftrace => FENTRY_TEST1.name,
        Flavor::Int3 => "bpf_fentry_test2",
        Flavor::Optimized => "bpf_fentry_test3",
    }
}

fn need(attach_type: AttachType) -> &'static [KernelFunction] {
    match attach_type {
        KprobeMulti | KretprobeMulti => &[FENTRY_TEST1, FPROBE],
        KprobeSession => &[FENTRY_TEST1, SESSION],
        Uprobe | Uretprobe | UprobeMulti | UretprobeMulti | UprobeSession => {
            &[FENTRY_TEST1, UPROBE]
        }
        _ => &[FENTRY_TEST1],
    }
}

fn program<'p, 'obj>(attach_type: AttachType, progs: &'p CostProgs<'obj>) -> &'p ProgramMut<'obj> {
    match attach_type {
        Kprobe => &progs.on_kprobe,
        Kretprobe => &progs.on_kretprobe,
        KprobeMulti => &progs.on_kprobe_multi,
        KretprobeMulti => &progs.on_kretprobe_multi,
        KprobeSession => &progs.on_kprobe_session,
        Tp => &progs.on_tp,
        RawTp => &progs.on_raw_tp,
        TpBtf => &progs.on_tp_btf,
        PerfEvent => &progs.on_perf_event,
        Fentry => &progs.on_fentry,
        Fexit => &progs.on_fexit,
        Uprobe => &progs.on_uprobe,
        Uretprobe => &progs.on_uretprobe,
        UprobeMulti => &progs.on_uprobe_multi,
        UretprobeMulti => &progs.on_uretprobe_multi,
        UprobeSession => &progs.on_uprobe_session,
        other => unreachable!("{other} has no case"),
    }
}

/// The function of user space on which uprobes sit.
#[inline(never)]
fn user_space() {
    black_box(());
}
