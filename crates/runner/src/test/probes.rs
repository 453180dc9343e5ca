// SPDX-License-Identifier: GPL-2.0-only
//! Offsets for the tests to probe, one per flavor.

use std::path::Path;

use anyhow::{Context, Result};
use nmissed_kimage::{Function, open};
use nmissed_wire::{Flavor, PROBED, PlannedProbe};

/// Returns, as JSON for the guest, where in the functions that tests probe an
/// instruction of each flavor is, by the image that is about to run.
pub(crate) fn probe_plan(vmlinux: &Path) -> Result<Vec<u8>> {
    let probes = open(vmlinux, None, |image, _| {
        let functions = image.functions();
        let probed = functions
            .iter()
            .filter(|it| PROBED.contains(&image.name(it)));
        let pick = |function: &Function, flavor: Flavor| {
            let site = image.pick(function, flavor)?;
            Some(PlannedProbe {
                function: image.name(function).to_owned(),
                flavor,
                offset: site.offset.into(),
            })
        };
        let picked = probed.flat_map(|function| Flavor::ALL.map(|it| pick(function, it)));
        anyhow::Ok(picked.flatten().collect::<Vec<_>>())
    })?;
    serde_json::to_vec(&probes).context("cannot encode the probe plan")
}
