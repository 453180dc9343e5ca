// SPDX-License-Identifier: GPL-2.0-only
//! Answers of a kernel image about probes, compared with what the running kernel
//! does.
//!
//! [`questions::Plan`] chooses [`claim::Claim`]s from an image's answers and puts
//! them as questions; [`judge`] compares the guest's answers with them, [`render`]
//! prints the report, and [`session`] boots the kernels.
//!
//! A kernel has more instructions than can be probed one by one, so a plan takes
//! some of each kind: claims of one kind have the attach method, the entry or an
//! offset, the answer and its reason in common. Every rule of the image's answers
//! is asked about, however rarely it applies.
//!
//! Invariants: no I/O but in [`session`]. The same image and
//! [`questions::Extent`] make the same plan.

mod claim;
mod judge;
mod lists;
pub(crate) mod questions;
mod render;
pub(crate) mod report;
mod sample;
pub(crate) mod session;
