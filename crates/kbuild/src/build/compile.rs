// SPDX-License-Identifier: GPL-2.0-only
//! Configuring and building a patched tree, with progress.

use std::num::NonZero;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use nmissed_host::{Host, Progress, write_atomic};

use crate::build::config::KernelConfig;
use crate::build::make::Make;
use crate::build::make_output::{action, object, planned_object};
use crate::build::store::{MODULE, has_module};
use crate::build::worktree::{Objects, WorkTree};
use crate::patch::Series;
use crate::source::{KernelSpec, SourceTree};
use crate::{Error, Result};

/// A kernel to build.
#[derive(Clone, Copy, Debug)]
pub struct BuildRequest<'a> {
    /// Entry of kernels.toml.
    pub spec: &'a KernelSpec,
    /// Unpacked source.
    pub tree: &'a SourceTree,
    /// Patches of the variant.
    pub series: &'a Series,
    /// Kconfig options of the kernel.
    pub config: &'a KernelConfig,
    /// Compilers that run at once; by default one for each CPU.
    pub jobs: Option<NonZero<usize>>,
}

/// Configures and builds the variant that a work tree was switched to.
pub(crate) fn compile(request: &BuildRequest<'_>, work: &WorkTree, host: &Host) -> Result<()> {
    let compilation = Compilation {
        name: format!("{} {}", request.spec.id, request.series.name()),
        config: request.config.for_variant(request.series.name()),
        all_config: work.dir().join("all.config"),
        make: Make::new(
            work.source(),
            work.objects(),
            work.log(request.series.name()),
            jobs(request),
        )?,
        progress: host.progress.as_ref(),
    };
    let holds = work.holds();
    let started = Instant::now();
    let start = match (compilation.configure()?, holds) {
        // Most objects are compiled anew.
        (Reconfigured::Yes, Objects::All) => Objects::Some,
        (_, holds) => holds,
    };
    let timed_as = timed_as(&request.spec.id, start);
    let last = timed_as
        .as_ref()
        .and_then(|what| host.cache.last_time(what));
    compilation.run(start, last, started)?;
    if let Some(what) = timed_as {
        host.cache.remember_time(&what, started.elapsed());
    }
    Ok(())
}

fn jobs(request: &BuildRequest<'_>) -> usize {
    let jobs = request.jobs.or_else(|| available_parallelism().ok());
    jobs.map_or(1, NonZero::get)
}

/// Returns the name under which the time of a build is kept; `None` for a build that was
/// half done, whose time says nothing about the next one.
fn timed_as(kernel: &str, start: Objects) -> Option<String> {
    match start {
        Objects::None => Some(format!("build {kernel}, full")),
        Objects::All => Some(format!("build {kernel}, further variant")),
        Objects::Some => None,
    }
}

/// Whether the existing objects have the requested configuration.
#[derive(Clone, Copy)]
enum Reconfigured {
    No,
    Yes,
}

/// Returns the lines of a .config that objects depend on: all but the variant's name.
fn options(dot_config: &str) -> impl Iterator<Item = &str> {
    dot_config
        .lines()
        .filter(|line| !line.starts_with("CONFIG_LOCALVERSION="))
}

struct Compilation<'a> {
    /// For progress: `6.12 active`.
    name: String,
    config: KernelConfig,
    /// The file for `KCONFIG_ALLCONFIG`.
    all_config: PathBuf,
    make: Make,
    progress: &'a dyn Progress,
}

impl Compilation<'_> {
    fn run(&self, start: Objects, last: Option<Duration>, started: Instant) -> Result<()> {
        let objects = match start {
            // To count a few objects would take longer than to compile them.
            Objects::All => None,
            Objects::None | Objects::Some => Some(self.count()?),
        };
        self.begin("building", objects, last);
        let mut done = self.make(&["vmlinux", "bzImage"])?;
        // Not `modules`: an author's configuration may have thousands.
        if has_module(&self.make.dot_config()?) {
            done += self.make(&[MODULE])?;
        }
        let seconds = started.elapsed().as_secs();
        self.progress
            .end(&format!("built {}: {done} objects, {seconds} s", self.name));
        Ok(())
    }

    fn configure(&self) -> Result<Reconfigured> {
        self.begin("configuring", None, None);
        let before = self.make.dot_config().unwrap_or_default();
        write_atomic(&self.all_config, self.config.all_config().as_bytes())?;
        self.make
            .configure(self.config.defaults(), &self.all_config)?;
        let granted = self.make.dot_config()?;
        let lost = self.config.lost(&granted);
        if !lost.is_empty() {
            return Err(Error::LostOptions(lost));
        }
        let same = options(&before).eq(options(&granted));
        Ok(if same {
            Reconfigured::No
        } else {
            Reconfigured::Yes
        })
    }

    /// Returns the number of objects to compile. A dry run lists them only after `prepare`,
    /// and lacks a few dozen of the boot wrapper.
    fn count(&self) -> Result<u64> {
        self.begin("preparing", None, None);
        self.make(&["prepare"])?;
        let plan = self.make.dry_run("vmlinux")?;
        Ok(plan.iter().filter_map(|line| planned_object(line)).count() as u64)
    }

    /// Runs make; returns the number of objects that were compiled.
    fn make(&self, targets: &[&str]) -> Result<u64> {
        let mut done = 0;
        self.make.targets(targets, |line| {
            done += u64::from(object(line).is_some());
            if let Some((verb, target)) = action(line) {
                self.progress.at(done, &format!("{verb} {target}"));
            }
        })?;
        Ok(done)
    }

    fn begin(&self, step: &str, units: Option<u64>, last: Option<Duration>) {
        self.progress
            .begin(&format!("{step} {}", self.name), units, last);
    }
}
