// SPDX-License-Identifier: GPL-2.0-only
//! Review of a series: checks, mutants and the cover letter.

pub(crate) mod attempt;
pub(crate) mod check;
pub(crate) mod checkpatch;
pub(crate) mod cover;
pub(crate) mod mutant;
pub(crate) mod objects;
pub(crate) mod options;
pub(crate) mod uncovered;
pub(crate) mod warnings;
