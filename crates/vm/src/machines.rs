// SPDX-License-Identifier: GPL-2.0-only
//! `vmconfig/vm.toml`: the machines and how long they may take.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use nmissed_host::read_to_string;
use serde::Deserialize;

use crate::{Accel, Error, Result};

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    deadlines: Seconds,
    machines: BTreeMap<String, Machine>,
}

/// A virtual machine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// QEMU's `-machine`.
    pub qemu: String,
    /// How many processors.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// How PID 1 reaches the host.
    pub channel: Channel,
    /// Kernel parameters that this machine needs.
    #[serde(default)]
    pub append: String,
}

/// How PID 1 reaches the host. The second serial port is always there; this
/// says whether there is something faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// virtio-serial on a virtio-mmio transport.
    VirtioMmio,
    /// virtio-serial on PCI.
    VirtioPci,
    /// Nothing but the serial port.
    Serial,
}

/// How long each part of a boot may take, scaled for the accelerator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// From QEMU's start to PID 1's first word.
    pub boot: Duration,
    /// One test.
    pub test: Duration,
    /// What PID 1 gets on top to say what happened, and to power off.
    pub grace: Duration,
    /// Everything.
    pub total: Duration,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seconds {
    boot: u32,
    test: u32,
    grace: u32,
    total: u32,
    tcg_factor: u32,
}

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    /// [`Error::Host`] if it cannot be read, [`Error::BadConfig`] if it cannot
    /// be understood.
    pub fn load(path: &Path) -> Result<Self> {
        Self::parse(&read_to_string(path)?).map_err(|error| Error::BadConfig {
            path: path.to_owned(),
            problem: error.to_string(),
        })
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// A machine by name.
    ///
    /// # Errors
    /// [`Error::UnknownMachine`] with the names that there are.
    pub fn machine(&self, name: &str) -> Result<&Machine> {
        self.machines
            .get(name)
            .ok_or_else(|| Error::UnknownMachine {
                name: name.to_owned(),
                known: self.machines.keys().cloned().collect::<Vec<_>>().join(", "),
            })
    }

    /// How much longer anything may take under an accelerator.
    #[must_use]
    pub fn factor(&self, accel: Accel) -> u32 {
        match accel {
            Accel::Kvm => 1,
            Accel::Tcg => self.deadlines.tcg_factor,
        }
    }

    /// The deadlines under one accelerator.
    #[must_use]
    pub fn deadlines(&self, accel: Accel) -> Deadlines {
        let factor = self.factor(accel);
        let scaled = |seconds: u32| Duration::from_secs(seconds.into()) * factor;
        Deadlines {
            boot: scaled(self.deadlines.boot),
            test: scaled(self.deadlines.test),
            grace: scaled(self.deadlines.grace),
            total: scaled(self.deadlines.total),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::parse(include_str!("../../../vmconfig/vm.toml")).unwrap()
    }

    #[test]
    fn the_projects_own_file_has_the_machines_we_name() {
        assert_eq!(
            config().machine("microvm").unwrap().channel,
            Channel::VirtioMmio
        );
        assert_eq!(config().machine("q35").unwrap().channel, Channel::VirtioPci);
    }

    #[test]
    fn an_unknown_machine_is_told_the_known_ones() {
        let error = config().machine("sun4m").unwrap_err().to_string();
        assert!(
            error.contains("sun4m") && error.contains("microvm, q35"),
            "{error}"
        );
    }

    #[test]
    fn emulation_gets_more_time() {
        let (kvm, tcg) = (
            config().deadlines(Accel::Kvm),
            config().deadlines(Accel::Tcg),
        );
        assert!(tcg.boot > kvm.boot && tcg.test > kvm.test && tcg.total > kvm.total);
    }

    #[test]
    fn a_misspelt_key_is_named() {
        let error = Config::parse("[deadline]\nboot = 1")
            .unwrap_err()
            .to_string();
        assert!(error.contains("deadline"), "{error}");
    }
}
