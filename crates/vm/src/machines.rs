// SPDX-License-Identifier: GPL-2.0-only
//! `vmconfig/vm.toml`: the virtual machines, and the deadlines of a boot.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use nmissed_host::read_to_string;
use serde::Deserialize;

use crate::accel::Accel;
use crate::error::{Error, Result};

/// Neither the kernel nor programs lie elsewhere in another boot.
const FIXED_ADDRESSES: &str = " nokaslr norandmaps";

/// How much longer TCG may take when it counts: it then ends each block by a check.
const SLOWER: u32 = 4;

/// The contents of vm.toml.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machines {
    deadlines: Seconds,
    machines: BTreeMap<String, Machine>,
}

/// A virtual machine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// QEMU's `-machine`.
    pub qemu: String,
    /// Processors (`-smp`).
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// How PID 1 sends its messages.
    pub channel: Channel,
    /// Kernel parameters that this machine needs.
    #[serde(default)]
    pub append: String,
    /// Whether the guest's clocks count its instructions, one per nanosecond (`-icount`).
    #[serde(default)]
    pub counts_instructions: bool,
}

/// How PID 1 sends its messages. Every machine has the second serial port; virtio is
/// faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// virtio-serial on a virtio-mmio transport.
    VirtioMmio,
    /// virtio-serial on PCI.
    VirtioPci,
    /// The serial port alone.
    Serial,
}

/// How long each part of a boot may take in the guest's time (without that in which the
/// host does not run QEMU), with the accelerator's factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// From QEMU's start to PID 1's first message.
    pub boot: Duration,
    /// For one test.
    pub test: Duration,
    /// Added to the others; for the power-off.
    pub grace: Duration,
    /// For the whole boot.
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

impl Machines {
    /// Reads vm.toml.
    ///
    /// # Errors
    /// [`Error::Host`] if it cannot be read, [`Error::InvalidMachines`] if it does not
    /// parse.
    pub fn load(path: &Path) -> Result<Self> {
        Self::parse(&read_to_string(path)?).map_err(|error| Error::InvalidMachines {
            path: path.to_owned(),
            problem: error.to_string(),
        })
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Returns the machine with this name.
    ///
    /// # Errors
    /// [`Error::UnknownMachine`] with the known names.
    pub fn machine(&self, name: &str) -> Result<&Machine> {
        self.machines
            .get(name)
            .ok_or_else(|| Error::UnknownMachine {
                name: name.to_owned(),
                known: self.machines.keys().cloned().collect::<Vec<_>>().join(", "),
            })
    }

    /// Returns the same machines with one CPU whose clocks count instructions, and with the
    /// same addresses in each boot. They need [`Accel::Tcg`].
    #[must_use]
    pub fn counting_instructions(mut self) -> Self {
        self.deadlines.tcg_factor *= SLOWER;
        for machine in self.machines.values_mut() {
            machine.cpus = 1;
            machine.counts_instructions = true;
            machine.append.push_str(FIXED_ADDRESSES);
        }
        self
    }

    /// Returns the largest memory of any, in MiB.
    #[must_use]
    pub fn largest_memory_mib(&self) -> u32 {
        let of_all = self.machines.values().map(|machine| machine.memory_mib);
        of_all.max().unwrap_or(1).max(1)
    }

    /// Returns the factor of all deadlines under an accelerator: 1 under KVM.
    #[must_use]
    pub fn factor(&self, accel: Accel) -> u32 {
        match accel {
            Accel::Kvm => 1,
            Accel::Tcg => self.deadlines.tcg_factor,
        }
    }

    /// Returns the deadlines under an accelerator.
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

    fn machines() -> Machines {
        Machines::parse(include_str!("../../../vmconfig/vm.toml")).unwrap()
    }

    #[test]
    fn vm_toml_has_the_machines_that_the_runner_names() {
        assert_eq!(
            machines().machine("microvm").unwrap().channel,
            Channel::VirtioMmio
        );
        assert_eq!(
            machines().machine("q35").unwrap().channel,
            Channel::VirtioPci
        );
    }

    #[test]
    fn an_unknown_machine_is_an_error_with_the_known_names() {
        let error = machines().machine("sun4m").unwrap_err().to_string();
        assert!(
            error.contains("sun4m") && error.contains("microvm, q35"),
            "{error}"
        );
    }

    #[test]
    fn emulation_gets_more_time() {
        let (kvm, tcg) = (
            machines().deadlines(Accel::Kvm),
            machines().deadlines(Accel::Tcg),
        );
        assert!(tcg.boot > kvm.boot && tcg.test > kvm.test && tcg.total > kvm.total);
    }

    #[test]
    fn counting_instructions_takes_one_cpu_and_more_time() {
        let counting = machines().counting_instructions();
        let machine = counting.machine("microvm").unwrap();
        assert!(machine.counts_instructions && machine.append.ends_with(FIXED_ADDRESSES));
        assert_eq!(machine.cpus, 1);
        let boot = |of: &Machines| of.deadlines(Accel::Tcg).boot;
        assert_eq!(boot(&counting), boot(&machines()) * SLOWER);
    }

    #[test]
    fn a_misspelt_key_is_named() {
        let error = Machines::parse("[deadline]\nboot = 1")
            .unwrap_err()
            .to_string();
        assert!(error.contains("deadline"), "{error}");
    }
}
