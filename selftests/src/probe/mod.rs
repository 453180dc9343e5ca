// SPDX-License-Identifier: GPL-2.0-only
//! Programs that are attached, and what the kernel counts about them.

mod fprobe;
mod kprobe;
mod perf_event;
mod sources;
mod tracing;
mod uprobe;

use std::io;
use std::ptr::NonNull;

use anyhow::{Context, Result};
use libbpf_rs::libbpf_sys::bpf_link;
use libbpf_rs::{Link, ProgramMut};
use nmissed_evidence::Tally;
use nmissed_uapi::{link_missed, recursion_misses};

use crate::Flavor;

/// A program attached in one place, or in several.
pub struct Probe<'p, 'obj> {
    /// As libbpf's `SEC()` spells it.
    pub(crate) attach_type: &'static str,
    /// For a kprobe: how it is armed.
    pub(crate) flavor: Option<Flavor>,
    /// How the image says that it is.
    pub(crate) planned: Option<Flavor>,
    /// How many functions or tracepoints it sits on; one that is hit through
    /// several links, or several times per trigger, counts as often.
    places: u64,
    program: &'p ProgramMut<'obj>,
    links: Vec<Link>,
    /// What was counted before the hits that are in question.
    before: Counters,
}

/// What the program and the kernel count of a probe.
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

    /// In one place, of the only flavor there is.
    fn new(attach_type: &'static str, program: &'p ProgramMut<'obj>, link: Link) -> Self {
        Self {
            attach_type,
            flavor: None,
            planned: None,
            places: 1,
            program,
            links: vec![link],
            before: Counters::default(),
        }
    }

    /// From here on only what comes counts.
    pub(crate) fn start_over(&mut self, runs: u64) -> Result<()> {
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

    /// Where the kernel's sources of a counter differ, or the program's own count
    /// of its runs and the kernel's. `fdinfo` is whether this kernel shows there what
    /// links have missed.
    pub(crate) fn disagreements(&self, runs: u64, fdinfo: bool) -> Result<Vec<String>> {
        let mut found = sources::of_program(self.program)?;
        found.extend(sources::of_runs(self.program, runs)?);
        for link in &self.links {
            found.extend(sources::of_link(link, fdinfo)?);
        }
        Ok(found)
    }

    /// The sum of all links; `None` if one has no counter.
    fn link_missed(&self) -> io::Result<Option<u64>> {
        self.links.iter().map(link_missed).sum()
    }
}

/// A link that libbpf made, or why it did not.
fn owned(link: *mut bpf_link) -> Result<Link> {
    let link = NonNull::new(link).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: libbpf made the link and leaves it to its caller.
    Ok(unsafe { Link::from_ptr(link) })
}
