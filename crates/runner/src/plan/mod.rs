// SPDX-License-Identifier: GPL-2.0-only
//! From names to kernels and patch series, and to kernels that can be booted.

pub(crate) mod bootable;
pub(crate) mod build;
pub(crate) mod jobs;
pub(crate) mod kernels;
pub(crate) mod list;
pub(crate) mod own_tree;
pub(crate) mod prebuilt;
pub(crate) mod selection;
pub(crate) mod targets;
