// SPDX-License-Identifier: GPL-2.0-only
//! Programs that a trampoline calls, before and after the kfunc
//! `bpf_modify_return_test_tp`, which programs of any kind call.

use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use libbpf_rs::skel::OpenSkel;
use libbpf_rs::{OpenObject, ProgramMut};
use nmissed_selftests::needs::{COPY_NOFAULT, FENTRY_TEST1, FPROBE, KFUNC, NO_CALL_SITE};
use nmissed_selftests::skel::trampoline::types::{bss as Variables, runs as Runs};
use nmissed_selftests::skel::trampoline::{
    OpenTrampolineSkel, TrampolineProgs, TrampolineSkel, TrampolineSkelBuilder,
};
use nmissed_selftests::skel::{keep_only, load_with};
use nmissed_selftests::{
    AttachType, KprobeEvent, Outer, Probe, Scene, TIMES, fire, for_tracing_multi,
};
use nmissed_uapi::{
    attach_tracing_multi, attach_trampoline, load_nothing, load_nothing_for_tracing_multi,
};
use test_case::test_case;

/// Where the programs sit.
const INNER: &str = KFUNC.function;
/// Where programs around them sit.
const OUTER: &str = FENTRY_TEST1.function;

/// One of the forms that a trampoline's programs have.
#[derive(Clone, Copy)]
struct Form {
    attach_type: AttachType,
    /// The program's name.
    name: &'static str,
    /// For the newer ones.
    needs: Option<AttachType>,
    program: for<'p, 'obj> fn(&'p TrampolineProgs<'obj>) -> &'p ProgramMut<'obj>,
    runs: fn(&Runs) -> &u64,
    /// How often a session ran on return.
    returns: Option<fn(&Runs) -> &u64>,
}

const FENTRY: Form = Form {
    attach_type: AttachType::Fentry,
    name: "fentry",
    needs: None,
    program: |progs| &progs.fentry,
    runs: |runs| &runs.fentry,
    returns: None,
};
const FEXIT: Form = Form {
    attach_type: AttachType::Fexit,
    name: "fexit",
    program: |progs| &progs.fexit,
    runs: |runs| &runs.fexit,
    ..FENTRY
};
const FMOD_RET: Form = Form {
    attach_type: AttachType::FmodRet,
    name: "fmod_ret",
    program: |progs| &progs.fmod_ret,
    runs: |runs| &runs.fmod_ret,
    ..FENTRY
};
const SESSION: Form = Form {
    attach_type: AttachType::Fsession,
    name: "fsession",
    needs: Some(AttachType::Fsession),
    program: |progs| &progs.fsession,
    runs: |runs| &runs.fsession,
    returns: Some(|runs| &runs.fsession_return),
};
const ENTRY_MULTI: Form = Form {
    attach_type: AttachType::FentryMulti,
    name: "fentry_multi",
    needs: Some(AttachType::FentryMulti),
    program: |progs| &progs.fentry_multi,
    runs: |runs| &runs.fentry_multi,
    returns: None,
};
const EXIT_MULTI: Form = Form {
    attach_type: AttachType::FexitMulti,
    name: "fexit_multi",
    needs: Some(AttachType::FexitMulti),
    program: |progs| &progs.fexit_multi,
    runs: |runs| &runs.fexit_multi,
    returns: None,
};
const SESSION_MULTI: Form = Form {
    attach_type: AttachType::FsessionMulti,
    name: "fsession_multi",
    needs: Some(AttachType::FsessionMulti),
    program: |progs| &progs.fsession_multi,
    runs: |runs| &runs.fsession_multi,
    returns: Some(|runs| &runs.fsession_multi_return),
};

/// All of them.
const FORMS: [Form; 7] = [
    FENTRY,
    FEXIT,
    FMOD_RET,
    SESSION,
    ENTRY_MULTI,
    EXIT_MULTI,
    SESSION_MULTI,
];

impl Form {
    fn is_multi(&self) -> bool {
        self.attach_type.name().ends_with(".multi")
    }

    /// The number of the attach type, for those that libbpf has no name for.
    fn number(&self, scene: &Scene) -> Result<u32> {
        let number = self.needs.and_then(|it| scene.number_of(it));
        number.with_context(|| format!("{} has no number", self.attach_type))
    }

