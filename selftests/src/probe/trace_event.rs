// SPDX-License-Identifier: GPL-2.0-only
//! Programs on events of tracefs, attached by perf events.

use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};

use anyhow::{Context, Result};
use libbpf_rs::{ErrorKind, Link, PerfEventOpts, ProgramMut};
use nmissed_uapi::open_trace_event;

use super::flavor::flavor_at;
use super::{Probe, SetBy, TraceEvent, hits_of};
use crate::Flavor;

impl<'p, 'obj> Probe<'p, 'obj> {
    /// Attaches to an event of tracefs, by a perf event of its own. Several may
    /// share the event.
    ///
    /// # Errors
    /// If the kernel refuses, its list of kprobes does not show this one, or tracefs has no
    /// counters of the event.
    pub fn trace_event(
        program: &'p ProgramMut<'obj>,
        event: &'p TraceEvent,
        by: SetBy,
    ) -> Result<Self> {
        let event_hits_before = hits_of(&event.profile()?);
        let link = set(program, open(event)?, by)
            .with_context(|| format!("attaching to the event {event}"))?;
        let flavor = event.function.map(|name| flavor_at(name, 0)).transpose()?;
        Ok(Self {
            flavor,
            planned: flavor.and(Some(Flavor::Ftrace)),
            event: Some(event),
            event_hits_before,
            ..Self::new(event.attach_type, program, link)
        })
    }
}

/// Returns whether a perf event that has a program takes a second one.
///
/// # Errors
/// If it does not take the first one, or refuses the second with another error than
/// `EEXIST`.
pub fn takes_two_programs(event: &TraceEvent, programs: [&ProgramMut<'_>; 2]) -> Result<bool> {
    let perf = open(event)?;
    let [first, second] = programs;
    let _first = set(first, perf.try_clone()?, SetBy::Ioctl)?;
    match set(second, perf, SetBy::Ioctl) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error).context("setting a second program on a perf event"),
    }
}

fn open(event: &TraceEvent) -> Result<OwnedFd> {
    open_trace_event(event.id()?).with_context(|| format!("making a perf event for {event}"))
}

/// Sets a program on a perf event, which the link then owns.
fn set(program: &ProgramMut<'_>, perf: OwnedFd, by: SetBy) -> Result<Link, libbpf_rs::Error> {
    let opts = PerfEventOpts {
        force_ioctl_attach: by == SetBy::Ioctl,
        ..Default::default()
    };
    let link = program.attach_perf_event_with_opts(perf.as_raw_fd(), opts)?;
    let _ = perf.into_raw_fd();
    Ok(link)
}
