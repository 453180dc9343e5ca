// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask patch check`: what a reviewer's tools would say.

use std::io::{Write, stdout};

use anyhow::{Context, Result};
use nmissed_evidence::{Results, Run, Steps};
use nmissed_host::Host;
use nmissed_kbuild::{CheckRequest, Checked, Series, check, fetch};

use crate::cli::{CheckOptions, TestOptions};
use crate::exit::Exit;
use crate::needs::Step;
use crate::plan::{self, KernelPlan};
use crate::vm_test::{Session, style};
use crate::workspace::Workspace;
use crate::{doctor, kernel, patch};

/// Checks what was asked for, makes the host fit, and does it.
pub(crate) fn run(workspace: &Workspace, options: &CheckOptions, install: bool) -> Result<Exit> {
    let plans = plan::patched(workspace, &options.stacks)?;
    let mut needs = kernel::source_steps(&plans);
    needs.extend([Step::Kernel, Step::Review]);
    if options.each {
        needs.extend([Step::Guest, Step::Boot]);
    }
    doctor::ensure(&needs, install)?;
    let mut good = true;
    for plan in &plans {
        for series in &plan.series {
            good &= check_series(workspace, plan, series)?;
        }
    }
    if options.each {
        let options = patch::test_options(workspace, &options.evidence)?;
        good &= check_each(workspace, &plans, &options)?;
    }
    Ok(if good { Exit::Good } else { Exit::Failed })
}

fn check_series(workspace: &Workspace, plan: &KernelPlan, series: &Series) -> Result<bool> {
    let host = Host::open()?;
    let below = patch::below(workspace, plan, series)?;
    let tree = fetch(&plan.spec, &host)?;
    let request = CheckRequest {
        spec: &plan.spec,
        tree: &tree,
        series,
        below: below.len(),
        config: &plan.config,
    };
    println!("{} {} on {}", plan.spec.id, series.name(), below.name());
    let mut good = true;
    let mut told = |checked: &Checked| {
        good &= checked.complaints.is_empty();
        print_checked(checked);
    };
    check(&request, &host, &mut told)
        .with_context(|| format!("kernel {} {}", plan.spec.id, series.name()))?;
    println!();
    Ok(good)
}

fn print_checked(checked: &Checked) {
    let verdict = match (checked.complaints.len(), &checked.impossible) {
        (0, None) => "good".to_owned(),
        (0, Some(_)) => "impossible".to_owned(),
        (count, _) => format!("COMPLAINTS: {count}"),
    };
    println!("  {:<32} {:<12} {verdict}", checked.check, checked.scope);
    let lines = checked.complaints.iter().chain(&checked.impossible);
    for line in lines.chain(&checked.notes) {
        println!("      {line}");
    }
}

/// Builds and boots what each patch leaves, and the variant below the first.
fn check_each(workspace: &Workspace, plans: &[KernelPlan], options: &TestOptions) -> Result<bool> {
    let mut session = Session::start(workspace, options)?;
    let mut good = true;
    let mut test_all = || {
        for plan in plans {
            for series in &plan.series {
                good &= each_patch(workspace, &mut session, plan, series)?;
            }
        }
        Ok(())
    };
    let outcome = test_all();
    session.boots.tell_where();
    outcome.map(|()| good)
}

/// A patch of other architectures, tools or documentation leaves the kernel that
/// was tested before it.
fn same_kernel(session: &Session<'_>, before: &Run, step: &Series) -> Run {
    let line = format!(
        "{} is {}, as far as it is built here",
        step.name(),
        before.variant
    );
    session.boots.host.progress.say(&line);
    Run {
        variant: step.name().to_owned(),
        ..before.clone()
    }
}

fn each_patch(
    workspace: &Workspace,
    session: &mut Session<'_>,
    plan: &KernelPlan,
    series: &Series,
) -> Result<bool> {
    let below = patch::below(workspace, plan, series)?;
    let mut results = Results::default();
    for count in below.len()..=series.len() {
        let step = if count == below.len() {
            below.clone()
        } else if count == series.len() {
            series.clone()
        } else {
            // No expectation is written for it: it is recorded, not judged.
            series.first(
                count,
                &format!("{}-{:02}", series.name(), count - below.len()),
            )?
        };
        let run = match results.runs.last() {
            // The whole series is what expectations are written for.
            Some(before) if count < series.len() && !step.ends_with_code() => {
                same_kernel(session, before, &step)
            }
            _ => {
                let built = session.build(plan, &step)?;
                session.test_built(plan, &step, &built, step.name())?
            }
        };
        session.boots.output.keep(run.clone())?;
        results.runs.push(run);
    }
    let patches: Vec<_> = series.names().skip(below.len()).collect();
    let Some(steps) = Steps::of(&results, &patches) else {
        return Ok(true);
    };
    let title = format!(
        "Kernel {}: {} on {}",
        plan.spec.id,
        series.name(),
        below.name()
    );
    writeln!(stdout(), "{title}\n\n{}", steps.to_text(style())).context("cannot print")?;
    Ok(steps.complaints().is_empty())
}
