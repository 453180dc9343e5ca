// SPDX-License-Identifier: GPL-2.0-only
//! Kernel source: from `vmconfig/kernels.toml` to an unpacked tree or a vmlinuz.

pub(crate) mod apt;
pub(crate) mod apt_sources;
pub(crate) mod fetch;
pub(crate) mod kernels;
pub(crate) mod stock;
pub(crate) mod tarball;
pub(crate) mod unpack;
