// SPDX-License-Identifier: GPL-2.0-only
//! KCIDB's JSON, version 5.3: what kernel CI systems exchange.

use nmissed_wire::{Outcome, Run};
use serde_json::{Value, json};

use crate::model::setup::Setup;
use crate::render::report::{Evidence, Report};

/// Names the system that an object is from. A submitter replaces it by their own.
const ORIGIN: &str = "nmissed";

impl Report {
    /// One checkout per kernel and variant, one build of it, and its tests. Which commit
    /// the source is from is not known to a run, so checkouts name only the release.
    #[must_use]
    pub fn to_kcidb(&self) -> String {
        let all = || self.evidence.iter().zip(&self.setups);
        let json = json!({
            "version": {"major": 5, "minor": 3},
            "checkouts": all().map(|(it, _)| checkout(&it.run)).collect::<Vec<_>>(),
            "builds": all().map(|(it, setup)| build(&it.run, setup)).collect::<Vec<_>>(),
            "tests": all().flat_map(|(it, setup)| tests(it, setup)).collect::<Vec<_>>(),
        });
        format!("{json:#}\n")
    }
}

fn id(run: &Run) -> String {
    format!("{ORIGIN}:{}-{}", run.kernel, run.variant)
}

fn checkout(run: &Run) -> Value {
    json!({"id": id(run), "origin": ORIGIN, "misc": {"release": run.release}})
}

fn build(run: &Run, setup: &Setup) -> Value {
    let mut build = json!({
        "id": id(run),
        "checkout_id": id(run),
        "origin": ORIGIN,
        "architecture": "x86_64",
        "config_name": run.variant,
        "misc": {"image": setup.image},
    });
    if let Some(compiler) = &setup.toolchain {
        build["compiler"] = json!(compiler);
    }
    build
}

/// The machine as the test `nmissed.boot`, then each test, with its number where it ran
/// several times.
fn tests(it: &Evidence, setup: &Setup) -> Vec<Value> {
    let run = &it.run;
    let environment = json!({
        "comment": setup.qemu.as_deref().unwrap_or("QEMU"),
        "misc": {"accel": run.accel, "kernel_options": setup.kernel_options},
    });
    let test = |number: usize, name: &str, outcome: &Outcome, seconds: f64| {
        let mut test = json!({
            "id": format!("{}:{number}:{name}", id(run)),
            "build_id": id(run),
            "origin": ORIGIN,
            "path": format!("nmissed.{}", path(name)),
            "status": status(outcome),
            "duration": seconds.max(0.0),
            "environment": environment,
        });
        if let Some(why) = outcome.why() {
            test["comment"] = json!(why.lines().next().unwrap_or_default());
        }
        test
    };
    let boot = test(0, "boot", &run.machine, run.total_s);
    let tests = (1..).zip(run.all_tests());
    let tests = tests.map(|(number, it)| test(number, &it.name, &it.outcome, it.seconds));
    std::iter::once(boot).chain(tests).collect()
}

fn status(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "PASS",
        Outcome::Skip(_) => "SKIP",
        Outcome::Infra(_) => "MISS",
        Outcome::Fail(_) | Outcome::Crash(_) | Outcome::Hang(_) | Outcome::LostVm(_) => "FAIL",
    }
}

/// Dots between names, and no character that the schema forbids.
fn path(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.';
    let name = name.replace("::", ".");
    name.chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .collect()
}
