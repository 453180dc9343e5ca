// SPDX-License-Identifier: GPL-2.0-only
//! From a request to a kernel, by way of the cache.

use std::num::NonZero;

use nmissed_host::{Cache, Progress};

use crate::compile::compile;
use crate::fetch::known_identity;
use crate::store::{self, Inputs};
use crate::worktree::WorkTree;
use crate::{BuiltKernel, Config, KernelSpec, Result, Series, SourceTree, scratch};

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
/// A patch that does not apply, an option that is lost, a kernel that does not
/// build, a full disk...: see [`Error`](crate::Error). After any of them the
/// next call goes on with what is done.
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
    let mut work = WorkTree::open(spec, tree, cache, progress)?;
    // Whoever held the lock may have built just this.
    if let Some(kernel) = store::load(cache, &key)? {
        return Ok(kernel);
    }
    work.switch(&overlay)?;
    work.making(|work| compile(request, work, cache, progress))?;
    let scratch = scratch::only(work.dir(), "saving")?;
    store::save(
        cache,
        &inputs,
        scratch.path(),
        &work.source(),
        &work.objects(),
    )
}

/// The kernel that [`fetch()`](crate::fetch()) and [`build`] would give, if it is
/// built already.
///
/// # Errors
/// [`Error::Host`](crate::Error::Host) if the cache or the toolchain cannot be read.
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
