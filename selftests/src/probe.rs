// SPDX-License-Identifier: GPL-2.0-only
//! Programs that are attached, and what the kernel counts about them.

use std::env;
use std::ffi::CString;
use std::io;
use std::os::fd::IntoRawFd;
use std::ptr::{self, NonNull};

use anyhow::{Context, Result};
use libbpf_rs::libbpf_sys::{
    bpf_kprobe_multi_opts, bpf_kprobe_opts, bpf_link, bpf_program__attach_kprobe_multi_opts,
    bpf_program__attach_kprobe_opts, size_t,
};
use libbpf_rs::{AsRawLibbpf, Link, ProgramMut, TracepointCategory, UprobeMultiOpts, UprobeOpts};
use nmissed_evidence::Tally;
use nmissed_uapi::{link_missed, recursion_misses, write_breakpoint};

use crate::{Flavor, sites};

/// Every process, as libbpf's functions for uprobes spell it.
const ANY_PROCESS: i32 = -1;

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
}

impl<'p, 'obj> Probe<'p, 'obj> {
    /// Attaches to the entry of `function`, by a perf event and a link.
    ///
    /// # Errors
    /// If the kernel refuses, or its list of kprobes does not show this one.
    pub fn kprobe(program: &'p ProgramMut<'obj>, function: &str) -> Result<Self> {
        Self::kprobe_of(Flavor::Ftrace, program, function)
    }

    /// Attaches to a place in `function` where the kernel's image promises that a
    /// kprobe is of a flavor, by a perf event and a link. Each call of the
    /// function passes it once.
    ///
    /// # Errors
    /// If there is no such place, the kernel refuses, or its list of kprobes does
    /// not show this one.
    pub fn kprobe_of(
        flavor: Flavor,
        program: &'p ProgramMut<'obj>,
        function: &str,
    ) -> Result<Self> {
        let name = flavor.name();
        let offset = sites::offset(function, flavor)?
            .with_context(|| format!("the image has no place for {name} in {function}"))?;
        let link = attach_kprobe(program, function, offset)
            .with_context(|| format!("attaching a kprobe to {function}+{offset:#x}"))?;
        Ok(Self {
            flavor: Some(Flavor::at(function, offset)?),
            planned: Some(flavor),
            ..Self::new("kprobe", program, link)
        })
    }

