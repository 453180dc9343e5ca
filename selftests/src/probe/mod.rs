// SPDX-License-Identifier: GPL-2.0-only
//! Programs that are attached, and what the kernel counts about them.

mod fprobe;
mod kprobe;
mod perf_event;
mod tracing;
mod uprobe;

use std::io;
use std::os::fd::AsFd;
use std::ptr::NonNull;

use anyhow::{Context, Result};
use libbpf_rs::libbpf_sys::bpf_link;
use libbpf_rs::{Link, ProgramMut};
use nmissed_evidence::Tally;
use nmissed_uapi::{link_missed, recursion_misses};

use crate::Flavor;

pub use tracing::for_tracing_multi;

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
    links: Vec<Box<dyn AsFd>>,
}

impl<'p, 'obj> Probe<'p, 'obj> {
    /// Attaches as often as told, by a link each.
    ///
    /// # Errors
    /// As `attach`.
    pub fn repeated(count: usize, attach: impl Fn() -> Result<Self>) -> Result<Self> {
        let mut all = attach()?;
        for _ in 1..count {
            let one = attach()?;
            all.places += one.places;
            all.links.extend(one.links);
        }
        Ok(all)
    }

    /// For a place that is hit so many times per trigger.
    #[must_use]
    pub fn hit_per_trigger(self, hits: u64) -> Self {
        Self {
            places: self.places * hits,
            ..self
        }
    }

    /// A program that only test runs hit.
    #[must_use]
    pub fn unattached(attach_type: &'static str, program: &'p ProgramMut<'obj>) -> Self {
        Self {
            attach_type,
            flavor: None,
            planned: None,
            places: 1,
            program,
            links: Vec::new(),
        }
    }

    /// In one place, of the only flavor there is.
    fn new(
        attach_type: &'static str,
        program: &'p ProgramMut<'obj>,
        link: impl AsFd + 'static,
    ) -> Self {
        Self {
            links: vec![Box::new(link)],
            ..Self::unattached(attach_type, program)
        }
    }

    /// What became of the hits once every place was hit `times` times and
    /// the program ran `runs` times.
    pub(crate) fn tally(&self, times: u64, runs: u64) -> Result<Tally> {
        Ok(Tally {
            triggers: self.places * times,
            runs,
            link_missed: self.link_missed().context("asking about a link")?,
            prog_missed: recursion_misses(self.program).context("asking about the program")?,
        })
    }

    /// The sum of all links; `None` if there is none, or one has no counter.
    fn link_missed(&self) -> io::Result<Option<u64>> {
        if self.links.is_empty() {
            return Ok(None);
        }
        self.links.iter().map(link_missed).sum()
    }
}

/// A link that libbpf made, or why it did not.
fn owned(link: *mut bpf_link) -> Result<Link> {
    let link = NonNull::new(link).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: libbpf made the link and leaves it to its caller.
    Ok(unsafe { Link::from_ptr(link) })
}