    /// Tells libbpf what it does not know.
    fn tell_libbpf(&self, scene: &Scene, open: &mut OpenTrampolineSkel<'_>) -> Result<()> {
        let number = self.number(scene)?;
        let mut programs = open.open_object_mut().progs_mut();
        let program = programs.find(|program| program.name() == self.name);
        for_tracing_multi(&mut program.context("no such program")?, number);
        Ok(())
    }

    fn attach<'p, 'obj>(
        &self,
        scene: &Scene,
        progs: &'p TrampolineProgs<'obj>,
    ) -> Result<Probe<'p, 'obj>> {
        let program = (self.program)(progs);
        if !self.is_multi() {
            return Probe::trampoline(self.attach_type, program);
        }
        let (number, function) = (self.number(scene)?, scene.function(&KFUNC)?);
        Probe::tracing_multi(self.attach_type, number, program, function)
    }

    /// Records and judges what became of the hits.
    fn observe(
        &self,
        scene: &mut Scene,
        what: &str,
        probe: &Probe<'_, '_>,
        runs: &Runs,
    ) -> Result<()> {
        let scenario = format!("{}/{what}", self.attach_type);
        scene.observe(&scenario, probe, (self.runs)(runs))?;
        if let Some(returns) = self.returns {
            scene.check_pairs((self.runs)(runs), returns(runs));
        }
        Ok(())
    }
}

/// Those of all that the kernel is new enough for.
fn known(scene: &Scene) -> Vec<Form> {
    let known = |form: &Form| form.needs.is_none_or(|it| scene.knows(it));
    FORMS.into_iter().filter(known).collect()
}

/// Loads these forms, and some programs beside, with variables set as wanted.
fn load<'obj>(
    scene: &Scene,
    storage: &'obj mut MaybeUninit<OpenObject>,
    forms: &[Form],
    others: &[&str],
    set: impl FnOnce(&mut Variables),
) -> Result<TrampolineSkel<'obj>> {
    let names: Vec<_> = forms.iter().map(|form| form.name).collect();
    let mut told = Ok(());
    let skel = load_with(TrampolineSkelBuilder::default(), storage, |open| {
        keep_only(open, &[&names, others].concat());
        let mut multi = forms.iter().filter(|form| form.is_multi());
        told = multi.try_for_each(|form| form.tell_libbpf(scene, open));
        open.maps.bss_data.as_deref_mut().map(set);
    });
    told?;
    skel
}

/// Each program calls the very function that it sits on.
#[test_case(FENTRY; "fentry")]
#[test_case(FEXIT; "fexit")]
#[test_case(FMOD_RET; "fmod_ret")]
#[test_case(SESSION; "fsession")]
#[test_case(ENTRY_MULTI; "fentry_multi")]
#[test_case(EXIT_MULTI; "fexit_multi")]
#[test_case(SESSION_MULTI; "fsession_multi")]
fn in_itself(form: Form) -> Result<()> {
    let Some(mut scene) = Scene::begin(&[KFUNC])? else {
        return Ok(());
    };
    if let Some(needs) = form.needs.filter(|it| !scene.knows(*it)) {
        return scene.skip_attach_type(needs);
    }
    let mut storage = MaybeUninit::uninit();
    let skel = load(&scene, &mut storage, &[form], &["calling"], |bss| {
        bss.nesting = 1;
    })?;
    let probe = form.attach(&scene, &skel.progs)?.hit_per_trigger(2);

    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    for times in TIMES {
        fire(&skel.progs.calling, scene.go_on_to(times))?;
        scene.check_step("calling", &runs.calling);
        form.observe(&mut scene, "in-itself", &probe, runs)?;
    }
    scene.close()
}

/// All that the kernel knows, on one function, in programs that hold what others
/// yield to.
#[test_case(Outer::Kprobe)]
#[test_case(Outer::KprobeMulti)]
fn inside(outer: Outer) -> Result<()> {
    let Some(mut scene) = Scene::begin(&[FENTRY_TEST1, KFUNC, FPROBE])? else {
        return Ok(());
    };
    let forms = known(&scene);
    let mut storage = MaybeUninit::uninit();
    let skel = load(
        &scene,
        &mut storage,
        &forms,
        &["trigger", outer.program()],
        |_| (),
    )?;
    let progs = &skel.progs;
    let inner = forms.iter().map(|form| form.attach(&scene, progs));
    let inner = inner.collect::<Result<Vec<_>>>()?;
    let _outer = outer.attach([&progs.outer_fentry, &progs.outer_kprobe, &progs.outer_multi])?;

    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    for times in TIMES {
        fire(&progs.trigger, scene.go_on_to(times))?;
        for (form, probe) in forms.iter().zip(&inner) {
            form.observe(&mut scene, &format!("in-{}", outer.name()), probe, runs)?;
        }
    }
    scene.close()
}

