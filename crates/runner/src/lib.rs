// SPDX-License-Identifier: GPL-2.0-only
//! Builds kernels, boots them, and compares what the guest reports.
//!
//! | folder | content |
//! | --- | --- |
//! | `plan` | from names to kernels and patch series; building them |
//! | `needs` | what the host must have for each step, and installing it |
//! | `boot` | one boot: the kernel, the guest's programs, the output folder |
//! | `test` | a session that runs the tests: `vm test`, `vm pairs` |
//! | `history` | a session that runs the tests on many releases: `vm history` |
//! | `verify` | a session that compares a kernel with its image: `vm verify` |
//! | `report` | what earlier sessions kept, for reviewers and machines: `report` |
//! | `selfcheck` | faults that are made in a guest, and their outcomes: `vm selfcheck` |
//! | `shell` | a shell or a command in a guest: `vm shell`, `vm run` |
//! | `review` | what a patch series changes, patch by patch and hunk by hunk |
//!
//! Invariants: everything a request names is checked before any work begins;
//! a run is kept in the output folder as soon as it ends. No command line: the
//! caller parses options and decides the exit status of errors.
#![forbid(unsafe_code)]

mod boot;
mod exit;
mod history;
mod needs;
mod plan;
mod print;
mod report;
mod review;
mod selfcheck;
mod shell;
mod test;
mod verify;
mod workspace;

pub use boot::session::BootSettings;
pub use exit::{Exit, UsageError};
pub use history::session::{HistoryRequest, history, history_of};
pub use history::table::{TableState, check_table};
pub use needs::{NEEDS, Need, Step, ensure, remedy};
pub use plan::build::{build, find_built, source_steps};
pub use plan::jobs::jobs;
pub use plan::kernels::{
    DefaultVariants, KernelPlan, everything, for_landing, kernels, patched, plan,
};
pub use plan::list::list_kernels;
pub use plan::own_tree::{OwnTreeRequest, plan_own_tree};
pub use plan::selection::Selection;
pub use plan::targets::Targets;
pub use print::print;
pub use report::{compare_reports, read_report};
pub use review::check::{check_each, check_series};
pub use review::cover::cover;
pub use review::edit::edit;
pub use review::mutate::mutate;
pub use selfcheck::session::selfcheck;
pub use shell::session::{ShellRequest, shell};
pub use test::expectation::{Expectation, ExpectationError};
pub use test::kind::TestKind;
pub use test::merge::merge;
pub use test::session::{TestRequest, test};
pub use test::view::View;
pub use verify::sample::Extent;
pub use verify::session::{DEFAULT_SAMPLE, VerifyRequest, verify};
pub use workspace::Workspace;
