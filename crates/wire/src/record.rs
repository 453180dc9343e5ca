// SPDX-License-Identifier: GPL-2.0-only
//! One observation of one scenario.

use serde::{Deserialize, Serialize};

use crate::{AttachType, Flavor};

/// Between the attach type of the program that is hit and that of the program that runs
/// meanwhile: `kprobe.multi/pair-in-fentry`.
pub const PAIR_IN: &str = "/pair-in-";

/// Between the attach type and the setting of a scenario whose hits meet a running program
/// by chance: `kprobe.multi/sampled-natural`. One record per repetition.
pub const SAMPLED: &str = "/sampled-";

/// The largest count of a record.
const MOST: u64 = 1 << 48;

/// Between the attach type and the number of probes in the same place: `kprobe/cost-100`.
/// The record has [`Record::instructions`].
pub const COST: &str = "/cost-";

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
    /// Negative when the kernel counts a hit more than once: before 6.14
    /// (2ebadb60cb36) a `kprobe.session` program that was skipped on entry was tried, and
    /// counted, again on return (`kprobe_multi_link_prog_run`).
    #[must_use]
    pub fn lost(&self) -> i64 {
        // Wrapping, so that no file of numbers can panic a reader; exact
        // whenever the result fits.
        self.triggers
            .wrapping_sub(self.runs)
            .wrapping_sub(self.link_missed.unwrap_or(0))
            .wrapping_sub(self.prog_missed.unwrap_or(0))
            .cast_signed()
    }
}

/// One observation of one scenario: the row of every table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// `<attach type>/<what happens>`, for example
    /// `kprobe.multi/nested-other-prog`. Stable: other programs key on it.
    pub scenario: String,
    /// The attach type of the observed program.
    pub attach_type: AttachType,
    /// How a kprobe was armed, as the running kernel says (debugfs `kprobes/list`);
    /// `None` where the attach type has only one form.
    pub flavor: Option<Flavor>,
    /// Where the hits went.
    #[serde(flatten)]
    pub tally: Tally,
    /// [`Tally::lost`], written out for readers of the JSON.
    pub lost: i64,
    /// Why hits are lost, or counted twice, where just that is expected: the kernel
    /// function that makes it so. `None` where every hit is counted once, and where no
    /// expectation has a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_because: Option<String>,
    /// Where just these counts are expected: the behaviours that the expectation depends
    /// on, each as `has` or `lacks`, its name, and the releases that have it:
    /// `has fprobe-on-fgraph: since Linux 6.14 (4346ba160409 ...)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// Of a hit by chance that ran no program: the kernel functions on the stack, innermost
    /// first (`__put_task_struct+0x5`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<String>,
    /// Of [`COST`]: how many more instructions of the guest, in kernel and user space, a
    /// trigger takes with all these probes than without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<u64>,
}

impl Record {
    /// A record whose `lost` is what the tally leaves.
    #[must_use]
    pub fn new(
        scenario: &str,
        attach_type: AttachType,
        flavor: Option<Flavor>,
        tally: Tally,
    ) -> Self {
        Self {
            scenario: scenario.to_owned(),
            attach_type,
            flavor,
            tally,
            lost: tally.lost(),
            lost_because: None,
            depends_on: Vec::new(),
            stack: Vec::new(),
            instructions: None,
        }
    }

    /// Checks what a reader relies on.
    ///
    /// # Errors
    /// What is wrong: a name that is not `<attach type>/<what happens>` in printable
    /// characters, a count that no test reaches, or a `lost` that the counts do not leave.
    pub fn check(&self) -> Result<(), String> {
        let Self {
            scenario,
            attach_type,
            tally,
            lost,
            ..
        } = self;
        let name = scenario.strip_prefix(attach_type.name());
        let is_plain = |name: &str| name.chars().all(|c| !c.is_control());
        if !name.is_some_and(|name| name.starts_with('/') && is_plain(name)) {
            return Err(format!("{scenario:?} is no scenario of {attach_type}"));
        }
        let counts = [tally.triggers, tally.runs].into_iter();
        let counts = counts.chain(tally.link_missed).chain(tally.prog_missed);
        if let Some(count) = counts.into_iter().find(|count| *count > MOST) {
            return Err(format!("a count of {count}"));
        }
        match tally.lost() {
            left if left == *lost => Ok(()),
            left => Err(format!("lost is {lost}, but the counts leave {left}")),
        }
    }

