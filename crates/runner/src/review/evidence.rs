// SPDX-License-Identifier: GPL-2.0-only
//! What the commands about patches share.

use std::path::PathBuf;

use anyhow::Result;
use nmissed_kbuild::Series;

use crate::boot::output::Output;
use crate::boot::session::BootSettings;
use crate::plan::kernels::{KernelPlan, stacks};
use crate::test::session::TestRequest;
use crate::workspace::Workspace;

/// Returns the variant that another one of a kernel builds on. Its patches are the
/// first of the other one's.
pub(crate) fn below(workspace: &Workspace, plan: &KernelPlan, series: &Series) -> Result<Series> {
    let stacks = stacks(workspace, &plan.spec)?;
    Ok(stacks.series(stacks.below(series.name())?)?)
}

/// Evidence about patches goes to `target/patch`, apart from that about variants.
pub(crate) fn test_request(workspace: &Workspace, settings: &BootSettings) -> Result<TestRequest> {
    let next = || -> Result<PathBuf> {
        let output = Output::next_below(&workspace.target().join("patch"))?;
        Ok(output.dir().to_owned())
    };
    let dir = settings.output.clone().map_or_else(next, Ok)?;
    Ok(TestRequest {
        boot: BootSettings {
            output: Some(dir),
            accel: settings.accel,
            ..BootSettings::default()
        },
        ..TestRequest::default()
    })
}
