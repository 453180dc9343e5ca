// SPDX-License-Identifier: GPL-2.0-only
//! What each patch and each hunk of a series changes, as text.

mod common;

use nmissed_evidence::{DroppedHunk, Noticed, Results, Run, Steps, Style, dropped_hunks, notice};
use nmissed_wire::{Outcome, Record, Tally};
use test_case::test_case;

const LETTER: Style = Style {
    width: 72,
    colour: false,
};

/// Runs and link misses of 10 hits.
fn record(scenario: &str, runs: u64, link_missed: u64) -> Record {
    let tally = Tally {
        triggers: 10,
        runs,
        link_missed: Some(link_missed),
        prog_missed: None,
    };
    let (name, _) = scenario.split_once('/').unwrap();
    Record::new(scenario, name.parse().unwrap(), None, tally)
}

fn run(variant: &str, records: Vec<Record>) -> Run {
    common::run("7.3.4", variant, &["missed::a", "missed::b"], records)
}

fn with(mut run: Run, outcome: Outcome) -> Run {
    run.tests[1].outcome = outcome;
    run
}

fn fail() -> Outcome {
    Outcome::Fail("1 != 2".to_owned())
}

/// Two scenarios that patches flip, and one that none touches.
fn step(name: &str, level_3: u64, deep: u64) -> Run {
    let records = vec![
        record("kprobe/level-3", 0, level_3),
        record("kprobe/in-itself", 10, 0),
        record(
            "uretprobe/deeper-than-the-nesting-limit-allows-it-to-be",
            4,
            deep,
        ),
    ];
    run(name, records)
}

fn steps(runs: Vec<Run>) -> String {
    let patches = ["0001-kprobes-Count.patch", "0002-uprobes-Count.patch"].map(str::to_owned);
    let results = Results { runs };
    let text = Steps::of(&results, &patches).unwrap().to_text(LETTER);
    assert!(
        text.lines()
            .all(|line| line.chars().count() <= LETTER.width),
        "{text}"
    );
    text
}

fn signs(text: &str, row: &str) -> [String; 3] {
    ["0", "1", "2"].map(|step| common::cell(text, ["after patch", "", row, step]))
}

#[test]
fn each_patch_flips_a_scenario() {
    let text = steps(vec![
        step("baseline", 0, 0),
        step("counters-01", 10, 0),
        step("counters", 10, 6),
    ]);
    let deep = "uretprobe/deeper-than-the-nesting-limit-allows-it-to-be";
    assert_eq!(signs(&text, "kprobe/level-3"), [".", "+", "+"]);
    assert_eq!(signs(&text, deep), [".", ".", "+"]);
    assert!(!text.contains("in-itself"));
    insta::assert_snapshot!(text);
}

#[test]
fn a_series_that_cannot_be_bisected() {
    let text = steps(vec![
        step("baseline", 0, 2),
        with(step("counters-01", 10, 1), fail()),
        step("counters", 10, 6),
    ]);
    let deep = "uretprobe/deeper-than-the-nesting-limit-allows-it-to-be";
    assert_eq!(signs(&text, deep), [".", "~", "+"]);
    let (_, complaints) = text.rsplit_once("\n\n").unwrap();
    assert!(complaints.contains("1 of 2 tests failed"));
    assert!(complaints.contains("is worse than"));
    insta::assert_snapshot!(text);
}

#[test]
fn nothing_changes() {
    insta::assert_snapshot!(steps(vec![step("baseline", 0, 0), step("counters", 0, 0)]));
}

#[test]
fn no_runs_have_no_steps() {
    assert!(Steps::of(&Results::default(), &[]).is_none());
}

#[test_case(step("x", 10, 6) => Noticed::Unnoticed; "nothing differs")]
#[test_case(step("x", 10, 0) => Noticed::ByTests(vec!["uretprobe/deeper-than-the-nesting-limit-allows-it-to-be has other counts".into()]); "a count")]
#[test_case(with(step("x", 10, 6), fail()) => Noticed::ByTests(vec!["missed::b (fail)".into()]); "a test")]
#[test_case(with(step("x", 10, 6), Outcome::Infra("no turn".into())) => Noticed::Unknown("1 of 2 tests did not run".into()); "the host")]
#[test_case(Run { machine: Outcome::Crash("BUG".into()), ..step("x", 10, 6) } => Noticed::ByTests(vec!["the kernel crashed".into()]); "a crash")]
fn dropping_a_hunk_is_noticed(without: Run) -> Noticed {
    notice(&step("counters", 10, 6), &without)
}

#[test]
fn hunks_of_a_series() {
    let dropped = |patch: &str, hunk: &str, noticed| DroppedHunk {
        patch: patch.to_owned(),
        hunk: hunk.to_owned(),
        noticed,
    };
    let many = (1..=5)
        .map(|n| format!("missed::test_{n} (fail)"))
        .collect();
    let undeclared = "kernel/trace/fprobe.c:12:5: error: 'fprobe_missed' undeclared (first use in this function)";
    let hunks = [
        dropped(
            "0001-a.patch",
            "Documentation/x #1 (line 9)",
            Noticed::Pointless("documentation".into()),
        ),
        dropped(
            "0001-a.patch",
            "kernel/x.c #1 (line 20)",
            Noticed::ByTests(many),
        ),
        dropped(
            "0001-a.patch",
            "kernel/x.c #2 (line 40)",
            Noticed::ByCompiler(undeclared.into()),
        ),
        dropped(
            "0002-b.patch",
            "kernel/y.c #1 (line 9)",
            Noticed::ByPatch("0003-c.patch".into()),
        ),
        dropped(
            "0002-b.patch",
            "kernel/y.c #2 (line 19)",
            Noticed::Unnoticed,
        ),
        dropped(
            "0002-b.patch",
            "kernel/y.c #3 (line 29)",
            Noticed::Unknown("the host failed".into()),
        ),
        dropped(
            "0002-b.patch",
            "kernel/y.c #4 (line 39)",
            Noticed::Unnoticed.where_uncovered("no test can make memory run out at this place"),
        ),
        dropped(
            "0002-b.patch",
            "kernel/y.c #5 (line 49)",
            Noticed::ByTests(vec!["missed::a (fail)".into()]).where_uncovered("outdated"),
        ),
    ];
    let text = dropped_hunks(&hunks, LETTER);
    assert!(
        text.lines()
            .all(|line| line.chars().count() <= LETTER.width),
        "{text}"
    );
    insta::assert_snapshot!(text);
}
