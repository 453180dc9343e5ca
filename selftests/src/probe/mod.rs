// SPDX-License-Identifier: GPL-2.0-only
//! Attached programs, and the counters that the kernel has of their hits.

mod flavor;
mod fprobe;
mod kprobe;
mod perf_event;
pub(crate) mod sites;
mod sources;
mod target;
mod trace_event;
mod tracefs;
mod tracing;
mod uprobe;

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::ptr::NonNull;

use anyhow::{Context, Result};
use libbpf_rs::libbpf_sys::bpf_link;
use libbpf_rs::{Link, ProgramMut};
use nmissed_uapi::{link_missed, probe_missed, recursion_misses};
use nmissed_wire::{AttachType, Flavor, Tally};

use tracefs::Profile;

pub use target::Target;
pub use trace_event::takes_two_programs;
pub use tracefs::{KprobeEvent, TraceEvent};
pub use tracing::for_tracing_multi;

/// How a program is set on a perf event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetBy {
    /// By a link (`BPF_LINK_CREATE`, since 5.15: before, libbpf sets it by ioctl).
    Link,
    /// By `PERF_EVENT_IOC_SET_BPF`, for as long as the perf event exists. There is no link
    /// then, and only a patched kernel shows by `BPF_TASK_FD_QUERY` what the perf event's
    /// probe has missed.
    Ioctl,
}

/// A source of counters beside the info of links and programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    ProgramFdinfo,
    LinkFdinfo,
    /// `kprobe_profile` and `uprobe_profile`.
    Tracefs,
}

/// What the sources of a kernel show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    /// Whether fdinfo has the misses of links.
    pub(crate) link_misses: bool,
    /// Whether a program counts each hit that reached its event and did not run it.
    pub(crate) all_skips: bool,
}

impl Source {
    pub(crate) const ALL: [Self; 3] = [Self::ProgramFdinfo, Self::LinkFdinfo, Self::Tracefs];

    /// As verdicts name it.
    pub(crate) fn name(self, attach_type: AttachType) -> String {
        match self {
            Self::ProgramFdinfo => "fdinfo of programs".to_owned(),
            Self::LinkFdinfo => format!("fdinfo of {} links", link_type(attach_type)),
            Self::Tracefs => "profile of tracefs".to_owned(),
        }
    }
}

/// Returns the attach type whose links are shown by the same function of the kernel, as
/// `bpf_kprobe_multi_show_fdinfo`.
fn link_type(attach_type: AttachType) -> AttachType {
    match attach_type {
        AttachType::KretprobeMulti | AttachType::KprobeSession => AttachType::KprobeMulti,
        AttachType::UretprobeMulti | AttachType::UprobeSession => AttachType::UprobeMulti,
        other => other,
    }
}

/// A program attached in one place, or in several.
pub struct Probe<'p, 'obj> {
    pub(crate) attach_type: AttachType,
    /// How a kprobe is armed, by `kprobes/list`.
    pub(crate) flavor: Option<Flavor>,
    /// How it should be armed, by the kernel's image.
    pub(crate) planned: Option<Flavor>,
    /// Hits per trigger: functions or tracepoints, times links on each, times hits of each.
    hits_per_trigger: u64,
    pub(crate) program: &'p ProgramMut<'obj>,
    links: Vec<Box<dyn AsFd>>,
    /// By ioctl, `links` are libbpf's only, and the kernel knows perf events.
    set_by: SetBy,
    /// The event of tracefs, which other programs may share.
    event: Option<&'p TraceEvent>,
    /// Hits of the event before this program was attached: tracefs keeps counting.
    event_hits_before: u64,
    /// The counters before the scenario in question.
    before: Counters,
}

/// The counters of a probe; `None` where the kernel has no such counter.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    runs: u64,
    link_missed: Option<u64>,
    prog_missed: Option<u64>,
}

impl<'p, 'obj> Probe<'p, 'obj> {
    /// Attaches `count` times, by a link each.
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