    /// The same with the reason for what is lost, if anything is.
    #[must_use]
    pub fn because(self, why: &str) -> Self {
        Self {
            lost_because: (self.lost != 0).then(|| why.to_owned()),
            ..self
        }
    }

    /// Whether hits are lost or counted twice, and no expectation has a reason.
    #[must_use]
    pub fn is_unexplained(&self) -> bool {
        self.tally.lost() != 0 && self.lost_because.is_none()
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case(1000, 1000, Some(0), Some(0) => 0; "every hit ran")]
    #[test_case(1000, 0, Some(400), Some(600) => 0; "every hit is counted")]
    #[test_case(1000, 200, Some(300), None => 500; "a counter that does not exist counts nothing")]
    #[test_case(1000, 0, None, None => 1000; "no counter at all")]
    #[test_case(1000, 0, Some(0), Some(2000) => -1000; "every hit is counted twice")]
    #[test_case(u64::MAX, u64::MAX, Some(u64::MAX), None => 1; "numbers no kernel has")]
    fn lost_is_what_remains(
        triggers: u64,
        runs: u64,
        link_missed: Option<u64>,
        prog_missed: Option<u64>,
    ) -> i64 {
        let tally = Tally {
            triggers,
            runs,
            link_missed,
            prog_missed,
        };
        tally.lost()
    }

    #[test_case("kprobe/x", 9, 9 => true; "as it should be")]
    #[test_case("kprobe/\u{1b}[2J", 9, 9 => false; "escape sequence")]
    #[test_case("kprobe.multi/x", 9, 9 => false; "another attach type")]
    #[test_case("kprobe", 9, 9 => false; "no name")]
    #[test_case("kprobe/x", 9, 8 => false; "a wrong sum")]
    #[test_case("kprobe/x", u64::MAX, -1 => false; "more than any test fires")]
    fn a_record_is_checked(scenario: &str, triggers: u64, lost: i64) -> bool {
        let tally = Tally {
            triggers,
            ..Tally::default()
        };
        let record = Record::new(scenario, AttachType::Kprobe, None, tally);
        Record { lost, ..record }.check().is_ok()
    }

    #[test]
    fn the_json_is_flat_and_a_missing_counter_is_null() {
        let tally = Tally {
            triggers: 10,
            runs: 4,
            link_missed: None,
            prog_missed: Some(6),
        };
        let record = Record::new(
            "kprobe/nested",
            AttachType::Kprobe,
            Some(Flavor::Ftrace),
            tally,
        );
        let json = concat!(
            r#"{"scenario":"kprobe/nested","attach_type":"kprobe","flavor":"ftrace","#,
            r#""triggers":10,"runs":4,"link_missed":null,"prog_missed":6,"lost":0}"#,
        );
        assert_eq!(serde_json::to_string(&record).unwrap(), json);
        assert_eq!(serde_json::from_str::<Record>(json).unwrap(), record);
    }

    #[test_case(4, "trace_call_bpf" => (false, None); "nothing is lost")]
    #[test_case(3, "trace_call_bpf" => (true, Some("trace_call_bpf".to_owned())); "one hit is")]
    fn only_what_is_lost_has_a_reason(runs: u64, why: &str) -> (bool, Option<String>) {
        let tally = Tally {
            triggers: 4,
            runs,
            ..Tally::default()
        };
        let record = Record::new("kprobe/nested", AttachType::Kprobe, None, tally);
        let unexplained = record.is_unexplained();
        let explained = record.because(why);
        assert!(!explained.is_unexplained());
        let json = serde_json::to_string(&explained).unwrap();
        assert_eq!(json.contains("lost_because"), unexplained);
        (unexplained, explained.lost_because)
    }
}
