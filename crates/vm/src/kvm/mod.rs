// SPDX-License-Identifier: GPL-2.0-only
//! Checks whether KVM works here, by running a guest on it.

mod firmware;

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use nmissed_host::{Cache, Cmd, Error as HostError, read_to_string, write_atomic};
use serde::{Deserialize, Serialize};

use crate::accel::Accel;
use crate::error::Result;
use crate::kvm::firmware::{EXIT_DEVICE, EXIT_STATUS, firmware};
use crate::qemu;

const KVM: &str = "/dev/kvm";
/// Changes with every boot of the host.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// The guest takes 50 ms where KVM works.
const DEADLINE: Duration = Duration::from_secs(5);

/// An accelerator, and the reason for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccelChoice {
    /// The accelerator.
    pub accel: Accel,
    /// Why, as half a sentence for a person.
    pub reason: String,
}

/// A choice, valid for one boot of the host and one version of QEMU.
#[derive(Serialize, Deserialize)]
struct CachedChoice {
    boot_id: String,
    qemu: String,
    choice: AccelChoice,
}

/// Returns the accelerator to use: `requested`, else KVM if a guest runs on it, else
/// TCG. The result is cached until the host reboots or QEMU changes.
///
/// # Errors
/// [`Error::NoQemu`](crate::Error::NoQemu);
/// [`Error::Host`](crate::Error::Host) for the cache and for interruption.
pub fn choose_accel(requested: Option<Accel>, cache: &Cache) -> Result<AccelChoice> {
    if let Some(accel) = requested {
        let reason = "as requested".to_owned();
        return Ok(AccelChoice { accel, reason });
    }
    if let Err(error) = File::options().read(true).write(true).open(KVM) {
        return Ok(tcg(format!("cannot open {KVM}: {error}")));
    }
    let boot_id = read_to_string(Path::new(BOOT_ID))?.trim().to_owned();
    let qemu = qemu::version()?;
    let path = cache.root().join("accel.json");
    if let Some(choice) = load(&path, &boot_id, &qemu) {
        return Ok(choice);
    }
    let choice = run_guest(cache)?;
    let cached = CachedChoice {
        boot_id,
        qemu,
        choice: choice.clone(),
    };
    save(&path, &cached);
    Ok(choice)
}

fn tcg(reason: String) -> AccelChoice {
    let accel = Accel::Tcg;
    AccelChoice { accel, reason }
}

fn load(path: &Path, boot_id: &str, qemu: &str) -> Option<AccelChoice> {
    let cached: CachedChoice = serde_json::from_str(&read_to_string(path).ok()?).ok()?;
    (cached.boot_id == boot_id && cached.qemu == qemu).then_some(cached.choice)
}

/// Ignores errors: without the cached choice the guest runs again.
fn save(path: &Path, cached: &CachedChoice) {
    if let Ok(text) = serde_json::to_vec_pretty(cached) {
        let _ = write_atomic(path, &text);
    }
}

fn run_guest(cache: &Cache) -> Result<AccelChoice> {
    let rom = cache.root().join("probe.rom");
    write_atomic(&rom, &firmware())?;
    let run = Cmd::new(qemu::program()?)
        .args(qemu::BARE)
        .args(["-machine", "q35"])
        .args(qemu::accel(Accel::Kvm))
        .args(["-device", EXIT_DEVICE, "-bios"])
        .arg(rom)
        .deadline(DEADLINE)
        .tied();
    let why = match run.finish(|_| ()) {
        Ok(finished) if finished.status.code() == Some(EXIT_STATUS) => {
            return Ok(AccelChoice {
                accel: Accel::Kvm,
                reason: "a guest ran on it".to_owned(),
            });
        }
        Ok(finished) => first_error(&finished.lines).unwrap_or(finished.status.to_string()),
        Err(HostError::TimedOut { .. }) => format!("no end within {} s", DEADLINE.as_secs()),
        Err(error) => return Err(error.into()),
    };
    Ok(tcg(format!("{KVM} opens, but no guest runs on it: {why}")))
}

/// Returns QEMU's first line that is no warning, without the program's name.
fn first_error(lines: &[String]) -> Option<String> {
    let line = lines.iter().find(|line| !line.contains("warning:"))?;
    let text = line.strip_prefix(qemu::PROGRAM).unwrap_or(line);
    Some(text.trim_start_matches(": ").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    fn choice() -> AccelChoice {
        tcg("x".to_owned())
    }

    #[test_case("boot 1", "7.2", Some(choice()); "the same host and program")]
    #[test_case("boot 2", "7.2", None; "the host booted again")]
    #[test_case("boot 1", "9.0", None; "another qemu")]
    fn a_cached_choice_holds_for_one_boot_and_one_qemu(
        boot_id: &str,
        qemu: &str,
        expected: Option<AccelChoice>,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accel.json");
        let cached = CachedChoice {
            boot_id: "boot 1".to_owned(),
            qemu: "7.2".to_owned(),
            choice: choice(),
        };
        save(&path, &cached);
        assert_eq!(load(&path, boot_id, qemu), expected);
    }

    #[test]
    fn a_damaged_cache_is_ignored() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accel.json");
        std::fs::write(&path, "{").unwrap();
        assert_eq!(load(&path, "boot 1", "7.2"), None);
    }

    #[test]
    fn the_reason_is_the_first_error_of_qemu() {
        let lines = [
            "qemu-system-x86_64: warning: host doesn't support requested feature",
            "qemu-system-x86_64: error: failed to set MSR 0x10a to 0x69",
        ];
        let why = first_error(&lines.map(str::to_owned));
        assert_eq!(
            why.as_deref(),
            Some("error: failed to set MSR 0x10a to 0x69")
        );
    }

    #[test]
    fn a_requested_accelerator_needs_no_check() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path()).unwrap();
        let choice = choose_accel(Some(Accel::Kvm), &cache).unwrap();
        assert_eq!(choice.accel, Accel::Kvm);
    }
}
