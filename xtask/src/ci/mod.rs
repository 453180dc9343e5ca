// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask ci`: every check of the project itself. A check that fails does
//! not keep the rest from running.

mod checks;
mod cycles;
mod kernels;
mod licences;
mod tidy;

use std::time::Instant;

use anyhow::Result;
use clap::Args;
use nmissed_host::{check_interrupt, print_error};
use nmissed_runner::{Exit, Step, Workspace, ensure, print};

/// Run every check that a change needs before it lands
///
/// On the host: rustfmt, clang-format, repository rules, licences and sources of
/// dependencies, patches apply, clippy, documents, tests. In virtual machines, for
/// each kernel: all tests on `baseline` and on each variant that no other variant
/// builds on, then `vm selfcheck` and `vm verify`; selftests/HISTORY.md is what kept
/// runs show.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// Test all variants of each kernel, those that others build on, too
    #[arg(long, conflicts_with = "no_vm")]
    full: bool,

    /// Leave out the virtual machines
    #[arg(long)]
    no_vm: bool,
}

type NamedCheck = (&'static str, Box<dyn Fn(&Workspace) -> Result<()>>);

impl Options {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        ensure(&self.steps(), install)?;
        let checks = self.checks();
        let mut failed = Vec::new();
        for (name, check) in &checks {
            if !passes(name, || check(workspace))? {
                failed.push(*name);
            }
        }
        print(&format!(
            "checks: {} passed, {} failed",
            checks.len() - failed.len(),
            failed.len()
        ))?;
        if failed.is_empty() {
            return Ok(Exit::Good);
        }
        print_error(&format!("ci: failed: {}", failed.join(", ")));
        Ok(Exit::Failed)
    }

    fn steps(&self) -> Vec<Step> {
        let mut steps = vec![Step::Source, Step::Tarball, Step::Guest, Step::Ci];
        if !self.no_vm {
            steps.extend([Step::Kernel, Step::Boot]);
        }
        steps
    }

    /// The cheapest first; none that needs a virtual machine before one that
    /// does not.
    fn checks(&self) -> Vec<NamedCheck> {
        let mut checks: Vec<NamedCheck> = vec![
            ("rustfmt", Box::new(checks::rustfmt)),
            ("clang-format", Box::new(checks::clang_format)),
            ("tidy", Box::new(tidy::check)),
            ("licences", Box::new(licences::check)),
            ("patches", Box::new(kernels::patches_apply)),
            ("clippy", Box::new(checks::clippy)),
            ("docs", Box::new(checks::docs)),
            ("tests", Box::new(checks::tests)),
        ];
        if !self.no_vm {
            let full = self.full;
            let test = move |workspace: &_| kernels::test(workspace, full);
            checks.push(("vm test", Box::new(test)));
            checks.push(("vm selfcheck", Box::new(kernels::selfcheck)));
            checks.push(("vm verify", Box::new(kernels::verify)));
            checks.push(("history", Box::new(kernels::history)));
        }
        checks
    }
}

fn passes(name: &str, check: impl FnOnce() -> Result<()>) -> Result<bool> {
    print_error(&format!("ci: {name}"));
    let started = Instant::now();
    let outcome = check();
    check_interrupt()?;
    let seconds = started.elapsed().as_secs();
    print_error(&match &outcome {
        Ok(()) => format!("ci: {name}: ok ({seconds} s)"),
        Err(error) => format!("ci: {name}: FAILED ({seconds} s): {error:#}"),
    });
    Ok(outcome.is_ok())
}
