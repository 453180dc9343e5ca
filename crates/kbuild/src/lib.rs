// SPDX-License-Identifier: GPL-2.0-only
//! Kernel source to patched tree to configuration to built kernel, cached and
//! incremental.
//!
//! The steps, each a function from one value to the next:
//!
//! - [`Kernels::load`] reads `vmconfig/kernels.toml`; [`KernelSpec`] says where
//!   one kernel's source comes from.
//! - [`fetch()`] downloads, checks and unpacks it: [`SourceTree`].
//! - [`KernelStacks::series`] and [`KernelConfig::load`] read what is built from it.
//! - [`build()`] makes a [`BuiltKernel`] of the four, unless the cache has it.
//!
//! What there is to do with a series but to build it: [`check()`] says what a
//! reviewer's tools would, [`Series::mutants`] leave out a hunk each,
//! [`edit()`] and [`refresh_patches`] go from patches to commits and back, and
//! [`Cover`] is the letter to send it with.
//!
//! Invariants: the network is touched by [`fetch()`] and [`refresh()`] alone, and
//! only if the source is not unpacked yet; what is built depends only on what
//! [`BuildRequest`] holds and the toolchain, all of it in the key; every file
//! and folder that another step looks for appears whole, by rename.
//!
//! # The cache folder
//! Each folder can be deleted on its own while nothing runs; what is missing
//! is made again.
//! ```text
//! apt/<package>@<suite>/       private apt root; `version` is the one in use
//! downloads/                   packages and tarballs on their way
//! sources/<identity>/          unpacked and never modified
//! work/<kernel>@<identity>/    source/ (switched between variants), objects/,
//!                              all.config, build-<variant>.log, state.json
//! work/<kernel>@<identity>+check/  the same for single objects, each kind of
//!                              configuration in a folder of objects/
//! kernels/<key>/               bzImage, vmlinux, System.map, config,
//!                              uapi/linux/*.h, meta.json
//! stock/<package>_<version>/   vmlinuz of a kernel that somebody else built
//! tmp/                         where patches are tried
//! ```
//! One kernel takes about 1.7 GB for its source, 0.7 GB for its objects and
//! 0.1 GB per variant built.

#![forbid(unsafe_code)]

mod build;
mod error;
mod patch;
mod review;
mod scratch;
mod source;

pub use build::compile::BuildRequest;
pub use build::config::KernelConfig;
pub use build::make_output::headline;
pub use build::store::{BuiltKernel, UAPI_HEADERS};
pub use build::{build, lookup};
pub use error::{Error, LostOption, PatchFailure, Result};
pub use patch::apply::check_applies;
pub use patch::behaviours::DeclaredBehaviours;
pub use patch::edit::edit;
pub use patch::part::Part;
pub use patch::refresh::{Refreshed, refresh_patches};
pub use patch::series::Series;
pub use patch::stack::{BASELINE, KernelStacks};
pub use review::attempt::{Attempt, Attempts};
pub use review::check::{CheckRequest, CheckResult, check};
pub use review::cover::Cover;
pub use review::mutant::{Mutant, Pointless};
pub use review::uncovered::Uncovered;
pub use source::fetch::{SourceTree, fetch, refresh};
pub use source::kernels::{KernelSpec, Kernels, Source};
pub use source::stock::{StockSpec, fetch_stock};
