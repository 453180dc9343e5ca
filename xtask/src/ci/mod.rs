// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask ci`: every check of the project itself. All of them run, so
//! that one call shows everything there is to mend.

use std::time::Instant;

mod tidy;

use anyhow::{Context, Result, bail};
use clap::Args;
use nmissed_host::{Cmd, Host, check_interrupt};
use nmissed_kbuild::{check_applies, fetch};

use nmissed_runner::{
    Exit, Selection, Step, Targets, TestRequest, VERIFY_VARIANTS, VerifyRequest, Workspace, ensure,
    everything, kernels, test, verify,
};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Leave out the virtual machines
    #[arg(long)]
    no_vm: bool,
}

impl Options {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        run(workspace, self, install)
    }
}

type Check = fn(&Workspace) -> Result<()>;

/// The checks that need no virtual machine, cheapest first.
const CHECKS: &[(&str, Check)] = &[
    ("rustfmt", rustfmt),
    ("clang-format", clang_format),
    ("tidy", tidy::check),
    ("licences", licences),
    ("patches", patches),
    ("clippy", clippy),
    ("docs", docs),
    ("tests", tests),
];

/// Those that do.
const VM_CHECKS: &[(&str, Check)] = &[
    ("virtual machines", vm_tests),
    ("images and kernels", vm_verify),
];

/// Runs everything and says what failed.
fn run(workspace: &Workspace, options: &Options, install: bool) -> Result<Exit> {
    let vm = if options.no_vm {
        &[][..]
    } else {
        &[Step::Kernel, Step::Boot]
    };
    ensure(
        &[&[Step::Source, Step::Tarball, Step::Guest, Step::Ci], vm].concat(),
        install,
    )?;
    let vm_checks = if options.no_vm { &[][..] } else { VM_CHECKS };
    let mut failed = Vec::new();
    for (name, check) in CHECKS.iter().chain(vm_checks) {
        step(name, || check(workspace), &mut failed)?;
    }
    summarize(CHECKS.len() + vm_checks.len(), &failed)
}

fn step(name: &str, check: impl FnOnce() -> Result<()>, failed: &mut Vec<String>) -> Result<()> {
    eprintln!("ci: {name}");
    let started = Instant::now();
    let outcome = check();
    check_interrupt()?;
    match outcome {
        Ok(()) => eprintln!("ci: {name}: ok ({:.0} s)", started.elapsed().as_secs_f64()),
        Err(error) => {
            eprintln!("ci: {name}: FAILED: {error:#}");
            failed.push(name.to_owned());
        }
    }
    Ok(())
}

fn summarize(all: usize, failed: &[String]) -> Result<Exit> {
    println!(
        "checks: {} passed, {} failed",
        all - failed.len(),
        failed.len()
    );
    if failed.is_empty() {
        return Ok(Exit::Good);
    }
    eprintln!("ci: failed: {}", failed.join(", "));
    Ok(Exit::Failed)
}

/// The prober is built only where clang is, as here.
const PROBER: &str = "--features=nmissed-guest/prober";

fn rustfmt(workspace: &Workspace) -> Result<()> {
    cargo(workspace, &["fmt", "--all", "--check"])
}

fn clippy(workspace: &Workspace) -> Result<()> {
    cargo(
        workspace,
        &[
            "clippy",
            "--workspace",
            PROBER,
            "--all-targets",
            "--locked",
            "--",
            "--deny",
            "warnings",
        ],
    )
}

/// Everything but the tests that need a kernel of ours under them.
fn tests(workspace: &Workspace) -> Result<()> {
    cargo(
        workspace,
        &[
            "test",
            "--workspace",
            PROBER,
            "--exclude",
            "nmissed-selftests",
            "--locked",
        ],
    )?;
    cargo(
        workspace,
        &[
            "test",
            "--package",
            "nmissed-selftests",
            "--lib",
            "--locked",
        ],
    )
}

fn docs(workspace: &Workspace) -> Result<()> {
    let args = [
        "doc",
        "--workspace",
        PROBER,
        "--no-deps",
        "--document-private-items",
        "--locked",
    ];
    let cmd = Cmd::new("cargo")
        .args(args)
        .env("RUSTDOCFLAGS", "--deny warnings");
    loud(cmd.dir(workspace.root()))
}

/// Licences, duplicates and sources need nothing but Cargo.lock and the crates
/// themselves, those for other platforms included.
fn licences(workspace: &Workspace) -> Result<()> {
    cargo(workspace, &["fetch", "--locked"])?;
    cargo(
        workspace,
        &[
            "deny",
            "--locked",
            "--offline",
            "--workspace",
            "check",
            "bans",
            "licenses",
            "sources",
        ],
    )
}

fn clang_format(workspace: &Workspace) -> Result<()> {
    let files = tidy::files(workspace, &["bpf/*.c", "bpf/*.h"])?;
    if files.is_empty() {
        bail!("there are no BPF programs to check");
    }
    loud(
        Cmd::new("clang-format-19")
            .args(["--dry-run", "--Werror"])
            .args(files)
            .dir(workspace.root()),
    )
}

/// Every series applies to the kernel it was written for.
fn patches(workspace: &Workspace) -> Result<()> {
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

fn vm_tests(workspace: &Workspace) -> Result<()> {
    let targets = Targets::to_build(everything(workspace)?);
    match test(workspace, &targets, &TestRequest::default())? {
        Exit::Good => Ok(()),
        _ => bail!("not all is as expected; the table above says what"),
    }
}

/// The images' promises, against the kernels in them.
fn vm_verify(workspace: &Workspace) -> Result<()> {
    let all = Selection {
        kernels: kernels(workspace)?
            .routine_ids()
            .map(str::to_owned)
            .collect(),
        ..Selection::default()
    };
    let targets = Targets::of(workspace, &all, VERIFY_VARIANTS, None)?;
    match verify(workspace, &targets, &VerifyRequest::default())? {
        Exit::Good => Ok(()),
        _ => bail!("an image and its kernel disagree; the reports above say where"),
    }
}

fn cargo(workspace: &Workspace, args: &[&str]) -> Result<()> {
    loud(
        Cmd::new("cargo")
            .args(args.iter().copied())
            .dir(workspace.root()),
    )
}

/// Runs a check whose output people, and CI, read.
fn loud(cmd: Cmd) -> Result<()> {
    let finished = cmd.finish(|line| println!("{line}"))?;
    if !finished.status.success() {
        bail!("{} ended with {}", cmd.line(), finished.status);
    }
    Ok(())
}
