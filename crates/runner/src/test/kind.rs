// SPDX-License-Identifier: GPL-2.0-only
//! Tests that are judged, and those that measure what nothing is expected of.

/// Which tests a session runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TestKind {
    /// Those with an expectation of every count.
    #[default]
    Judged,
    /// Those whose hits meet a running program by chance: they count differently each time.
    Sampled,
    /// Those that count the instructions of a hit.
    Cost,
}

impl TestKind {
    /// Returns the kind of the test `FAMILY::TEST`.
    pub(crate) fn of(name: &str) -> Self {
        match name.split("::").next() {
            Some("interrupted") => Self::Sampled,
            Some("cost") => Self::Cost,
            _ => Self::Judged,
        }
    }
}
