// SPDX-License-Identifier: GPL-2.0-only
//! The kernel under test: its release, and what its patches change.

use std::str::FromStr;
use std::{env, fs};

use anyhow::{Context, Result};
use nmissed_wire::{Behaviour, UnknownBehaviour, Version};

/// The build of the running kernel, as `uname -v` prints it.
const BUILD: &str = "/proc/sys/kernel/version";

/// The first release that has all that the tests need if nmissed configured it: it brought
/// kprobe.session and bpf_modify_return_test_tp, the last of them.
const COMPLETE: Version = Version::new(6, 10);

/// The kernel under test, as uname(2) and PID 1 describe it.
#[derive(Clone, Debug)]
pub(crate) struct KernelUnderTest {
    /// Its name, for messages only; empty outside the guest.
    pub(crate) name: String,
    /// The name of its stack of patches, for messages only; empty outside the guest.
    pub(crate) variant: String,
    /// Whether nmissed configured this kernel, of 6.10 or newer: it has all that the tests
    /// need then, and what it lacks is a failure.
    pub(crate) complete: bool,
    /// Its release.
    pub(crate) version: Version,
    /// Whether it is a PREEMPT_RT kernel.
    pub(crate) preempt_rt: bool,
    /// What its patches change.
    pub(crate) patches: Patches,
}

/// The behaviours that the patches of a kernel change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Patches {
    /// Those of a stack (`stack.toml`); none for an unpatched kernel.
    Declared {
        adds: Vec<Behaviour>,
        removes: Vec<Behaviour>,
    },
    /// The patches are the user's own, and may change any behaviour.
    Undeclared,
}

impl KernelUnderTest {
    /// Reads the `NMISSED_*` variables and the release of the running kernel.
    ///
    /// # Errors
    /// If the release cannot be read, or `NMISSED_BEHAVIOURS` names an unknown behaviour.
    pub(crate) fn running() -> Result<Self> {
        let read = |name| env::var(name).unwrap_or_default();
        let version = Version::running().context("reading the release of the running kernel")?;
        Ok(Self {
            name: read("NMISSED_KERNEL"),
            variant: read("NMISSED_VARIANT"),
            complete: read("NMISSED_CONFIGURED") == "1" && version >= COMPLETE,
            version,
            preempt_rt: is_preempt_rt(&fs::read_to_string(BUILD)?),
            patches: match env::var("NMISSED_BEHAVIOURS") {
                Ok(list) => list.parse().context("reading NMISSED_BEHAVIOURS")?,
                Err(_) => Patches::Undeclared,
            },
        })
    }
}

/// Reads the build of a kernel, such as `#1 SMP PREEMPT_RT Debian 7.3.4-1`; of older patches
/// for RT, `PREEMPT RT`.
fn is_preempt_rt(build: &str) -> bool {
    build.contains("PREEMPT_RT") || build.contains("PREEMPT RT")
}

impl FromStr for Patches {
    type Err = UnknownBehaviour;

    /// Reads names with commas between them, a `-` before those that are removed; `?`
    /// stands for undeclared patches.
    fn from_str(list: &str) -> Result<Self, UnknownBehaviour> {
        if list == "?" {
            return Ok(Self::Undeclared);
        }
        let (mut adds, mut removes) = (Vec::new(), Vec::new());
        for name in list.split(',').filter(|name| !name.is_empty()) {
            match name.strip_prefix('-') {
                Some(name) => removes.push(name.parse()?),
                None => adds.push(name.parse()?),
            }
        }
        Ok(Self::Declared { adds, removes })
    }
}

#[cfg(test)]
mod tests {
    use nmissed_wire::Behaviour::{PerProgramRecursion, YieldsToProgActive};

    use super::{Patches, is_preempt_rt};
    use test_case::test_case;

    #[test_case("#1 SMP PREEMPT_RT Debian 7.3.4-1 (2026-11-10)" => true)]
    #[test_case("#1 SMP PREEMPT RT Sun Nov 1 2026" => true)]
    #[test_case("#1 SMP PREEMPT_DYNAMIC Debian 7.3.4-1" => false)]
    #[test_case("#1 SMP Debian 5.10.262-1" => false)]
    fn a_build_is_preempt_rt(build: &str) -> bool {
        is_preempt_rt(build)
    }

    #[test]
    fn a_list_adds_and_removes_behaviours() {
        let list = "per-program-recursion,-yields-to-prog-active".parse();
        let expected = Patches::Declared {
            adds: vec![PerProgramRecursion],
            removes: vec![YieldsToProgActive],
        };
        assert_eq!(list, Ok(expected));
        assert_eq!("?".parse(), Ok(Patches::Undeclared));
        let (adds, removes) = (vec![], vec![]);
        assert_eq!("".parse(), Ok(Patches::Declared { adds, removes }));
        assert!("per-program".parse::<Patches>().is_err());
    }
}
