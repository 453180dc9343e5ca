// SPDX-License-Identifier: GPL-2.0-only
//! The results of boots, compared and shown.
//!
//! `model/` compares the runs of a kernel's variants, scenario by scenario: what
//! changed, what each patch of a series changed, what differs between repetitions,
//! whether tests fail without a hunk, and between which releases counts change. `render/` makes tables of that: `summary`,
//! `counts`, `pairs`, `steps` and `history` compute headings, rows and cells (`cells`), `layout`
//! sets them in columns of text, and `text` puts a chapter per kernel together,
//! and `report` adds the files of the runs' folders, for reviewers and machines.
//!
//! Invariants: no I/O, no processes, no clocks. `render` depends on `model`, which
//! depends on `nmissed_wire` and on no other crate of this workspace. Nothing here parses
//! a patch: hunks come with their names.

#![forbid(unsafe_code)]

mod model;
mod render;

pub use model::dropped::{DroppedHunk, Noticed, notice};
pub use model::faults::without_known_faults;
pub use model::repeat::{Difference, differences};
pub use model::results::Results;
pub use model::setup::Files;
pub use model::steps::Steps;
pub use nmissed_wire::{Repetition, Run, TestResult};
pub use render::dropped::dropped_hunks;
pub use render::history::History;
pub use render::report::{Compared, Evidence, Report};
pub use render::style::Style;