    /// Counts another probe of the same program as part of this one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.hits_per_trigger += other.hits_per_trigger;
        self.links.extend(other.links);
        self
    }

    /// Says that each place is hit `hits` times per trigger.
    #[must_use]
    pub fn hit_per_trigger(self, hits: u64) -> Self {
        Self {
            hits_per_trigger: self.hits_per_trigger * hits,
            ..self
        }
    }

    /// Returns the probe of a program that is run by `BPF_PROG_TEST_RUN` only.
    #[must_use]
    pub fn unattached(attach_type: AttachType, program: &'p ProgramMut<'obj>) -> Self {
        Self {
            attach_type,
            flavor: None,
            planned: None,
            hits_per_trigger: 1,
            program,
            links: Vec::new(),
            set_by: SetBy::Link,
            event: None,
            event_hits_before: 0,
            before: Counters::default(),
        }
    }

    fn new(
        attach_type: AttachType,
        program: &'p ProgramMut<'obj>,
        link: impl AsFd + 'static,
    ) -> Self {
        Self {
            set_by: set_by(&link),
            links: vec![Box::new(link)],
            ..Self::unattached(attach_type, program)
        }
    }

    /// Counts from here on; the program has run `runs` times so far.
    pub(crate) fn start_over(&mut self, runs: u64) -> Result<()> {
        self.before = self.counters(runs)?;
        Ok(())
    }

    /// Returns what became of the hits after `times` triggers and `runs` runs.
    pub(crate) fn tally(&self, times: u64, runs: u64) -> Result<Tally> {
        let (before, now) = (self.before, self.counters(runs)?);
        let since = |now: Option<u64>, before: Option<u64>| Some(now? - before.unwrap_or(0));
        Ok(Tally {
            triggers: self.hits_per_trigger * times,
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

    /// Returns the misses of the layer below the program: the sum of all links or perf
    /// events, or that of tracefs where the kernel shows nothing of these (links: before
    /// 6.7); `None` if no interface shows them.
    fn link_missed(&self) -> Result<Option<u64>> {
        if self.links.is_empty() {
            return Ok(None);
        }
        let misses = self.links.iter().map(|link| self.missed_of(link));
        let misses = misses.sum::<io::Result<_>>()?;
        match (misses, self.event) {
            (None, Some(event)) => Ok(event.profile()?.iter().map(|probe| probe.misses).sum()),
            _ => Ok(misses),
        }
    }

    fn missed_of(&self, link: &dyn AsFd) -> io::Result<Option<u64>> {
        match self.set_by {
            SetBy::Link => link_missed(link),
            SetBy::Ioctl => probe_missed(link),
        }
    }

    /// Returns where a source contradicts the info of the link and the program, or the
    /// program's own count of its runs.
    pub(crate) fn disagreements(
        &self,
        source: Source,
        tally: Tally,
        shown: Shown,
    ) -> Result<Vec<String>> {
        match source {
            Source::ProgramFdinfo => {
                let mut found = sources::of_program(self.program)?;
                found.extend(sources::of_runs(self.program, tally.runs)?);
                Ok(found)
            }
            Source::LinkFdinfo => {
                let links = self.links.iter();
                let all = links.map(|link| sources::of_link(link, shown.link_misses));
                all.filter_map(Result::transpose).collect()
            }
            Source::Tracefs => Ok(self.of_event(tally, shown)?.into_iter().collect()),
        }
    }

    /// Returns whether the probe has anything that a source is about.
    pub(crate) fn has(&self, source: Source) -> bool {
        match source {
            Source::ProgramFdinfo => true,
            Source::LinkFdinfo => !self.links.is_empty(),
            Source::Tracefs => self.event.is_some(),
        }
    }

    /// Returns what tracefs counts about the program's event, if it contradicts the other
    /// counters.
    fn of_event(&self, tally: Tally, shown: Shown) -> Result<Option<String>> {
        let Some(event) = self.event else {
            return Ok(None);
        };
        let profile = event.profile()?;
        let silent = if shown.all_skips { 0 } else { tally.lost() };
        let agrees = hits_agree(&profile, self.event_hits_before, tally, silent)
            && misses_agree(&profile, tally);
        Ok((!agrees).then(|| format!("tracefs has {profile:?} of {event}, otherwise {tally:?}")))
    }
}

/// Returns whether all hits that reached the event, except those `before`, are runs or
/// misses of the program, or among the `silent` ones. Each hit of a uprobe reaches its
/// event.
fn hits_agree(profile: &[Profile], before: u64, tally: Tally, silent: i64) -> bool {
    let hits = hits_of(profile) - before;
    match (profile[0].misses, tally.prog_missed) {
        (None, _) => hits == tally.triggers,
        (Some(_), Some(missed)) => {
            let counted = tally.runs + missed;
            (counted..=counted.saturating_add_signed(silent)).contains(&hits)
        }
        (Some(_), None) => true,
    }
}

/// Returns the hits of all probes of an event.
fn hits_of(profile: &[Profile]) -> u64 {
    profile.iter().map(|probe| probe.hits).sum()
}

/// Returns whether a link, or the perf event in its place, and tracefs have the same
/// misses: of all probes of the event, or of the first, which is the only one that
/// `bpf_get_kprobe_info` reads (until 7.3 at least).
fn misses_agree(profile: &[Profile], tally: Tally) -> bool {
    let all: Option<u64> = profile.iter().map(|probe| probe.misses).sum();
    [profile[0].misses, all].iter().any(|misses| {
        misses
            .zip(tally.link_missed)
            .is_none_or(|(tracefs, link)| tracefs == link)
    })
}

/// Returns how libbpf set a program: what it calls a link is a perf event if it had to
/// do so by ioctl.
fn set_by(link: &impl AsFd) -> SetBy {
    let file = format!("/proc/self/fd/{}", link.as_fd().as_raw_fd());
    match fs::read_link(file) {
        Ok(target) if target == Path::new("anon_inode:[perf_event]") => SetBy::Ioctl,
        _ => SetBy::Link,
    }
}

/// Takes a link that libbpf made; its error where it is null.
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
        hits_agree(profile, 0, tally, 0)
    }

    #[test_case(&[profile(15, None)] => true; "each hit of a uprobe since then")]
    #[test_case(&[profile(10, None)] => false; "too few hits of a uprobe since then")]
    fn earlier_hits_do_not_count(profile: &[Profile]) -> bool {
        hits_agree(profile, 5, TALLY, 0)
    }

    #[test_case(6 => false; "fewer than are counted")]
    #[test_case(7 => true; "none of the silent ones")]
    #[test_case(8 => true; "all of them")]
    #[test_case(9 => false; "more than there are")]
    fn hits_that_nothing_counts_may_reach_the_event(hits: u64) -> bool {
        hits_agree(&[profile(hits, Some(2))], 0, TALLY, 1)
    }

    #[test_case(&[profile(0, Some(2))], TALLY => true; "the same")]
    #[test_case(&[profile(0, Some(2)), profile(0, Some(9))], TALLY => true; "of the first")]
    #[test_case(&[profile(0, Some(3))], TALLY => false; "more")]
    #[test_case(&[profile(0, None)], TALLY => true; "of a uprobe")]
    #[test_case(&[profile(0, Some(3))], UNKNOWN => true; "the link does not count")]
    fn misses_equal_those_of_the_link(profile: &[Profile], tally: Tally) -> bool {
        misses_agree(profile, tally)
    }
}