    /// Attaches to the entries of `functions`, by one link.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn kprobe_multi(program: &'p ProgramMut<'obj>, functions: &[&str]) -> Result<Self> {
        let link = program
            .attach_kprobe_multi(false, functions.to_vec())
            .with_context(|| format!("attaching a kprobe.multi to {functions:?}"))?;
        Ok(Self {
            places: functions.len() as u64,
            ..Self::new("kprobe.multi", program, link)
        })
    }

    /// Attaches to the return of `function`.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn kretprobe_multi(program: &'p ProgramMut<'obj>, function: &str) -> Result<Self> {
        let link = program
            .attach_kprobe_multi(true, vec![function])
            .with_context(|| format!("attaching a kretprobe.multi to {function}"))?;
        Ok(Self::new("kretprobe.multi", program, link))
    }

    /// Attaches to entry and return of `function`.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn kprobe_session(program: &'p ProgramMut<'obj>, function: &str) -> Result<Self> {
        let link = attach_session(program, function)
            .with_context(|| format!("attaching a kprobe.session to {function}"))?;
        Ok(Self::new("kprobe.session", program, link))
    }

    /// Attaches to the tracepoint `group`:`name`, by a perf event and a link.
    ///
    /// # Errors
    /// If the kernel refuses, or tracefs is not mounted.
    pub fn tracepoint(program: &'p ProgramMut<'obj>, group: &str, name: &str) -> Result<Self> {
        let link = program
            .attach_tracepoint(TracepointCategory::Custom(group.to_owned()), name)
            .with_context(|| format!("attaching to the tracepoint {group}:{name}"))?;
        Ok(Self::new("tp", program, link))
    }

    /// Attaches to the entry of the function that the program names itself,
    /// through a trampoline.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn fentry(program: &'p ProgramMut<'obj>) -> Result<Self> {
        let link = program
            .attach_trace()
            .with_context(|| format!("attaching the fentry {}", program.name().display()))?;
        Ok(Self::new("fentry", program, link))
    }

    /// Attaches to a perf event that overflows with every write of this thread
    /// to the eight bytes at `address`.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn write_breakpoint(program: &'p ProgramMut<'obj>, address: u64) -> Result<Self> {
        let event = write_breakpoint(address)
            .with_context(|| format!("making a breakpoint at {address:#x}"))?;
        // The link closes it.
        let link = program
            .attach_perf_event(event.into_raw_fd())
            .with_context(|| format!("attaching to the breakpoint at {address:#x}"))?;
        Ok(Self::new("perf_event", program, link))
    }

    /// Attaches to the return of the function at `offset` of this very
    /// program's file, by a perf event and a link.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn uretprobe(program: &'p ProgramMut<'obj>, offset: usize) -> Result<Self> {
        let opts = UprobeOpts {
            retprobe: true,
            ..Default::default()
        };
        let link = program
            .attach_uprobe_with_opts(ANY_PROCESS, env::current_exe()?, offset, opts)
            .with_context(|| format!("attaching a uretprobe to this program at {offset:#x}"))?;
        Ok(Self::new("uretprobe", program, link))
    }

    /// As [`Probe::uretprobe`], by a link alone.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn uretprobe_multi(program: &'p ProgramMut<'obj>, offset: usize) -> Result<Self> {
        let opts = UprobeMultiOpts {
            offsets: vec![offset],
            retprobe: true,
            ..Default::default()
        };
        let link = attach_uprobe_multi(program, opts)
            .with_context(|| format!("attaching a uretprobe.multi at {offset:#x}"))?;
        Ok(Self::new("uretprobe.multi", program, link))
    }

    /// Attaches to entry and return of the function at `offset` of this very
    /// program's file.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn uprobe_session(program: &'p ProgramMut<'obj>, offset: usize) -> Result<Self> {
        let opts = UprobeMultiOpts {
            offsets: vec![offset],
            session: true,
            ..Default::default()
        };
        let link = attach_uprobe_multi(program, opts)
            .with_context(|| format!("attaching a uprobe.session at {offset:#x}"))?;
        Ok(Self::new("uprobe.session", program, link))
    }

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

    /// In one place, of the only flavor there is.
    fn new(attach_type: &'static str, program: &'p ProgramMut<'obj>, link: Link) -> Self {
        Self {
            attach_type,
            flavor: None,
            planned: None,
            places: 1,
            program,
            links: vec![link],
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

    /// The sum of all links; `None` if one has no counter.
    fn link_missed(&self) -> io::Result<Option<u64>> {
        self.links.iter().map(link_missed).sum()
    }
}

/// Attaches to this very program's file.
fn attach_uprobe_multi(program: &ProgramMut<'_>, opts: UprobeMultiOpts) -> Result<Link> {
    let no_pattern = "";
    Ok(
        program.attach_uprobe_multi_with_opts(
            ANY_PROCESS,
            env::current_exe()?,
            no_pattern,
            opts,
        )?,
    )
}

/// What `Program::attach_kprobe` does, at an offset, which libbpf-rs does not
/// offer.
fn attach_kprobe(program: &ProgramMut<'_>, function: &str, offset: u64) -> Result<Link> {
    let function = CString::new(function)?;
    let opts = bpf_kprobe_opts {
        sz: size_of::<bpf_kprobe_opts>() as size_t,
        offset,
        ..Default::default()
    };
    // SAFETY: the program is loaded, and the name and `opts` live until the call
    // returns.
    let link = unsafe {
        bpf_program__attach_kprobe_opts(
            program.as_libbpf_object().as_ptr(),
            function.as_ptr(),
            &opts,
        )
    };
    owned(link)
}

/// What `Program::attach_kprobe_multi` does, as a session: libbpf-rs offers
/// that only by pattern, for which libbpf reads the list of all functions.
fn attach_session(program: &ProgramMut<'_>, function: &str) -> Result<Link> {
    let function = CString::new(function)?;
    let symbols = [function.as_ptr()];
    let opts = bpf_kprobe_multi_opts {
        sz: size_of::<bpf_kprobe_multi_opts>() as size_t,
        syms: symbols.as_ptr().cast_mut(),
        cnt: symbols.len() as size_t,
        session: true,
        ..Default::default()
    };
    // SAFETY: the program is loaded, and `opts` and all it points to live
    // until the call returns.
    let link = unsafe {
        bpf_program__attach_kprobe_multi_opts(
            program.as_libbpf_object().as_ptr(),
            ptr::null(),
            &opts,
        )
    };
    owned(link)
}

/// A link that libbpf made, or why it did not.
fn owned(link: *mut bpf_link) -> Result<Link> {
    let link = NonNull::new(link).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: libbpf made the link and leaves it to its caller.
    Ok(unsafe { Link::from_ptr(link) })
}
