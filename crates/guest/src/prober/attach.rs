// SPDX-License-Identifier: GPL-2.0-only
//! Attaches probes, and detaches them.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Context, Result, bail};
use nmissed_uapi::{
    Functions, KernelTypes, KprobePmu, attach_kprobe_multi, attach_trampoline, load_nothing,
    open_kprobe,
};
use nmissed_wire::{
    AttachMethod, AttachOutcome, AttachType, Flavor, ProbeBatch, ProbeSite, Target, kprobes_list,
};

/// Where perf describes its kprobes.
const PMU: &str = "/sys/bus/event_source/devices/kprobe";

/// What attaching by one [`AttachMethod`] needs.
pub(crate) enum Attacher {
    Perf {
        pmu: KprobePmu,
        on_return: bool,
    },
    /// The kernel's perf has no kprobes: the errno.
    NoPerf(i32),
    KprobeMulti {
        /// For all links.
        program: OwnedFd,
        target: Target,
    },
    Trampoline {
        attach_type: AttachType,
        types: KernelTypes,
    },
}

/// The descriptors that keep a probe attached.
struct Attached(#[expect(dead_code, reason = "held until dropped")] Vec<OwnedFd>);

impl Attacher {
    pub(crate) fn new(method: AttachMethod) -> Result<Self> {
        Ok(match method.attach_type {
            AttachType::Kprobe => Self::perf(false)?,
            AttachType::Kretprobe => Self::perf(true)?,
            AttachType::KprobeMulti => Self::KprobeMulti {
                program: load_nothing(AttachType::KprobeMulti, 0)
                    .context("cannot load a program")?,
                target: method.target,
            },
            AttachType::Fentry | AttachType::Fexit | AttachType::FmodRet => Self::Trampoline {
                attach_type: method.attach_type,
                types: KernelTypes::read().context("cannot read the kernel's BTF")?,
            },
            other => bail!("the prober does not attach {other}"),
        })
    }

    fn perf(on_return: bool) -> Result<Self> {
        let number = match fs::read_to_string(format!("{PMU}/type")) {
            Err(error) => return Ok(Self::NoPerf(errno(&error))),
            Ok(number) => number,
        };
        let bit = fs::read_to_string(format!("{PMU}/format/retprobe"))
            .with_context(|| format!("cannot read {PMU}/format/retprobe"))?;
        let pmu = parse_pmu(&number, &bit).with_context(|| {
            format!("cannot parse {PMU}/type {number:?} and format/retprobe {bit:?}")
        })?;
        Ok(Self::Perf { pmu, on_return })
    }

    /// Attaches to all sites of a batch, reads how each is armed, and detaches.
    pub(crate) fn attempt(&self, batch: &ProbeBatch) -> Result<Vec<AttachOutcome>> {
        if batch.together && self.attach(&batch.sites).is_ok() {
            return Ok(vec![AttachOutcome::Attached; batch.sites.len()]);
        }
        let one_by_one = batch.sites.chunks(1).map(|site| self.attach(site));
        let attempts: Vec<_> = one_by_one.collect();
        let flavors = match self {
            Self::Perf { .. } => Some(armed_flavors()?),
            _ => None,
        };
        let outcome = |(site, attempt): (&ProbeSite, &io::Result<_>)| match (attempt, &flavors) {
            (Err(error), _) => AttachOutcome::Refused(errno(error)),
            (Ok(_), None) => AttachOutcome::Attached,
            (Ok(_), Some(flavors)) => listed(flavors.get(&site.1).copied()),
        };
        Ok(batch.sites.iter().zip(&attempts).map(outcome).collect())
    }

    /// Attaches to one site or, by kprobe.multi, to any number.
    fn attach(&self, sites: &[ProbeSite]) -> io::Result<Attached> {
        let ProbeSite(name, _, offset) = sites.first().ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Attached(match self {
            Self::NoPerf(errno) => return Err(io::Error::from_raw_os_error(*errno)),
            Self::Perf { pmu, on_return } => {
                let name = CString::new(name.as_str())?;
                vec![open_kprobe(*pmu, &name, *offset, *on_return)?]
            }
            Self::KprobeMulti { program, target } => vec![multi(program, sites, *target)?],
            Self::Trampoline { attach_type, types } => {
                let function = types.function(name)?;
                let program = load_nothing(*attach_type, function)?;
                vec![attach_trampoline(&program)?, program]
            }
        }))
    }
}

fn multi(program: impl AsFd, sites: &[ProbeSite], target: Target) -> io::Result<OwnedFd> {
    match target {
        Target::Address => {
            let addresses: Vec<u64> = sites.iter().map(|site| site.1).collect();
            attach_kprobe_multi(program, Functions::Addresses(&addresses))
        }
        Target::Name => {
            let names = sites.iter().map(|site| CString::new(site.0.as_str()));
            let names = names.collect::<Result<Vec<_>, _>>()?;
            let names: Vec<&CStr> = names.iter().map(CString::as_c_str).collect();
            attach_kprobe_multi(program, Functions::Names(&names))
        }
    }
}

/// Reads the flavors of all kprobes by address, once the optimizer has finished.
fn armed_flavors() -> Result<HashMap<u64, Flavor>> {
    let list = kprobes_list::read_settled()?;
    let kprobes = kprobes_list::parse(&list);
    Ok(kprobes.map(|it| (it.address, it.flavor)).collect())
}

fn listed(flavor: Option<Flavor>) -> AttachOutcome {
    match flavor {
        Some(Flavor::Ftrace) => AttachOutcome::Ftrace,
        Some(Flavor::Optimized) => AttachOutcome::Optimized,
        Some(Flavor::Int3) => AttachOutcome::Int3,
        None => AttachOutcome::Unlisted,
    }
}

fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or_default()
}

/// Parses the contents of `type` and of `format/retprobe` (`config:0`).
fn parse_pmu(number: &str, retprobe: &str) -> Option<KprobePmu> {
    Some(KprobePmu {
        number: number.trim().parse().ok()?,
        retprobe_bit: retprobe.trim().strip_prefix("config:")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pmu_is_read_from_sysfs() {
        let pmu = KprobePmu {
            number: 8,
            retprobe_bit: 0,
        };
        assert_eq!(parse_pmu("8\n", "config:0\n"), Some(pmu));
        assert_eq!(parse_pmu("8\n", "config1:0\n"), None);
    }
}
