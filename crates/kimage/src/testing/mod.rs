// SPDX-License-Identifier: GPL-2.0-only
//! Images made by hand for tests and for fuzzing, and the tests of whole images.

pub(crate) mod btf;
pub(crate) mod containers;
#[cfg(test)]
pub(crate) mod damage;
pub(crate) mod dwarf;
pub(crate) mod fixture;
pub mod fuzz;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod golden_module;
#[cfg(test)]
mod hostile;
pub(crate) mod toy;
pub(crate) mod toy_module;
