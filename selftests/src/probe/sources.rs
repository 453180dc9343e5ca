// SPDX-License-Identifier: GPL-2.0-only
//! The other sources of the counters in `bpf_link_info` and `bpf_prog_info`, which must
//! be equal where the kernel has them.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use anyhow::{Context, Result};
use nmissed_uapi::{link_missed, recursion_misses, run_count};

/// `1` where the kernel counts how often programs run.
const STATS: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// Returns how fdinfo and info of a link differ. `shown`: this kernel has `missed` in the
/// fdinfo of every link that counts it.
pub(super) fn of_link(link: impl AsFd, shown: bool) -> Result<Option<String>> {
    let link = link.as_fd();
    // A program set on a perf event by ioctl has no link.
    if Fdinfo::of(link)?.number("link_id")?.is_none() {
        return Ok(None);
    }
    let missed = || link_missed(link);
    disagreement("bpf_link_info", "missed", link, missed, shown)
}

/// Returns how fdinfo and info of a program differ:
/// `run_cnt` (`bpf_prog_show_fdinfo`, since 5.1) and `recursion_misses` (since 5.12).
pub(super) fn of_program(program: impl AsFd) -> Result<Vec<String>> {
    let program = program.as_fd();
    let info = "bpf_prog_info";
    let misses = || recursion_misses(program);
    let misses = disagreement(info, "recursion_misses", program, misses, true)?;
    let runs = disagreement(info, "run_cnt", program, || run_count(program), true)?;
    Ok(misses.into_iter().chain(runs).collect())
}

/// Returns how the kernel's count of a program's runs, if it keeps one, falls short of
/// the program's own. It may have more: a session runs on entry and on return, and a
/// program may leave out runs that are not the test's.
pub(super) fn of_runs(program: impl AsFd, runs: u64) -> Result<Option<String>> {
    if !fs::read_to_string(STATS).is_ok_and(|on| on.trim() == "1") {
        return Ok(None);
    }
    let counted = run_count(program)?.filter(|counted| *counted < runs);
    Ok(counted.map(|counted| differ("the program", runs, "run_cnt", counted)))
}

/// Compares a counter of an object with the line of its fdinfo, which may be missing
/// unless it has to be `shown`. Reading may itself hit the probe: the number in fdinfo
/// has to lie between two readings of the counter.
fn disagreement(
    asked: &str,
    key: &str,
    object: BorrowedFd<'_>,
    counter: impl Fn() -> io::Result<Option<u64>>,
    shown: bool,
) -> Result<Option<String>> {
    let before = counter()?;
    let line = Fdinfo::of(object)?.number(key)?;
    let (Some(before), Some(after)) = (before, counter()?) else {
        return Ok(None);
    };
    let source = format!("{key} of fdinfo");
    Ok(match line {
        Some(number) if (before..=after).contains(&number) => None,
        Some(number) => Some(differ(asked, after, &source, number)),
        None => shown.then(|| differ(asked, after, &source, "nothing")),
    })
}

fn differ(one: &str, says: u64, other: &str, but: impl fmt::Display) -> String {
    format!("sources disagree: {one} says {says}, {other} {but}")
}

/// The lines of `/proc/self/fdinfo/<fd>`.
struct Fdinfo(String);

impl Fdinfo {
    fn of(fd: BorrowedFd<'_>) -> Result<Self> {
        let path = format!("/proc/self/fdinfo/{}", fd.as_raw_fd());
        let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        Ok(Self(text))
    }

    /// Returns the number after `key:`, if there is such a line.
    fn number(&self, key: &str) -> Result<Option<u64>> {
        let mut lines = self.0.lines();
        let value = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        value
            .map(|value| value.trim().parse())
            .transpose()
            .with_context(|| format!("{key} is no number in fdinfo:\n{}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::pipe;
    use std::os::fd::AsFd;

    use test_case::test_case;

    use super::{Fdinfo, disagreement, of_link};

    const KPROBE_MULTI: &str = "\
pos:\t0
flags:\t02000002
link_type:\tkprobe_multi
link_id:\t7
prog_tag:\t1c2a26ac1f2ba67e
kprobe_cnt:\t2
missed:\t18446744073709551615
cookie\t func
0\t bpf_fentry_test1+0x4/0x20
";

    #[test_case("missed" => Some(u64::MAX); "the largest there is")]
    #[test_case("link_id" => Some(7); "another")]
    #[test_case("miss" => None; "a prefix is another key")]
    #[test_case("recursion_misses" => None; "not there")]
    fn number_follows_its_key(key: &str) -> Option<u64> {
        Fdinfo(KPROBE_MULTI.to_owned()).number(key).unwrap()
    }

    #[test_case("link_type"; "a word")]
    #[test_case("prog_tag"; "digits and letters")]
    fn other_words_are_errors(key: &str) {
        assert!(Fdinfo(KPROBE_MULTI.to_owned()).number(key).is_err());
    }

    /// `pos`, the position of a pipe, is 0 and stands for a counter.
    #[test_case("pos", &[Some(0), Some(0)], true => None; "the same")]
    #[test_case("pos", &[Some(0), Some(9)], true => None; "counted meanwhile")]
    #[test_case("pos", &[Some(3), Some(3)], false
        => Some("sources disagree: asked says 3, pos of fdinfo 0".to_owned()); "another")]
    #[test_case("pos", &[None, None], true => None; "only fdinfo has it")]
    #[test_case("missed", &[Some(3), Some(3)], false => None; "fdinfo lacks it")]
    #[test_case("missed", &[Some(3), Some(3)], true
        => Some("sources disagree: asked says 3, missed of fdinfo nothing".to_owned());
        "fdinfo has to have it")]
    fn counter_lies_between_two_readings(
        key: &str,
        answers: &[Option<u64>],
        shown: bool,
    ) -> Option<String> {
        let (object, _other_end) = pipe().unwrap();
        let next = Cell::new(0);
        let counter = || Ok(answers[next.replace(next.get() + 1)]);
        disagreement("asked", key, object.as_fd(), counter, shown).unwrap()
    }

    #[test]
    fn without_a_link_nothing_is_compared() {
        let (no_link, _other_end) = pipe().unwrap();
        assert_eq!(of_link(&no_link, true).unwrap(), None);
    }
}
