// SPDX-License-Identifier: GPL-2.0-only
//! What a kernel image promises about probes, against what the running kernel
//! does.
//!
//! [`Plan::of`] chooses [`Claim`]s out of an image's verdicts and puts them as
//! questions; [`Plan::judge`] compares the guest's [`Answer`]s with them, and
//! [`render()`] tells people how it came out.
//!
//! A kernel has more instructions than anyone wants to probe one by one, so a
//! plan takes some of each kind: claims of one kind get there by the same way to
//! attach, at the entry or past it, to the same answer for the same reason. No
//! rule of the verdicts goes without a question, however rarely it applies.
//!
//! Invariants: no I/O. The same image and [`Extent`] make the same plan.
//!
//! [`Answer`]: nmissed_wire::Answer
#![forbid(unsafe_code)]

mod claim;
mod judge;
mod lists;
mod plan;
mod render;
mod report;
mod sample;

pub use claim::{Claim, Kind};
pub use judge::Unanswered;
pub use plan::{Extent, Plan};
pub use render::render;
pub use report::{Compared, Disagreement, ListReport, Report};
