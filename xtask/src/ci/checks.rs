// SPDX-License-Identifier: GPL-2.0-only
//! Checks that are commands of other tools.

use anyhow::{Result, bail};
use nmissed_host::Cmd;
use nmissed_runner::{Workspace, print};

use super::tidy::files;

/// Its tests need a kernel; only those of its library run on the host.
const GUEST_TESTS: &str = "nmissed-selftests";

/// The prober is built only where clang is, as here.
const PROBER: &str = "--features=nmissed-guest/prober";

pub(super) fn rustfmt(workspace: &Workspace) -> Result<()> {
    run(workspace, cargo(["fmt", "--all", "--check"]))
}

pub(super) fn clang_format(workspace: &Workspace) -> Result<()> {
    let files = files(workspace, &["bpf/*.c", "bpf/*.h"])?;
    if files.is_empty() {
        bail!("there are no BPF programs to check");
    }
    let cmd = Cmd::new("clang-format-19").args(["--dry-run", "--Werror"]);
    run(workspace, cmd.args(files))
}

pub(super) fn clippy(workspace: &Workspace) -> Result<()> {
    let args = ["clippy", "--workspace", "--all-targets", "--locked", PROBER];
    run(workspace, cargo(args).args(["--", "--deny", "warnings"]))
}

pub(super) fn docs(workspace: &Workspace) -> Result<()> {
    let args = ["doc", "--workspace", "--no-deps", "--locked", PROBER];
    let cmd = cargo(args).arg("--document-private-items");
    run(workspace, cmd.env("RUSTDOCFLAGS", "--deny warnings"))
}

/// The unit tests of all crates are built in one go: with some of the crates left
/// out cargo chooses other features for what they have in common, and compiles
/// that twice.
pub(super) fn tests(workspace: &Workspace) -> Result<()> {
    let test = || cargo(["test", "--workspace", "--locked", PROBER]);
    run(workspace, test().args(["--lib", "--bins"]))?;
    let on_host = || test().args(["--exclude", GUEST_TESTS]);
    run(workspace, on_host().args(["--test", "*"]))?;
    run(workspace, on_host().arg("--doc"))
}

pub(super) fn cargo<const N: usize>(args: [&str; N]) -> Cmd {
    Cmd::new("cargo").args(args)
}

/// Runs a check and prints what it prints.
pub(super) fn run(workspace: &Workspace, cmd: Cmd) -> Result<()> {
    let cmd = cmd.dir(workspace.root());
    let mut printed = Ok(());
    let finished = cmd.finish(|line| printed = print(line))?;
    printed?;
    if !finished.status.success() {
        bail!("{} ended with {}", cmd.line(), finished.status);
    }
    Ok(())
}
