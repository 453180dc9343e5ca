// SPDX-License-Identifier: GPL-2.0-only
//! Building kernels, and the cache of built kernels.

pub(crate) mod compile;
pub(crate) mod config;
pub(crate) mod make;
pub(crate) mod make_output;
pub(crate) mod store;
pub(crate) mod worktree;

use nmissed_host::Host;

use crate::build::compile::{BuildRequest, compile};
use crate::build::config::KernelConfig;
use crate::build::store::BuiltKernel;
use crate::build::store::Inputs;
use crate::build::worktree::WorkTree;
use crate::patch::series::Series;
use crate::source::fetch::known_identity;
use crate::source::kernels::KernelSpec;
use crate::{Result, scratch};

/// Returns a kernel, built only if the cache does not have it.
///
/// # Errors
/// A patch that does not apply, an option that is lost, a failed make, a full disk...:
/// see [`Error`](crate::Error). The next call resumes the work.
pub fn build(request: &BuildRequest<'_>, host: &Host) -> Result<BuiltKernel> {
    let BuildRequest {
        spec,
        tree,
        series,
        config,
        ..
    } = *request;
    let inputs = Inputs::new(spec, &tree.identity, series, config)?;
    let key = inputs.key();
    if let Some(kernel) = store::load(&host.cache, &key)? {
        return Ok(kernel);
    }
    let overlay = series.apply(tree, host)?;
    let mut work = WorkTree::open(spec, tree, host)?;
    // The process that held the lock may have built it.
    if let Some(kernel) = store::load(&host.cache, &key)? {
        return Ok(kernel);
    }
    work.switch(&overlay)?;
    work.making(|work| compile(request, work, host))?;
    let scratch = scratch::only(work.dir(), "saving")?;
    store::save(
        &host.cache,
        &inputs,
        scratch.path(),
        &work.source(),
        &work.objects(),
    )
}

/// Returns the kernel that [`fetch()`](crate::fetch()) and [`build`] would return, if it
/// is built.
///
/// # Errors
/// [`Error::Host`](crate::Error::Host) if the cache or the toolchain cannot be read.
pub fn lookup(
    spec: &KernelSpec,
    series: &Series,
    config: &KernelConfig,
    host: &Host,
) -> Result<Option<BuiltKernel>> {
    match known_identity(&spec.source, &host.cache)? {
        Some(identity) => store::load(
            &host.cache,
            &Inputs::new(spec, &identity, series, config)?.key(),
        ),
        None => Ok(None),
    }
}
