// SPDX-License-Identifier: GPL-2.0-only
//! Building kernels, and the cache of built kernels.

mod bpftool;
mod compile;
mod config;
mod make;
mod make_output;
mod recent;
mod store;
mod worktree;

pub use bpftool::build_bpftool;
pub use compile::BuildRequest;
pub use config::KernelConfig;
pub(crate) use make::Make;
pub(crate) use make_output::action;
pub use make_output::headline;
pub use store::{BuiltKernel, UAPI_HEADERS, request_key};
pub(crate) use worktree::WorkTree;

use nmissed_host::Host;

use crate::patch::Series;
use crate::source::{KernelSpec, Source, known_identity};
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
    let inputs = store::Inputs::new(spec, &tree.identity, series, config)?;
    let key = inputs.key();
    if let Some(kernel) = store::load(host, &key)? {
        return Ok(kernel);
    }
    let overlay = series.apply(tree, host)?;
    let mut work = WorkTree::open(spec, tree, host)?;
    // The process that held the lock may have built it.
    if let Some(kernel) = store::load(host, &key)? {
        return Ok(kernel);
    }
    match &spec.source {
        Source::Own(revision) => {
            host.begin(&format!("checking out {} {}", spec.id, series.name()));
            work.fill(|source| revision.check_out(source))?;
        }
        _ => work.switch(&overlay)?,
    }
    work.making(|work| compile::compile(request, work, host))?;
    let scratch = scratch::only(work.dir(), "saving")?;
    let kernel = store::save(
        host,
        &inputs,
        scratch.path(),
        &work.source(),
        &work.objects(),
    )?;
    if let Source::Own(_) = spec.source {
        recent::keep_recent(&host.cache, work.dir(), &kernel.key)?;
    }
    Ok(kernel)
}

/// Whether [`lookup`] would find a kernel, unless it is damaged.
///
/// # Errors
/// As [`lookup`].
pub fn is_built(
    spec: &KernelSpec,
    series: &Series,
    config: &KernelConfig,
    host: &Host,
) -> Result<bool> {
    let Some(identity) = known_identity(&spec.source, &host.cache)? else {
        return Ok(false);
    };
    let inputs = store::Inputs::new(spec, &identity, series, config)?;
    Ok(store::folder(&host.cache, &inputs.key()).is_dir())
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
    let Some(identity) = known_identity(&spec.source, &host.cache)? else {
        return Ok(None);
    };
    let inputs = store::Inputs::new(spec, &identity, series, config)?;
    let kernel = store::load(host, &inputs.key())?;
    if let (Source::Own(_), Some(kernel)) = (&spec.source, &kernel) {
        recent::mark_used(&kernel.bzimage);
    }
    Ok(kernel)
}
