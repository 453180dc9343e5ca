// SPDX-License-Identifier: GPL-2.0-only
//! From a request to a kernel, by way of the cache.

use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Instant;

use nmissed_host::{Cache, Progress, write_atomic};

use crate::fetch::known_identity;
use crate::make::Make;
use crate::make_output::{action, object, planned_object};
use crate::store::{self, Inputs};
use crate::worktree::WorkTree;
use crate::{BuiltKernel, Config, Error, KernelSpec, Result, Series, SourceTree, scratch};

/// What to build.
#[derive(Clone, Copy, Debug)]
pub struct BuildRequest<'a> {
    /// The kernel.
    pub spec: &'a KernelSpec,
    /// Its source.
    pub tree: &'a SourceTree,
    /// The variant's patches.
    pub series: &'a Series,
    /// Its configuration.
    pub config: &'a Config,
    /// How many compilers run at once; one for each CPU unless said.
    pub jobs: Option<NonZero<usize>>,
}

/// The kernel that was asked for, built only if the cache does not have it.
///
/// # Errors
/// [`Error::Patch`], [`Error::LostOptions`], [`Error::Build`],
/// [`Error::DiskFull`], [`Error::BadCachePath`], [`Error::Host`]. After any of
/// them the next call goes on with what is done.
pub fn build(
    request: &BuildRequest<'_>,
    cache: &Cache,
    progress: &dyn Progress,
) -> Result<BuiltKernel> {
    let BuildRequest {
        spec,
        tree,
        series,
        config,
        ..
    } = *request;
    let inputs = Inputs::new(spec, &tree.identity, series, config)?;
    let key = inputs.key();
    if let Some(kernel) = store::load(cache, &key)? {
        return Ok(kernel);
    }
    let overlay = series.apply(tree, cache, progress)?;
    let work = WorkTree::open(spec, tree, cache, progress)?;
    // Whoever held the lock may have built just this.
    if let Some(kernel) = store::load(cache, &key)? {
        return Ok(kernel);
    }
    work.switch(&overlay)?;
    work.making(|| Build::new(request, &work, cache, progress)?.run())?;
    let scratch = scratch::only(work.dir(), "saving")?;
    store::save(
        cache,
        &inputs,
        scratch.path(),
        &work.source(),
        &work.objects(),
    )
}

/// The kernel that [`fetch`](crate::fetch) and [`build`] would give, if it is
/// built already.
///
/// # Errors
/// [`Error::Host`] if the cache or the toolchain cannot be read.
pub fn lookup(
    spec: &KernelSpec,
    series: &Series,
    config: &Config,
    cache: &Cache,
) -> Result<Option<BuiltKernel>> {
    match known_identity(&spec.source, cache)? {
        Some(identity) => store::load(cache, &Inputs::new(spec, &identity, series, config)?.key()),
        None => Ok(None),
    }
}

/// What a build starts from, which decides how long it takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Start {
    /// No object is there.
    Nothing,
    /// An earlier build was interrupted.
    Part,
    /// A kernel was built here.
    Kernel,
}

/// One build, from a switched work tree to make's output.
struct Build<'a> {
    request: &'a BuildRequest<'a>,
    work: &'a WorkTree,
    cache: &'a Cache,
    progress: &'a dyn Progress,
    start: Start,
    make: Make<'a>,
}

impl<'a> Build<'a> {
    fn new(
        request: &'a BuildRequest<'a>,
        work: &'a WorkTree,
        cache: &'a Cache,
        progress: &'a dyn Progress,
    ) -> Result<Self> {
        let objects = work.objects();
        let start = match (
            objects.join("vmlinux").is_file(),
            objects.join(".config").is_file(),
        ) {
            (true, _) => Start::Kernel,
            (false, true) => Start::Part,
            (false, false) => Start::Nothing,
        };
        let jobs = request
            .jobs
            .or_else(|| available_parallelism().ok())
            .map_or(1, NonZero::get);
        let names = (request.spec.id.as_str(), request.series.name());
        let make = Make::new(work.source(), objects, work.log(), jobs, names)?;
        Ok(Self {
            request,
            work,
            cache,
            progress,
            start,
            make,
        })
    }

    fn run(&self) -> Result<()> {
        let started = Instant::now();
        self.configure()?;
        let objects = match self.start {
            // A few objects and a link: counting would take longer than it helps.
            Start::Kernel => None,
            Start::Nothing | Start::Part => Some(self.prepare()?),
        };
        let name = self.name();
        self.progress
            .begin(&format!("building {name}"), objects, self.last_time());
        let mut done = 0;
        self.make.targets(&["vmlinux", "bzImage"], |line| {
            done += u64::from(object(line).is_some());
            if let Some((verb, target)) = action(line) {
                self.progress.at(done, &format!("{verb} {target}"));
            }
        })?;
        let took = started.elapsed();
        self.progress.end(&format!(
            "built {name}: {done} objects in {} s",
            took.as_secs()
        ));
        if let Some(what) = self.timed_as() {
            self.cache.remember_time(&what, took);
        }
        Ok(())
    }

    fn configure(&self) -> Result<()> {
        let config = self.request.config.for_variant(self.request.series.name());
        let all_config = self.work.dir().join("all.config");
        write_atomic(&all_config, config.all_config().as_bytes())?;
        self.progress
            .begin(&format!("configuring {}", self.name()), None, None);
        let granted = self.make.all_no_config(&all_config)?;
        let lost = config.lost(&granted);
        if lost.is_empty() {
            Ok(())
        } else {
            Err(Error::LostOptions(lost))
        }
    }

    /// Makes what a dry run needs to see all objects, and counts them.
    fn prepare(&self) -> Result<u64> {
        self.progress
            .begin(&format!("preparing {}", self.name()), None, None);
        self.make.targets(&["prepare"], |line| {
            if let Some((verb, target)) = action(line) {
                self.progress.at(0, &format!("{verb} {target}"));
            }
        })?;
        let plan = self.make.dry_run("vmlinux")?;
        Ok(plan
            .iter()
            .filter(|line| planned_object(line).is_some())
            .count() as u64)
    }

    fn name(&self) -> String {
        format!("{} {}", self.request.spec.id, self.request.series.name())
    }

    fn last_time(&self) -> Option<std::time::Duration> {
        self.cache.last_time(&self.timed_as()?)
    }

    /// The name that the time of this build is remembered under, if it tells
    /// something about the next one.
    fn timed_as(&self) -> Option<String> {
        let kind = match self.start {
            Start::Nothing => "full",
            Start::Kernel => "further variant",
            Start::Part => return None,
        };
        Some(format!("build {} {kind}", self.request.spec.id))
    }
}
