// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask doctor`: what is missing, why it is needed, and installing it.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use nmissed_host::{Cmd, Progress, find_program, reporter};

use crate::exit::Exit;
use crate::needs::{Check, NEEDS, Need, Step, missing};

/// Lists every need and whether it is met.
pub(crate) fn run(install: bool) -> Result<Exit> {
    let all = [
        Step::Source,
        Step::Tarball,
        Step::Kernel,
        Step::Guest,
        Step::Boot,
        Step::Review,
        Step::History,
        Step::Ci,
        Step::Fuzz,
        Step::Bench,
    ];
    if install {
        ensure(&all, true)?;
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

/// Makes sure that these steps can be done: installs what is missing if that
/// was asked for, and otherwise says what it is.
pub(crate) fn ensure(steps: &[Step], install: bool) -> Result<()> {
    let needed = missing(steps);
    if needed.is_empty() {
        return Ok(());
    }
    if !install {
        bail!(
            "this machine lacks what the next steps need; nothing was done\n{}\nTo install it: {}",
            list(&needed),
            remedy(&needed)
        );
    }
    install_all(&needed, reporter().as_ref())?;
    let still = missing(steps);
    if !still.is_empty() {
        bail!("still missing after installing\n{}", list(&still));
    }
    Ok(())
}

fn list(needs: &[&Need]) -> String {
    let lines = needs
        .iter()
        .map(|need| format!("  {:<20} {}", need.name(), need.why));
    lines.collect::<Vec<_>>().join("\n")
}

fn remedy(needs: &[&Need]) -> String {
    let by_hand = format!(
        "install these packages (by their Debian names): {}",
        words(&packages(needs))
    );
    let has_apt = find_program("apt-get").is_some();
    if has_apt {
        "add --install-deps to the command".to_owned()
    } else {
        by_hand
    }
}

fn install_all(needs: &[&Need], progress: &dyn Progress) -> Result<()> {
    let packages = packages(needs);
    if !packages.is_empty() {
        install_packages(&packages, progress)?;
    }
    for krate in crates(needs) {
        progress.begin(&format!("installing {krate} from source"), None, None);
        Cmd::new("cargo")
            .args(["install", "--locked", krate])
            .stream(|line| progress.at(0, line))
            .with_context(|| format!("cannot install {krate}"))?;
        progress.end(&format!("installed {krate}"));
    }
    Ok(())
}

fn install_packages(packages: &BTreeSet<&str>, progress: &dyn Progress) -> Result<()> {
    if find_program("apt-get").is_none() {
        bail!(
            "there is no apt-get here: install these packages yourself (by their Debian names): {}",
            words(packages)
        );
    }
    progress.begin("installing packages", None, None);
    let install = ["install", "--yes", "--no-install-recommends"];
    apt(&["update"], progress)?;
    apt(
        &[
            &install[..],
            &packages.iter().copied().collect::<Vec<_>>()[..],
        ]
        .concat(),
        progress,
    )?;
    progress.end(&format!("installed {}", words(packages)));
    Ok(())
}

fn apt(args: &[&str], progress: &dyn Progress) -> Result<()> {
    let root = rustix::process::geteuid().is_root();
    let cmd = if root {
        Cmd::new("apt-get")
    } else if find_program("sudo").is_some() {
        Cmd::new("sudo").args(["--non-interactive", "apt-get"])
    } else {
        bail!(
            "installing needs root: run `apt-get {}` as root",
            args.join(" ")
        );
    };
    cmd.args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stream(|line| progress.at(0, line))
        .context("apt-get could not install what is missing; is the network there?")?;
    Ok(())
}

fn packages(needs: &[&Need]) -> BTreeSet<&'static str> {
    let packaged = needs
        .iter()
        .filter(|need| !matches!(need.check, Check::Cargo(_)));
    packaged.map(|need| need.package).collect()
}

fn crates(needs: &[&Need]) -> BTreeSet<&'static str> {
    let built = needs
        .iter()
        .filter(|need| matches!(need.check, Check::Cargo(_)));
    built.map(|need| need.package).collect()
}

fn words(packages: &BTreeSet<&str>) -> String {
    packages.iter().copied().collect::<Vec<_>>().join(" ")
}
