// SPDX-License-Identifier: GPL-2.0-only
//! Images made by hand for tests and for fuzzing, and the tests of whole images.

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
