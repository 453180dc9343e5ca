// SPDX-License-Identifier: GPL-2.0-only
//! Patches: reading, applying and editing the series of a variant.

pub(crate) mod apply;
pub(crate) mod behaviours;
pub(crate) mod diff;
pub(crate) mod edit;
pub(crate) mod git;
pub(crate) mod gnu_patch;
pub(crate) mod mail;
pub(crate) mod overlay;
pub(crate) mod part;
pub(crate) mod refresh;
pub(crate) mod series;
pub(crate) mod stack;
