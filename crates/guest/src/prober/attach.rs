// SPDX-License-Identifier: GPL-2.0-only
//! Attaches, and lets go again.

use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;

use anyhow::{Context, Result, bail};
use nmissed_uapi::{
    KprobePmu, Places, Purpose, attach_kprobe_multi, attach_trampoline, load_nothing, open_kprobe,
};
use nmissed_wire::{AttachMethod, AttachOutcome, AttachType, ProbeBatch, ProbeSite, Target};

use crate::kprobes;

/// Where perf says how to ask for kprobes.
const PMU: &str = "/sys/bus/event_source/devices/kprobe";

/// What a way to attach takes.
pub(crate) enum Attacher {
    /// perf's kprobes.
    Perf { pmu: KprobePmu, on_return: bool },
    /// perf has none: the error.
    NoPerf(i32),
    /// The program of all links.
    Multi { program: OwnedFd, by_name: bool },
    /// A program per function.
    Trampoline(fn(u32) -> Purpose),
}

/// What holds a probe.
struct Held(#[expect(dead_code, reason = "held until dropped")] Vec<OwnedFd>);

impl Attacher {
    pub(crate) fn new(method: AttachMethod) -> Result<Self> {
        Ok(match method.attach_type {
            AttachType::Kprobe => Self::perf(false)?,
            AttachType::Kretprobe => Self::perf(true)?,
            AttachType::KprobeMulti => Self::multi(method.target == Target::Name)?,
            AttachType::Fentry => Self::Trampoline(Purpose::Fentry),
            AttachType::Fexit => Self::Trampoline(Purpose::Fexit),
            AttachType::FmodRet => Self::Trampoline(Purpose::FmodRet),
            other => bail!("the prober does not attach {other}"),
        })
    }

    fn perf(on_return: bool) -> Result<Self> {
        match fs::read_to_string(format!("{PMU}/type")) {
            Err(error) => Ok(Self::NoPerf(errno(&error))),
            Ok(number) => {
                let bit = fs::read_to_string(format!("{PMU}/format/retprobe"))
                    .with_context(|| format!("cannot read {PMU}/format/retprobe"))?;
                let pmu = parse_pmu(&number, &bit)
                    .with_context(|| format!("{PMU} says {number:?} and {bit:?}"))?;
                Ok(Self::Perf { pmu, on_return })
            }
        }
    }

    fn multi(by_name: bool) -> Result<Self> {
        let program = load_nothing(Purpose::KprobeMulti).context("cannot load a program")?;
        Ok(Self::Multi { program, by_name })
    }

    /// Attaches to all sites of a batch, looks, and detaches.
    pub(crate) fn try_out(&self, batch: &ProbeBatch) -> Result<Vec<AttachOutcome>> {
        if batch.together && self.attach(&batch.sites).is_ok() {
            return Ok(vec![AttachOutcome::Attached; batch.sites.len()]);
        }
        let attempts: Vec<_> = batch
            .sites
            .iter()
            .map(|site| self.attach(std::slice::from_ref(site)))
            .collect();
        let flavors = match self {
            Self::Perf { .. } => Some(kprobes::flavors()?),
            _ => None,
        };
        let seen = |(site, attempt): (&ProbeSite, &io::Result<Held>)| match (attempt, &flavors) {
            (Err(error), _) => AttachOutcome::Refused(errno(error)),
            (Ok(_), None) => AttachOutcome::Attached,
            (Ok(_), Some(flavors)) => flavors
                .get(&site.1)
                .copied()
                .unwrap_or(AttachOutcome::Unlisted),
        };
        Ok(batch.sites.iter().zip(&attempts).map(seen).collect())
    }

    fn attach(&self, sites: &[ProbeSite]) -> io::Result<Held> {
        let one = || sites.first().ok_or(io::ErrorKind::InvalidInput);
        match self {
            Self::NoPerf(errno) => Err(io::Error::from_raw_os_error(*errno)),
            Self::Perf { pmu, on_return } => {
                let ProbeSite(name, _, offset) = one()?;
                let event = open_kprobe(*pmu, &CString::new(name.as_str())?, *offset, *on_return);
                Ok(Held(vec![event?]))
            }
            Self::Multi { program, by_name } => Ok(Held(vec![multi(program, sites, *by_name)?])),
            Self::Trampoline(purpose) => {
                let id = u32::try_from(one()?.2).map_err(io::Error::other)?;
                let program = load_nothing(purpose(id))?;
                let link = attach_trampoline(&program)?;
                Ok(Held(vec![link, program]))
            }
        }
    }
}

fn multi(program: &OwnedFd, sites: &[ProbeSite], by_name: bool) -> io::Result<OwnedFd> {
    if !by_name {
        let addresses: Vec<u64> = sites.iter().map(|site| site.1).collect();
        return attach_kprobe_multi(program, Places::Addresses(&addresses));
    }
    let names = sites.iter().map(|site| CString::new(site.0.as_str()));
    let names = names.collect::<Result<Vec<_>, _>>()?;
    let names: Vec<&CStr> = names.iter().map(CString::as_c_str).collect();
    attach_kprobe_multi(program, Places::Symbols(&names))
}

fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or_default()
}

/// The contents of `type` and `format/retprobe`, which is like `config:0`.
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
    fn perf_says_how_to_ask() {
        let pmu = KprobePmu {
            number: 8,
            retprobe_bit: 0,
        };
        assert_eq!(parse_pmu("8\n", "config:0\n"), Some(pmu));
        assert_eq!(parse_pmu("8\n", "config1:0\n"), None);
    }
}
