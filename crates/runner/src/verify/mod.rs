// SPDX-License-Identifier: GPL-2.0-only
//! Answers of a kernel image about probes, checked against the running kernel.
//!
//! [`sample`] chooses [`claim::Claim`]s among the image's answers, [`questions`]
//! puts them to the prober, [`judge`] compares its replies, [`render`] prints the
//! report, and [`session`] boots the kernels.
//!
//! A kernel has more instructions than can be probed one by one, so some claims of
//! each kind are tested: claims of one kind have the attach method, the entry or
//! an offset, the answer and its reason in common. Every rule behind the image's
//! answers is tested, however rarely it applies.
//!
//! Invariants: no I/O but in [`session`]. The same image and
//! [`sample::Extent`] make the same questions.

mod claim;
mod judge;
mod lists;
mod questions;
mod render;
mod replies;
mod report;
pub(crate) mod sample;
pub(crate) mod session;
