// SPDX-License-Identifier: GPL-2.0-only
//! A series as a reviewer checks it, and what each of its patches flips.

use anyhow::{Context, Result};
use nmissed_evidence::{Results, Run, Steps};
use nmissed_host::Host;
use nmissed_kbuild::{CheckRequest, CheckResult, Series, check, fetch};

use crate::boot::session::BootSettings;
use crate::plan::kernels::KernelPlan;
use crate::print::print;
use crate::review::evidence::{below, test_request};
use crate::test::session::TestSession;
use crate::test::view::style;
use crate::workspace::Workspace;

/// Applies, checkpatches and compiles each series, and prints each finding.
/// Returns whether there is none.
///
/// # Errors
/// If the host cannot do it.
pub fn check_series(workspace: &Workspace, plans: &[KernelPlan]) -> Result<bool> {
    let mut good = true;
    for plan in plans {
        for series in &plan.series {
            good &= check_one(workspace, plan, series)?;
        }
    }
    Ok(good)
}

fn check_one(workspace: &Workspace, plan: &KernelPlan, series: &Series) -> Result<bool> {
    let host = Host::open()?;
    let below = below(workspace, plan, series)?;
    let tree = fetch(&plan.spec, &host)?;
    let request = CheckRequest {
        spec: &plan.spec,
        tree: &tree,
        series,
        below: below.len(),
        config: &plan.config,
    };
    let title = format!("{} {} on {}", plan.spec.id, series.name(), below.name());
    print(&title)?;
    let (mut good, mut printed) = (true, Ok(()));
    let mut on_checked = |checked: &CheckResult| {
        good &= checked.complaints.is_empty();
        if printed.is_ok() {
            printed = print(&checked_text(checked));
        }
    };
    check(&request, &host, &mut on_checked)
        .with_context(|| format!("kernel {} {}", plan.spec.id, series.name()))?;
    printed.and_then(|()| print(""))?;
    Ok(good)
}

fn checked_text(checked: &CheckResult) -> String {
    let verdict = match (checked.complaints.len(), &checked.impossible) {
        (0, None) => "good".to_owned(),
        (0, Some(_)) => "impossible".to_owned(),
        (count, _) => format!("COMPLAINTS: {count}"),
    };
    let head = format!("  {:<32} {:<12} {verdict}", checked.check, checked.scope);
    let lines = checked.complaints.iter().chain(&checked.impossible);
    let lines = lines.chain(&checked.notes);
    lines.fold(head, |text, line| text + "\n      " + line)
}

/// Builds and boots what each patch leaves, and the variant below the first.
/// Returns whether each flips what it should.
///
/// # Errors
/// If the host cannot do it.
pub fn check_each(
    workspace: &Workspace,
    plans: &[KernelPlan],
    settings: &BootSettings,
) -> Result<bool> {
    let request = test_request(workspace, settings)?;
    let session = TestSession::start(workspace, &request)?;
    let mut good = true;
    let mut test_all = || {
        for plan in plans {
            for series in &plan.series {
                good &= each_patch(workspace, &session, plan, series)?;
            }
        }
        Ok(())
    };
    let outcome = test_all();
    session.boots.say_where();
    outcome.map(|()| good)
}

/// A patch of other architectures, tools or documentation leaves the kernel that
/// was tested before it.
fn same_kernel(session: &TestSession<'_>, before: &Run, step: &Series) -> Run {
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
    session: &TestSession<'_>,
    plan: &KernelPlan,
    series: &Series,
) -> Result<bool> {
    let below = below(workspace, plan, series)?;
    let mut results = Results::default();
    for step in steps(&below, series)? {
        let run = match results.runs.last() {
            // Only the whole series has expectations of its own.
            Some(before) if step.len() < series.len() && !step.ends_with_code() => {
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
    let (id, variant) = (&plan.spec.id, series.name());
    let title = format!("Kernel {id}: {variant} on {}", below.name());
    print(&format!("{title}\n\n{}", steps.to_text(style())))?;
    Ok(steps.complaints().is_empty())
}

/// Returns the variant below, the series after each patch but the last, and the
/// series. Those between have no expectations: they are recorded, not judged.
fn steps(below: &Series, series: &Series) -> Result<Vec<Series>> {
    let mut steps = vec![below.clone()];
    for count in below.len() + 1..series.len() {
        let name = format!("{}-{:02}", series.name(), count - below.len());
        steps.push(series.first(count, &name)?);
    }
    if series.len() > below.len() {
        steps.push(series.clone());
    }
    Ok(steps)
}
