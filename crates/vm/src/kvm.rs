// SPDX-License-Identifier: GPL-2.0-only
//! Whether KVM works here, found out by using it.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use nmissed_host::{Cache, Cmd, Error as HostError, read_to_string, write_atomic};
use serde::{Deserialize, Serialize};

use crate::probe::{EXIT_DEVICE, EXIT_STATUS, firmware};
use crate::{Error, Result, qemu};

const KVM: &str = "/dev/kvm";
/// Changes with every boot of the host.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// The probe takes 50 ms where it works.
const DEADLINE: Duration = Duration::from_secs(5);

/// Who runs the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accel {
    /// The host's processor.
    Kvm,
    /// QEMU's emulation.
    Tcg,
}

/// An accelerator, and why this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The accelerator.
    pub accel: Accel,
    /// Half a sentence for people.
    pub reason: String,
}

/// A verdict and what it holds for.
#[derive(Serialize, Deserialize)]
struct Verdict {
    boot_id: String,
    qemu: String,
    choice: Choice,
}

impl Accel {
    /// `kvm` or `tcg`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        }
    }
}

impl fmt::Display for Accel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Accel {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [Self::Kvm, Self::Tcg]
            .into_iter()
            .find(|accel| accel.name() == name)
            .ok_or_else(|| Error::UnknownAccel {
                name: name.to_owned(),
            })
    }
}

/// The accelerator to use: the one asked for, or KVM if a guest was seen to
/// run on it, or emulation. What was seen is remembered until the host boots
/// again or QEMU changes.
///
/// # Errors
/// [`Error::NoQemu`]; [`Error::Host`] for the cache and interruption.
pub fn choose_accel(asked: Option<Accel>, cache: &Cache) -> Result<Choice> {
    if let Some(accel) = asked {
        return Ok(Choice {
            accel,
            reason: "as asked for".to_owned(),
        });
    }
    if let Err(error) = File::options().read(true).write(true).open(KVM) {
        return Ok(tcg(format!("cannot open {KVM}: {error}")));
    }
    let boot_id = read_to_string(Path::new(BOOT_ID))?.trim().to_owned();
    let qemu = qemu::version()?;
    let kept = cache.root().join("accel.json");
    if let Some(choice) = recall(&kept, &boot_id, &qemu) {
        return Ok(choice);
    }
    let choice = probe(cache)?;
    remember(
        &kept,
        &Verdict {
            boot_id,
            qemu,
            choice: choice.clone(),
        },
    );
    Ok(choice)
}

fn tcg(reason: String) -> Choice {
    Choice {
        accel: Accel::Tcg,
        reason,
    }
}

fn recall(path: &Path, boot_id: &str, qemu: &str) -> Option<Choice> {
    let verdict: Verdict = serde_json::from_str(&read_to_string(path).ok()?).ok()?;
    (verdict.boot_id == boot_id && verdict.qemu == qemu).then_some(verdict.choice)
}

/// Losing a verdict costs a probe, so a failure is not worth stopping for.
fn remember(path: &Path, verdict: &Verdict) {
    if let Ok(text) = serde_json::to_vec_pretty(verdict) {
        let _ = write_atomic(path, &text);
    }
}

fn probe(cache: &Cache) -> Result<Choice> {
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
            return Ok(Choice {
                accel: Accel::Kvm,
                reason: "a guest ran on it".to_owned(),
            });
        }
        Ok(finished) => complaint(&finished.lines).unwrap_or(finished.status.to_string()),
        Err(HostError::TimedOut { .. }) => format!("nothing for {} s", DEADLINE.as_secs()),
        Err(error) => return Err(error.into()),
    };
    Ok(tcg(format!("{KVM} opens, but no guest runs on it: {why}")))
}

/// The first thing QEMU said that is more than a warning, without its name.
fn complaint(lines: &[String]) -> Option<String> {
    let line = lines.iter().find(|line| !line.contains("warning:"))?;
    let text = line.strip_prefix(qemu::PROGRAM).unwrap_or(line);
    Some(text.trim_start_matches(": ").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_case::test_case;

    fn choice() -> Choice {
        tcg("x".to_owned())
    }

    #[test_case("boot 1", "7.2", Some(choice()); "the same host and program")]
    #[test_case("boot 2", "7.2", None; "the host booted again")]
    #[test_case("boot 1", "9.0", None; "another qemu")]
    fn a_verdict_holds_until_something_changes(
        boot_id: &str,
        qemu: &str,
        expected: Option<Choice>,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accel.json");
        remember(
            &path,
            &Verdict {
                boot_id: "boot 1".to_owned(),
                qemu: "7.2".to_owned(),
                choice: choice(),
            },
        );
        assert_eq!(recall(&path, boot_id, qemu), expected);
    }

    #[test]
    fn a_damaged_verdict_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accel.json");
        std::fs::write(&path, "{").unwrap();
        assert_eq!(recall(&path, "boot 1", "7.2"), None);
    }

    #[test]
    fn the_reason_is_what_qemu_complained_of() {
        let lines = [
            "qemu-system-x86_64: warning: host doesn't support requested feature",
            "qemu-system-x86_64: error: failed to set MSR 0x10a to 0x69",
        ];
        let why = complaint(&lines.map(str::to_owned));
        assert_eq!(
            why.as_deref(),
            Some("error: failed to set MSR 0x10a to 0x69")
        );
    }

    #[test]
    fn what_is_asked_for_is_not_probed() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path()).unwrap();
        let choice = choose_accel(Some(Accel::Kvm), &cache).unwrap();
        assert_eq!(choice.accel, Accel::Kvm);
        assert_eq!(
            "xen".parse::<Accel>().unwrap_err().to_string(),
            "there is no accelerator \"xen\": it is kvm or tcg"
        );
    }
}