/// A program that skips the function, and those around it.
#[test]
fn skipping() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[KFUNC])? else {
        return Ok(());
    };
    let mut storage = MaybeUninit::uninit();
    let forms = [FENTRY, FMOD_RET, FEXIT];
    let others = ["calling", "body"];
    let skel = load(&scene, &mut storage, &forms, &others, |bss| bss.verdict = 1)?;
    let progs = &skel.progs;
    let before = FENTRY.attach(&scene, progs)?;
    let verdict = FMOD_RET.attach(&scene, progs)?;
    let after = FEXIT.attach(&scene, progs)?;
    let _body = Probe::raw_tp(&progs.body, "bpf_trigger_tp")?;

    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    for times in TIMES {
        fire(&progs.calling, scene.go_on_to(times))?;
        FENTRY.observe(&mut scene, "around-fmod_ret", &before, runs)?;
        FMOD_RET.observe(&mut scene, "skipping", &verdict, runs)?;
        FEXIT.observe(&mut scene, "around-fmod_ret", &after, runs)?;
    }
    scene.check_never("body", &runs.body);
    scene.close()
}

/// Where ftrace turns away whoever it calls (see tests/recursion.rs): a trampoline
/// that is alone on its function is not called by ftrace, but one that shares it
/// is.
#[test_case(false; "alone")]
#[test_case(true; "of_lists")]
fn third_level(of_lists: bool) -> Result<()> {
    let needs = [FENTRY_TEST1, COPY_NOFAULT, KFUNC, FPROBE];
    let Some(mut scene) = Scene::begin(&needs)? else {
        return Ok(());
    };
    let beside = ["beside", "beside_first", "beside_second"];
    let beside = if of_lists { &beside[..] } else { &[] };
    let mut storage = MaybeUninit::uninit();
    let others = [&["trigger", "second"], beside].concat();
    let forms = known(&scene);
    let skel = load(&scene, &mut storage, &forms, &others, |_| ())?;
    let progs = &skel.progs;
    let attach_beside = || -> Result<_> {
        Ok([
            Probe::kprobe_multi(&progs.beside_first, &[OUTER])?,
            Probe::kprobe_multi(&progs.beside, &[INNER])?,
            Probe::kprobe(&progs.beside_second, COPY_NOFAULT.function)?,
        ])
    };
    // In this order, because to make a kprobe reads memory, too.
    let _first = KprobeEvent::reading_the_stack("first", OUTER)?;
    let _beside = of_lists.then(attach_beside).transpose()?;
    let third = forms.iter().map(|form| form.attach(&scene, progs));
    let third = third.collect::<Result<Vec<_>>>()?;
    let _second = Probe::kprobe_multi(&progs.second, &[COPY_NOFAULT.function])?;

    let runs = &skel.maps.bss_data.as_deref().context("no .bss")?.runs;
    let what = if of_lists {
        "at-third-list"
    } else {
        "at-third-level"
    };
    for times in TIMES {
        fire(&progs.trigger, scene.go_on_to(times))?;
        scene.check_step("second", &runs.second);
        for (form, probe) in forms.iter().zip(&third) {
            form.observe(&mut scene, what, probe, runs)?;
        }
    }
    scene.close()
}

/// What the image of the kernel says of such a function, too.
#[test]
fn without_a_call_site() -> Result<()> {
    let Some(mut scene) = Scene::begin(&[NO_CALL_SITE])? else {
        return Ok(());
    };
    let function = scene.function(&NO_CALL_SITE)?;
    for form in known(&scene) {
        let said = if form.is_multi() {
            let number = form.number(&scene)?;
            let program = load_nothing_for_tracing_multi(number)?;
            attach_tracing_multi(program, number, &[function])
        } else {
            let program = load_nothing(form.attach_type, function);
            program.map_err(Into::into).and_then(attach_trampoline)
        };
        scene.check_refusal(form.attach_type, said);
    }
    scene.close()
}
