// SPDX-License-Identifier: GPL-2.0-only
//! Checks that need the source of kernels, or kernels.

use anyhow::{Context, Result, bail};
use nmissed_host::Host;
use nmissed_kbuild::{check_applies, fetch};
use nmissed_runner::{
    BootSettings, DefaultVariants, Exit, Selection, TableState, Targets, TestRequest,
    VerifyRequest, Workspace, check_table, everything, for_landing, kernels,
};

/// Every series applies to the kernel that it was written for.
pub(super) fn patches_apply(workspace: &Workspace) -> Result<()> {
    let host = Host::open()?;
    for plan in everything(workspace)? {
        let tree = fetch(&plan.spec, &host)?;
        for series in &plan.series {
            check_applies(series, &tree, &host)
                .with_context(|| format!("{} {}", plan.spec.id, series.name()))?;
        }
    }
    Ok(())
}

/// All tests on all kernels: with all variants, or without those that other
/// variants build on.
pub(super) fn test(workspace: &Workspace, full: bool) -> Result<()> {
    let plans = if full {
        everything(workspace)?
    } else {
        for_landing(workspace)?
    };
    let targets = Targets::to_build(plans);
    match nmissed_runner::test(workspace, &targets, &TestRequest::default())? {
        Exit::Good => Ok(()),
        _ => bail!("not all is as expected; the table above says what"),
    }
}

/// The answers of `inspect` for each kernel, against the running kernel.
pub(super) fn verify(workspace: &Workspace) -> Result<()> {
    let all = Selection {
        kernels: kernels(workspace)?
            .routine_ids()
            .map(str::to_owned)
            .collect(),
        ..Selection::default()
    };
    let targets = Targets::of(workspace, &all, DefaultVariants::Baseline, &[])?;
    match nmissed_runner::verify(workspace, &targets, &VerifyRequest::default())? {
        Exit::Good => Ok(()),
        _ => bail!("an image and its kernel disagree; the reports above say where"),
    }
}

/// Faults in a guest with the default kernel.
pub(super) fn selfcheck(workspace: &Workspace) -> Result<()> {
    let default = Selection::default();
    let targets = Targets::of(workspace, &default, DefaultVariants::Baseline, &[])?;
    match nmissed_runner::selfcheck(workspace, &targets, &BootSettings::default())? {
        Exit::Good => Ok(()),
        _ => bail!("a fault got another outcome; the table above says which"),
    }
}

/// The table of scenarios by release, against the runs of the present tests that the cache
/// has.
pub(super) fn history(workspace: &Workspace) -> Result<()> {
    let file = workspace.root().join("selftests/HISTORY.md");
    match check_table(workspace, &file)? {
        TableState::Current => (),
        TableState::NotRun { missing, of } => eprintln!(
            "ci: history: not compared: {} of {of} kernels have no run of these tests (vm history)",
            missing.len()
        ),
        TableState::Stale => bail!(
            "selftests/HISTORY.md is not what the runs show: cargo xtask vm history --kernel \
             ... --markdown selftests/HISTORY.md writes it"
        ),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nmissed_runner::KernelPlan;

    #[test]
    fn landing_leaves_out_only_what_other_variants_build_on() {
        let workspace = Workspace::find().unwrap();
        let names = |plan: &KernelPlan| -> Vec<_> {
            let names = plan.series.iter().map(|series| series.name().to_owned());
            names.collect()
        };
        let all = everything(&workspace).unwrap();
        let landing = for_landing(&workspace).unwrap();
        let kernels = all.iter().zip(&landing);
        let kernel = kernels.clone().find(|(plan, _)| plan.spec.id == "6.12");
        let (all_of_it, for_it) = kernel.unwrap();
        assert_eq!(
            names(all_of_it),
            ["baseline", "counters", "active", "guarded"]
        );
        assert_eq!(names(for_it), ["baseline", "active", "guarded"]);
        assert_eq!(all.len(), landing.len());
    }
}
