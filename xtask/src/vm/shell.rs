// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask vm shell` and `vm run`: a program of the user in a guest.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use nmissed_runner::{DefaultVariants, Exit, ShellRequest, Step, Workspace, ensure, shell};

use crate::options::BootOptions;

/// Boot a kernel, and open a shell in it
///
/// The guest has busybox, bpftool of the kernel's source and the test programs in PATH,
/// and tracefs, debugfs, bpffs and cgroup2 mounted below /sys. `exit` ends the machine;
/// Ctrl-A x ends one that does not answer.
#[derive(Args, Debug)]
pub(crate) struct Shell {
    #[command(flatten)]
    guest: GuestOptions,
}

/// Boot a kernel, run a command in it, and exit with its status
///
/// The guest is that of `vm shell`; standard input is empty. The status is 69 if the host
/// could not do its part, and 1 if the kernel crashed.
#[derive(Args, Debug)]
pub(crate) struct Run {
    #[command(flatten)]
    guest: GuestOptions,

    /// The command and its arguments; a shell runs `sh -c 'A | B'`
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<String>,
}

#[derive(Args, Debug)]
struct GuestOptions {
    #[command(flatten)]
    boot: BootOptions,

    /// Copy the files of a folder to /share of the guest
    #[arg(long, value_name = "DIR")]
    share: Option<PathBuf>,

    /// Wait for gdb on a port of localhost before the first instruction, and print the
    /// command line of gdb
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "1234")]
    gdb: Option<u16>,
}

impl Shell {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        self.guest.run(workspace, install, &[])
    }
}

impl Run {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        self.guest.run(workspace, install, &self.command)
    }
}

impl GuestOptions {
    fn run(&self, workspace: &Workspace, install: bool, command: &[String]) -> Result<Exit> {
        let default = DefaultVariants::Baseline;
        let targets = self.boot.targets(workspace, default, install, true)?;
        ensure(&[Step::Shell], install)?;
        let request = ShellRequest {
            boot: self.boot.settings(),
            command: command.to_vec(),
            share: self.share.clone(),
            gdb: self.gdb,
        };
        shell(workspace, &targets, &request)
    }
}
