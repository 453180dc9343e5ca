// SPDX-License-Identifier: GPL-2.0-only
//! Events of tracefs (`kprobe_events`, `uprobe_events`) in the kernel or in this program.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::{env, fmt};

use anyhow::{Context, Result, ensure};
use nmissed_wire::AttachType;

use super::sites;
use crate::Flavor;

const TRACEFS: &str = "/sys/kernel/tracing";
/// The group of all events made here.
const GROUP: &str = "nmissed";

/// An event of tracefs, removed on drop. Programs are attached to it by perf events.
#[derive(Debug)]
pub struct TraceEvent {
    name: &'static str,
    pub(crate) attach_type: AttachType,
    /// The function of a kprobe, or of the first one.
    pub(crate) function: Option<&'static str>,
}

/// The counters of one probe of an event (`kprobe_profile`, `uprobe_profile`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    /// Hits that reached the event: dispatched ones of a kprobe, dispatched returns of a
    /// kretprobe (`trace_kprobe_nhit`), all entries of uprobes and uretprobes
    /// (`uprobe_dispatcher`).
    pub(crate) hits: u64,
    /// Hits that the layer below dropped (`trace_kprobe_missed`); `None` for
    /// uprobes.
    pub(crate) misses: Option<u64>,
}

impl TraceEvent {
    /// Probes the entry of `function`.
    ///
    /// # Errors
    /// If tracefs is not mounted, or refuses.
    pub fn kprobe(name: &'static str, function: &'static str) -> Result<Self> {
        Self::kprobe_with(name, function, "")
    }

    /// As [`TraceEvent::kprobe`], with fetch arguments.
    fn kprobe_with(name: &'static str, function: &'static str, arguments: &str) -> Result<Self> {
        let event = Self {
            function: Some(function),
            ..Self::new(name, AttachType::Kprobe)
        };
        event.define("p", &format!("{function} {arguments}"))
    }

    /// Adds a second probe to the event (`append_trace_kprobe`), further on in its
    /// function at a site that each call passes once.
    ///
    /// # Errors
    /// If there is no such site, or tracefs refuses.
    pub fn and_further_on(self) -> Result<Self> {
        let function = self
            .function
            .context("only a kprobe event takes a second probe")?;
        let offset = sites::offset(function, Flavor::Int3)?
            .with_context(|| format!("the kernel's image has no site for int3 in {function}"))?;
        self.define("p", &format!("{function}+{offset:#x}"))
    }

    /// Probes the return of `function`, for at most `instances` calls at a time.
    ///
    /// # Errors
    /// As [`TraceEvent::kprobe`].
    pub fn kretprobe(name: &'static str, function: &'static str, instances: u32) -> Result<Self> {
        let event = Self {
            function: Some(function),
            ..Self::new(name, AttachType::Kretprobe)
        };
        event.define(&format!("r{instances}"), function)
    }

    /// Probes the function at `offset` of this very program's file.
    ///
    /// # Errors
    /// As [`TraceEvent::kprobe`].
    pub fn uprobe(name: &'static str, offset: usize) -> Result<Self> {
        Self::new(name, AttachType::Uprobe).define("p", &own_place(offset)?)
    }

    /// Probes the return of the function at `offset` of this very program's file.
    ///
    /// # Errors
    /// As [`TraceEvent::kprobe`].
    pub fn uretprobe(name: &'static str, offset: usize) -> Result<Self> {
        Self::new(name, AttachType::Uretprobe).define("r", &own_place(offset)?)
    }

    /// Switches recording of the hits. Programs run either way.
    fn enable(&self, on: bool) -> Result<()> {
        let switch = self.file("enable");
        fs::write(&switch, if on { "1" } else { "0" })
            .with_context(|| format!("writing to {switch}"))
    }

    /// Returns the event's number for perf_event_open(2).
    pub(crate) fn id(&self) -> Result<u64> {
        let file = self.file("id");
        let id = fs::read_to_string(&file).with_context(|| format!("reading {file}"))?;
        id.trim()
            .parse()
            .with_context(|| format!("{file} holds {id:?}"))
    }

