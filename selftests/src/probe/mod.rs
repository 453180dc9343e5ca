// SPDX-License-Identifier: GPL-2.0-only
//! Programs that are attached, and what the kernel counts about them.

mod flavor;
mod fprobe;
mod kprobe;
mod kprobe_event;
mod perf_event;
pub(crate) mod sites;
mod sources;
mod trace_event;
mod tracefs;
mod tracing;
mod uprobe;

use nmissed_wire::AttachType;
use std::io;
use std::os::fd::AsFd;
use std::ptr::NonNull;

use anyhow::{Context, Result};
use libbpf_rs::libbpf_sys::bpf_link;
use libbpf_rs::{Link, ProgramMut};
use nmissed_uapi::{link_missed, probe_missed, recursion_misses};
use nmissed_wire::Tally;

use crate::Flavor;
use tracefs::Profile;

pub use kprobe_event::KprobeEvent;
pub use trace_event::takes_two_programs;
pub use tracefs::TraceEvent;

/// How a program is set on a perf event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetBy {
    /// By a link (`BPF_LINK_CREATE`, since 5.15).
    Link,
    /// As long as the perf event is there (`PERF_EVENT_IOC_SET_BPF`). No link
    /// can be asked then, and only a kernel with the patch for it tells by
    /// `BPF_TASK_FD_QUERY` what the perf event's probe has missed.
    Ioctl,
}

pub use tracing::for_tracing_multi;

/// A program attached in one place, or in several.
pub struct Probe<'p, 'obj> {
    /// As libbpf's `SEC()` spells it.
    pub(crate) attach_type: AttachType,
    /// For a kprobe: how it is armed.
    pub(crate) flavor: Option<Flavor>,
    /// How the image says that it is.
    pub(crate) planned: Option<Flavor>,
    /// How many functions or tracepoints it sits on; one that is hit through
    /// several links, or several times per trigger, counts as often.
    places: u64,
    program: &'p ProgramMut<'obj>,
    links: Vec<Box<dyn AsFd>>,
    /// Whether the kernel knows the links, too; libbpf has one in any case.
    set_by: SetBy,
    /// The event of tracefs that it shares with others, if any.
    event: Option<&'p TraceEvent>,
    /// Hits of the event that came earlier: tracefs never forgets them.
    event_hits_before: u64,
    /// What was counted before the hits that are in question.
    before: Counters,
}

/// What the program and the kernel count of a probe; `None` where the kernel has
/// no such counter.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    runs: u64,
    link_missed: Option<u64>,
    prog_missed: Option<u64>,
}

impl<'p, 'obj> Probe<'p, 'obj> {
    /// Attaches as often as told, by a link each.
    ///
    /// # Errors
    /// As `attach`.
    pub fn repeated(count: usize, attach: impl Fn() -> Result<Self>) -> Result<Self> {
        let mut all = attach()?;
        for _ in 1..count {
            all = all.and(attach()?);
        }
        Ok(all)
    }

    /// The same program in other places, too.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.places += other.places;
        self.links.extend(other.links);
        self
    }

    /// For a place that is hit so many times per trigger.
    #[must_use]
    pub fn hit_per_trigger(self, hits: u64) -> Self {
        Self {
            places: self.places * hits,
            ..self
        }
    }

    /// How the program is attached, as libbpf's `SEC()` spells it.
    #[must_use]
    pub fn attach_type(&self) -> AttachType {
        self.attach_type
    }

    /// A program that only test runs hit.
    #[must_use]
    pub fn unattached(attach_type: AttachType, program: &'p ProgramMut<'obj>) -> Self {
        Self {
            attach_type,
            flavor: None,
            planned: None,
            places: 1,
            program,
            links: Vec::new(),
            set_by: SetBy::Link,
            event: None,
            event_hits_before: 0,
            before: Counters::default(),
        }
    }

    /// In one place, of the only flavor there is.
    fn new(
        attach_type: AttachType,
        program: &'p ProgramMut<'obj>,
        link: impl AsFd + 'static,
    ) -> Self {
        Self {
            links: vec![Box::new(link)],
            ..Self::unattached(attach_type, program)
        }
    }

    /// From here on only what comes counts; the program has run `runs` times.
    ///
    /// # Errors
    /// If the kernel does not give its counters.
    pub fn start_over(&mut self, runs: u64) -> Result<()> {
        self.before = self.counters(runs)?;
        Ok(())
    }

    /// What became of the hits once every place was hit `times` times and
    /// the program ran `runs` times.
    pub(crate) fn tally(&self, times: u64, runs: u64) -> Result<Tally> {
        let (before, now) = (self.before, self.counters(runs)?);
        let since = |now: Option<u64>, before: Option<u64>| Some(now? - before.unwrap_or(0));
        Ok(Tally {
            triggers: self.places * times,
            runs: now.runs - before.runs,
            link_missed: since(now.link_missed, before.link_missed),
            prog_missed: since(now.prog_missed, before.prog_missed),
        })
    }

    fn counters(&self, runs: u64) -> Result<Counters> {
        Ok(Counters {
            runs,
            link_missed: self.link_missed().context("asking about a link")?,
            prog_missed: recursion_misses(self.program).context("asking about the program")?,
        })
    }

    /// What the layer below dropped: the sum of all links or perf events, or what
    /// tracefs says where there is no link and the kernel does not tell of perf
    /// events; `None` if nobody can read it.
    fn link_missed(&self) -> Result<Option<u64>> {
        if self.links.is_empty() {
            return Ok(None);
        }
        let asked = self.links.iter().map(|link| self.missed_of(link));
        let told = asked.sum::<io::Result<_>>()?;
        match (told, self.set_by, self.event) {
            (None, SetBy::Ioctl, Some(event)) => {
                Ok(event.profile()?.iter().map(|probe| probe.misses).sum())
            }
            _ => Ok(told),
        }
    }

    /// What the kernel says about one link, or about the perf event in its place.
    fn missed_of(&self, link: &dyn AsFd) -> io::Result<Option<u64>> {
        match self.set_by {
            SetBy::Link => link_missed(link),
            SetBy::Ioctl => probe_missed(link),
        }
    }

    /// Where the kernel's sources of a counter differ, or the program's own count
    /// of its runs and the kernel's. `fdinfo` is whether this kernel shows there what
    /// links have missed.
    pub(crate) fn disagreements(
        &self,
        tally: Tally,
        runs: u64,
        fdinfo: bool,
    ) -> Result<Vec<String>> {
        let mut found = sources::of_program(self.program)?;
        found.extend(sources::of_runs(self.program, runs)?);
        for link in &self.links {
            found.extend(sources::of_link(link, fdinfo)?);
        }
        found.extend(self.of_event(tally)?);
        Ok(found)
    }

    /// What tracefs counts about the event that the program is attached to, if
    /// it is anything but what the other counters say.
    fn of_event(&self, tally: Tally) -> Result<Option<String>> {
        let Some(event) = self.event else {
            return Ok(None);
        };
        let profile = event.profile()?;
        let agrees =
            hits_agree(&profile, self.event_hits_before, tally) && misses_agree(&profile, tally);
        Ok((!agrees).then(|| format!("tracefs has {profile:?} of {event}, otherwise {tally:?}")))
    }
}

