// SPDX-License-Identifier: GPL-2.0-only
//! One observation of one scenario.

use serde::{Deserialize, Serialize};

/// Where the hits of one probed program went.
///
/// All counts are numbers of hits since the probe was attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How often the probe was hit, known by construction of the scenario.
    pub triggers: u64,
    /// How often the BPF program ran, counted by the program itself.
    pub runs: u64,
    /// The link's missed counter (`bpf_link_info`), `None` where this kind of
    /// link has none on the running kernel.
    pub link_missed: Option<u64>,
    /// The program's `recursion_misses` (`bpf_prog_info`, since 5.12), `None`
    /// where the running kernel has none.
    pub prog_missed: Option<u64>,
}

impl Tally {
    /// Hits that neither ran the program nor show in a counter.
    ///
    /// Negative when the kernel counts a hit more than once: before 7.x a
    /// `kprobe.session` program that was skipped on entry was tried, and
    /// counted, again on return (`kprobe_multi_link_prog_run`).
    #[must_use]
    pub fn lost(&self) -> i64 {
        let heard = self.runs + self.link_missed.unwrap_or(0) + self.prog_missed.unwrap_or(0);
        self.triggers.cast_signed() - heard.cast_signed()
    }
}

/// One observation of one scenario: the row of every table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// `<attach type>/<what happens>`, for example
    /// `kprobe.multi/nested-other-prog`. Stable: other programs key on it.
    pub scenario: String,
    /// The attach type of the observed program, in libbpf's spelling without
    /// `SEC()`'s target: `kprobe`, `kprobe.multi`, `kprobe.session`, `tp`...
    pub attach_type: String,
    /// How the probe was really armed, as the running kernel says:
    /// `ftrace`, `int3` or `optimized` for kprobes (debugfs `kprobes/list`),
    /// `None` where the attach type has only one form.
    pub flavor: Option<String>,
    /// Where the hits went.
    #[serde(flatten)]
    pub tally: Tally,
    /// [`Tally::lost`], written out for readers of the JSON.
    pub lost: i64,
}

impl Record {
    /// A record whose `lost` is what the tally leaves.
    #[must_use]
    pub fn new(scenario: &str, attach_type: &str, flavor: Option<&str>, tally: Tally) -> Self {
        Self {
            scenario: scenario.to_owned(),
            attach_type: attach_type.to_owned(),
            flavor: flavor.map(str::to_owned),
            tally,
            lost: tally.lost(),
        }
    }
}
