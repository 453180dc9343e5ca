// SPDX-License-Identifier: GPL-2.0-only
//! Kernel source: from `vmconfig/kernels.toml` to an unpacked tree or a vmlinuz.

mod apt;
mod apt_sources;
mod fetch;
mod kernels;
mod name;
mod own;
mod releases;
mod stock;
mod tarball;
mod unpack;

pub(crate) use fetch::known_identity;
pub use fetch::{SourceTree, fetch, refresh};
pub use kernels::{KernelSpec, Kernels, Source, StockSpec};
pub(crate) use name::is_name;
pub use own::{OwnTree, Revision};
pub use releases::{StockKernel, StockKernels};
pub use stock::{cached_stock, fetch_stock, is_complete_stock, stock_kernels, stock_module};
