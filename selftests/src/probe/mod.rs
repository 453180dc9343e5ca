// SPDX-License-Identifier: GPL-2.0-only
//! Programs that are attached, and what the kernel counts about them.

mod fprobe;
mod kprobe;
mod perf_event;
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
    /// What the kernel had counted when the hits in question began.
    before: Counted,
}

/// The misses that the kernel knows of; `None` where it has no such counter.
#[derive(Clone, Copy, Default)]
struct Counted {
    link: Option<u64>,
    prog: Option<u64>,
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

    /// How the program is attached, as libbpf's `SEC()` spells it.
    #[must_use]
    pub fn attach_type(&self) -> &'static str {
        self.attach_type
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
            before: Counted::default(),
        }
    }

    /// Leaves out of all counts what was missed so far.
    ///
    /// # Errors
    /// If the kernel does not give its counters.
    pub fn start_over(&mut self) -> Result<()> {
        self.before = self.counted()?;
        Ok(())
    }

    /// What became of the hits once every place was hit `times` times and
    /// the program ran `runs` times.
    pub(crate) fn tally(&self, times: u64, runs: u64) -> Result<Tally> {
        let (now, before) = (self.counted()?, self.before);
        let since = |now: Option<u64>, before: Option<u64>| now.map(|it| it - before.unwrap_or(0));
        Ok(Tally {
            triggers: self.places * times,
            runs,
            link_missed: since(now.link, before.link),
            prog_missed: since(now.prog, before.prog),
        })
    }

    fn counted(&self) -> Result<Counted> {
        Ok(Counted {
            link: self.link_missed().context("asking about a link")?,
            prog: recursion_misses(self.program).context("asking about the program")?,
        })
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
