// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask doctor`: what this machine lacks.

use anyhow::Result;
use nmissed_runner::{Exit, NEEDS, Step, ensure, remedy};

/// Lists every need and whether it is met.
pub(crate) fn run(install: bool) -> Result<Exit> {
    if install {
        ensure(&Step::ALL, true)?;
    }
    let mut missing = Vec::new();
    for need in NEEDS {
        let mark = if need.is_met() {
            "ok     "
        } else {
            missing.push(need);
            "MISSING"
        };
        println!(
            "{mark}  {:<20} {} ({})",
            need.name(),
            need.why,
            need.package
        );
    }
    if missing.is_empty() {
        println!("\nNothing is missing.");
        return Ok(Exit::Good);
    }
    println!("\nTo install what is missing: {}", remedy(&missing));
    Ok(Exit::Host)
}
