// SPDX-License-Identifier: GPL-2.0-only
//! Boots a kernel with static test programs:
//!
//! ```text
//! cargo run -p nmissed-vm --example boot -- MACHINE IMAGE INIT OUTPUT TEST...
//! ```
//!
//! MACHINE is one of vmconfig/vm.toml, INIT a static `nmissed-init`, and each
//! TEST a static program with libtest's command line.

use std::collections::VecDeque;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nmissed_host::{Cache, install_interrupt};
use nmissed_vm::{BootSpec, Guest, Machines, boot, choose_accel, plan};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    install_interrupt()?;
    let mut args: VecDeque<String> = std::env::args().skip(1).collect();
    let mut next = |what: &str| args.pop_front().ok_or(format!("{what} is missing"));
    let (machine, image) = (next("MACHINE")?, next("IMAGE")?);
    let (init, output) = (next("INIT")?, next("OUTPUT")?);
    let guest = Guest {
        init: init.into(),
        tests: args.into_iter().map(named).collect(),
    };

    let machines = Machines::load(Path::new("vmconfig/vm.toml"))?;
    let choice = choose_accel(None, &Cache::open()?)?;
    eprintln!("{}: {}", choice.accel, choice.reason);
    let deadlines = machines.deadlines(choice.accel);
    let plan = plan(&guest.tests, |_| true, deadlines.test)?;
    let spec = BootSpec {
        kernel: "any",
        variant: "baseline",
        behaviours: "",
        release: None,
        configured: false,
        image: Path::new(&image),
        guest: &guest,
        plan: &plan,
        files: &[],
        machine: machines.machine(&machine)?,
        accel: choice.accel,
        deadlines,
        append: "",
        output: Path::new(&output),
    };
    let run = boot(&spec, &mut |message| eprintln!("{message:?}"))?;
    eprintln!("{run:#?}");
    Ok(())
}

fn named(path: String) -> (String, PathBuf) {
    let name = Path::new(&path).file_name().unwrap_or_default();
    (name.to_string_lossy().into_owned(), path.into())
}