    /// Returns the counters of each of the event's probes.
    pub(crate) fn profile(&self) -> Result<Vec<Profile>> {
        let file = format!("{TRACEFS}/{}_profile", self.layer());
        let all = fs::read_to_string(&file).with_context(|| format!("reading {file}"))?;
        let parse: fn(&str, &str) -> Option<Profile> = match self.layer() {
            "kprobe" => kprobe_line,
            _ => uprobe_line,
        };
        let lines = all.lines();
        let found: Vec<_> = lines.filter_map(|line| parse(line, self.name)).collect();
        ensure!(!found.is_empty(), "no {self} in {file}:\n{all}");
        Ok(found)
    }

    fn new(name: &'static str, attach_type: AttachType) -> Self {
        Self {
            name,
            attach_type,
            function: None,
        }
    }

    /// Makes the event, or adds a probe to it.
    fn define(self, kind: &str, place: &str) -> Result<Self> {
        self.command(&format!("{kind}:{self} {place}"))?;
        Ok(self)
    }

    fn command(&self, command: &str) -> Result<()> {
        let list = format!("{TRACEFS}/{}_events", self.layer());
        OpenOptions::new()
            .append(true)
            .open(&list)
            .and_then(|mut file| file.write_all(format!("{command}\n").as_bytes()))
            .with_context(|| format!("writing {command:?} to {list}"))
    }

    /// Returns the part of file names: `kprobe` or `uprobe`.
    fn layer(&self) -> &'static str {
        if self.function.is_some() {
            "kprobe"
        } else {
            "uprobe"
        }
    }

    fn file(&self, name: &str) -> String {
        format!("{TRACEFS}/events/{self}/{name}")
    }
}

impl fmt::Display for TraceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{GROUP}/{}", self.name)
    }
}

impl Drop for TraceEvent {
    fn drop(&mut self) {
        // A failure has no consequence: the guest ends soon.
        let _ = self.command(&format!("-:{self}"));
    }
}

/// An enabled kprobe event without a program, removed on drop.
#[derive(Debug)]
pub struct KprobeEvent {
    event: TraceEvent,
}

impl KprobeEvent {
    /// Probes the entry of `function` and records the word on top of the stack,
    /// which takes one call of `copy_from_kernel_nofault` per hit
    /// (`probe_mem_read`).
    ///
    /// # Errors
    /// If tracefs is not mounted, or refuses.
    pub fn reading_the_stack(name: &'static str, function: &'static str) -> Result<Self> {
        let event = TraceEvent::kprobe_with(name, function, "word=+0($stack):u64")?;
        event.enable(true)?;
        Ok(Self { event })
    }
}

impl Drop for KprobeEvent {
    fn drop(&mut self) {
        // A failure has no consequence: the guest ends soon.
        let _ = self.event.enable(false);
    }
}

/// Returns `path:offset` of this program's file, as `uprobe_events` takes it.
fn own_place(offset: usize) -> Result<String> {
    Ok(format!("{}:{offset:#x}", env::current_exe()?.display()))
}

/// Reads a line such as `  name    2    1`: hits and misses.
fn kprobe_line(line: &str, name: &str) -> Option<Profile> {
    let mut words = line.split_whitespace().rev();
    let (misses, hits) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    (words.next()? == name).then_some(Profile {
        hits,
        misses: Some(misses),
    })
}

/// Reads a line such as `  /tests/uprobe name    2`: hits.
fn uprobe_line(line: &str, name: &str) -> Option<Profile> {
    let mut words = line.split_whitespace().rev();
    let hits = words.next()?.parse().ok()?;
    (words.next()? == name).then_some(Profile { hits, misses: None })
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::{Profile, kprobe_line, uprobe_line};

    #[test_case("  one    2    1", Some((2, 1)); "its line")]
    #[test_case("  another    2    1", None; "the line of another")]
    #[test_case("  one    2", None; "a line without misses")]
    #[test_case("", None; "no line")]
    fn a_kprobe_has_hits_and_misses(line: &str, counts: Option<(u64, u64)>) {
        let want = counts.map(|(hits, misses)| Profile {
            hits,
            misses: Some(misses),
        });
        assert_eq!(kprobe_line(line, "one"), want);
    }

    #[test_case("  /tests/a b/uprobe one    2", Some(2); "its line")]
    #[test_case("  /tests/one another    2", None; "the line of another")]
    #[test_case("  one", None; "no number")]
    fn a_uprobe_has_hits(line: &str, hits: Option<u64>) {
        let want = hits.map(|hits| Profile { hits, misses: None });
        assert_eq!(uprobe_line(line, "one"), want);
    }
}
