// SPDX-License-Identifier: GPL-2.0-only
//! Where in a function a kprobe is of a given flavor: the host has read it in the image
//! of the running kernel.

use std::fs;

use anyhow::{Context, Result};
use nmissed_wire::{PROBE_PLAN, PlannedProbe};

use crate::Flavor;

/// Returns the offset of a site that each call of `function` passes once; `None` if it
/// has none of this flavor.
pub(crate) fn offset(function: &str, flavor: Flavor) -> Result<Option<u64>> {
    if flavor == Flavor::Ftrace {
        // The entry, also without a plan.
        return Ok(Some(0));
    }
    let plan = fs::read(PROBE_PLAN).with_context(|| format!("cannot read {PROBE_PLAN}"))?;
    let plan: Vec<PlannedProbe> =
        serde_json::from_slice(&plan).with_context(|| format!("{PROBE_PLAN} is no probe plan"))?;
    Ok(find(&plan, function, flavor))
}

fn find(plan: &[PlannedProbe], function: &str, flavor: Flavor) -> Option<u64> {
    plan.iter()
        .find(|site| site.function == function && site.flavor == flavor)
        .map(|site| site.offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_found_by_function_and_flavor() {
        let site = |function: &str, flavor, offset| PlannedProbe {
            function: function.to_owned(),
            flavor,
            offset,
        };
        let plan = [
            site("a", Flavor::Int3, 5),
            site("b", Flavor::Optimized, 9),
            site("b", Flavor::Int3, 7),
        ];
        assert_eq!(find(&plan, "b", Flavor::Int3), Some(7));
        assert_eq!(find(&plan, "a", Flavor::Optimized), None);
    }
}
