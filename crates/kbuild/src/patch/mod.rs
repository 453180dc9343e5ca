// SPDX-License-Identifier: GPL-2.0-only
//! Patches: reading, applying and editing the series of a variant.

mod apply;
mod behaviours;
mod diff;
mod edit;
mod gnu_patch;
mod mail;
mod overlay;
mod part;
mod refresh;
mod series;
mod stack;

pub use apply::check_applies;
pub use behaviours::DeclaredBehaviours;
pub(crate) use diff::{Diff, HunkPlace};
pub use edit::edit;
pub(crate) use mail::MailHead;
pub(crate) use overlay::{Content, Overlay};
pub use part::Part;
pub use refresh::{Refreshed, refresh_patches};
pub(crate) use series::Patch;
pub use series::Series;
pub use stack::{BASELINE, KernelStacks};