/// Whether all hits that reached the event, but for those `before`, reached the
/// program, or its counter. A uprobe event is reached by each hit.
fn hits_agree(profile: &[Profile], before: u64, tally: Tally) -> bool {
    let hits = hits_of(profile) - before;
    match (profile[0].misses, tally.prog_missed) {
        (None, _) => hits == tally.triggers,
        (Some(_), Some(missed)) => hits == tally.runs + missed,
        (Some(_), None) => true,
    }
}

/// Hits that reached the event at any of its probes.
fn hits_of(profile: &[Profile]) -> u64 {
    profile.iter().map(|probe| probe.hits).sum()
}

/// Whether a link, or the perf event in its place, and tracefs have the same misses, of
/// all probes of the event or of its first, which is the only one that
/// `bpf_get_kprobe_info` asks (until 7.3 at least).
fn misses_agree(profile: &[Profile], tally: Tally) -> bool {
    let all: Option<u64> = profile.iter().map(|probe| probe.misses).sum();
    [profile[0].misses, all].iter().any(|told| {
        told.zip(tally.link_missed)
            .is_none_or(|(told, link)| told == link)
    })
}

/// A link that libbpf made, or why it did not.
fn owned(link: *mut bpf_link) -> Result<Link> {
    let link = NonNull::new(link).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: libbpf made the link and leaves it to its caller.
    Ok(unsafe { Link::from_ptr(link) })
}

#[cfg(test)]
mod tests {
    use nmissed_wire::Tally;
    use test_case::test_case;

    use super::Profile;
    use super::{hits_agree, misses_agree};

    const TALLY: Tally = Tally {
        triggers: 10,
        runs: 3,
        link_missed: Some(2),
        prog_missed: Some(4),
    };
    const UNKNOWN: Tally = Tally {
        link_missed: None,
        prog_missed: None,
        ..TALLY
    };

    fn profile(hits: u64, misses: Option<u64>) -> Profile {
        Profile { hits, misses }
    }

    #[test_case(&[profile(7, Some(2))], TALLY => true; "runs and misses of the program")]
    #[test_case(&[profile(3, Some(2)), profile(4, Some(2))], TALLY => true; "at two places")]
    #[test_case(&[profile(9, Some(2))], TALLY => false; "misses of the layer below")]
    #[test_case(&[profile(9, Some(2))], UNKNOWN => true; "the program does not count")]
    #[test_case(&[profile(10, None)], TALLY => true; "each hit of a uprobe")]
    #[test_case(&[profile(7, None)], TALLY => false; "too few hits of a uprobe")]
    fn hits_are_runs_and_misses(profile: &[Profile], tally: Tally) -> bool {
        hits_agree(profile, 0, tally)
    }

    #[test_case(&[profile(15, None)] => true; "each hit of a uprobe since then")]
    #[test_case(&[profile(10, None)] => false; "too few hits of a uprobe since then")]
    fn earlier_hits_are_not_asked_about(profile: &[Profile]) -> bool {
        hits_agree(profile, 5, TALLY)
    }

    #[test_case(&[profile(0, Some(2))], TALLY => true; "the same")]
    #[test_case(&[profile(0, Some(2)), profile(0, Some(9))], TALLY => true; "of the first")]
    #[test_case(&[profile(0, Some(3))], TALLY => false; "more")]
    #[test_case(&[profile(0, None)], TALLY => true; "of a uprobe")]
    #[test_case(&[profile(0, Some(3))], UNKNOWN => true; "the link does not count")]
    fn misses_are_those_of_the_link(profile: &[Profile], tally: Tally) -> bool {
        misses_agree(profile, tally)
    }
}
