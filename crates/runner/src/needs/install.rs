// SPDX-License-Identifier: GPL-2.0-only
//! Installing what the host lacks.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use nmissed_host::{Cmd, Progress, find_program, reporter};

use crate::needs::list::{Check, Need, Step, missing};

/// Makes sure that the host can do these steps: installs what is missing with
/// `install`.
///
/// # Errors
/// If something is missing; the message lists it, and how to install it.
pub fn ensure(steps: &[Step], install: bool) -> Result<()> {
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

/// Says how to install these: by option, or by the names of Debian packages.
#[must_use]
pub fn remedy(needs: &[&Need]) -> String {
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
