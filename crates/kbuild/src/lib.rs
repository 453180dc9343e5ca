// SPDX-License-Identifier: GPL-2.0-only
//! From kernel source and patches to built kernels, cached and incremental.
//!
//! | folder | what it does |
//! | --- | --- |
//! | `source` | reads `vmconfig/kernels.toml` ([`Kernels`]), downloads and unpacks a source ([`fetch()`]), reads an author's own tree ([`OwnTree`]), or gets a distribution kernel ([`stock_kernels`], [`fetch_stock`]) |
//! | `patch` | reads the stacks of patches of a kernel ([`KernelStacks`]), applies a [`Series`], and turns it into commits ([`edit()`]) and back ([`refresh_patches`]) |
//! | `build` | configures and builds ([`build()`]), and keeps the result in the cache ([`BuiltKernel`]) |
//! | `review` | checks a series ([`check()`]), drops its hunks ([`Series::mutants`]), and writes its [`Cover`] letter |
//!
//! Each folder uses those above it only.
//!
//! Invariants: only [`fetch()`], [`refresh()`], [`stock_kernels`] and [`fetch_stock`] use
//! the network; of these only [`refresh()`] does if the cache has what is asked for. A built kernel depends only
//! on its [`BuildRequest`] and the toolchain, and all of it is in the key; a stack.toml is
//! not. A file or folder that another step looks for appears whole, by rename.
//!
//! # The cache folder
//! Each folder can be deleted while nothing runs; the next command makes it again.
//! ```text
//! apt/<package>@<suite>/       apt's state; `version` is the version in use
//! downloads/                   packages and tarballs before they are unpacked
//! sources/<identity>/          unpacked, never modified
//! work/<kernel>@<identity>/    source/ (switched between variants), objects/,
//!                              all.config, build-<variant>.log, state.json
//! work/own-<name>-<hash>/      the same for an author's own tree, whose states are
//!                              checked out to source/; git/ has what was not committed
//! work/<kernel>@<identity>+check/  the same for single objects, with a folder of
//!                              objects/ for each kind of configuration
//! kernels/<key>/               bzImage, vmlinux, System.map, config,
//!                              uapi/linux/*.h, meta.json
//! apt/<distribution>/          the same for its kernels: `packages` has their names,
//!                              `refreshed` the time of the last download
//! stock/<release>/             vmlinuz of a distribution kernel, modules/ with one of its modules
//! history/<release>-<key>.json runs of `vm history`
//! bpftool/<identity>           bpftool of a kernel's source
//! tmp/                         copies of files to apply patches to
//! ```
//! One kernel takes about 1.7 GB for its source, 0.7 GB for its objects and
//! 0.1 GB per built variant.

#![forbid(unsafe_code)]

mod build;
mod error;
mod git;
mod patch;
mod review;
mod scratch;
mod source;

pub use build::{
    BuildRequest, BuiltKernel, KernelConfig, UAPI_HEADERS, build, build_bpftool, headline,
    is_built, lookup, request_key,
};
pub use error::{Error, LostOption, PatchFailure, Result};
pub use patch::{
    BASELINE, DeclaredBehaviours, KernelStacks, Part, Refreshed, Series, check_applies, edit,
    refresh_patches,
};
pub use review::{
    Attempt, Attempts, CheckRequest, CheckResult, Cover, Mutant, Pointless, Uncovered, check,
};
pub use source::{
    KernelSpec, Kernels, OwnTree, Revision, Source, SourceTree, StockKernel, StockKernels,
    StockSpec, cached_stock, fetch, fetch_stock, is_complete_stock, refresh, stock_kernels,
    stock_module,
};
