// SPDX-License-Identifier: GPL-2.0-only
//! Results as text, as people read them.

mod common;

use std::collections::BTreeSet;

use common::cell;
use nmissed_evidence::{Results, Run, Style};
use nmissed_wire::{AttachType, Flavor, Outcome, Record, Tally};
use proptest::prelude::*;

/// The width of a cover letter.
const LETTER: Style = Style {
    width: 72,
    colour: false,
};

/// Runs, link misses and program misses.
type Counts = (u64, Option<u64>, Option<u64>);

fn counts(runs: u64, link_missed: u64, prog_missed: u64) -> Counts {
    (runs, Some(link_missed), Some(prog_missed))
}

fn record(scenario: &str, triggers: u64, (runs, link_missed, prog_missed): Counts) -> Record {
    let name = scenario.split('/').next().unwrap();
    let attach_type = name.parse().unwrap_or(AttachType::Kprobe);
    let tally = Tally {
        triggers,
        runs,
        link_missed,
        prog_missed,
    };
    Record::new(scenario, attach_type, None, tally).because("a kernel function")
}

fn unexplained(record: Record) -> Record {
    Record {
        lost_because: None,
        ..record
    }
}

/// A run in which each of five tests passed.
fn run(variant: &str, records: Vec<Record>) -> Run {
    let tests = [
        "missed::perf_kprobe",
        "missed::kprobe_recursion",
        "missed::tp_recursion",
        "missed::nested",
        "missed::syscall",
    ];
    common::run("6.12.117", variant, &tests, records)
}

/// What a stock 6.12 shows at a number of triggers.
fn baseline_at(n: u64) -> Vec<Record> {
    vec![
        record("kprobe/nested", n, counts(0, n, 0)),
        record("kprobe/nested-in-kprobe.multi", n, counts(0, 0, n)),
        record("kprobe.multi/outer", n, counts(n, 0, 0)),
        record("kprobe.multi/nested-other-prog", n, counts(0, 0, n)),
        record("kprobe.multi/nested-same-prog", n, counts(0, 0, n)),
        record("kprobe.multi/in-perf-kprobe", n, counts(0, 0, n)),
        record("kprobe.multi/map-syscall", n, counts(0, 0, n)),
        record("tp/nested", n, counts(0, 0, n)),
        record("tp/nested-same-event", n, (0, None, Some(0))),
    ]
}

/// The same with some scenarios changed.
fn changed(records: Vec<Record>, changes: &[(&str, Counts)]) -> Vec<Record> {
    records
        .into_iter()
        .map(
            |old| match changes.iter().find(|(id, _)| *id == old.scenario) {
                Some((id, counts)) => record(id, old.tally.triggers, *counts),
                None => old,
            },
        )
        .collect()
}

fn baseline() -> Run {
    run("baseline", baseline_at(1000))
}

fn active() -> Run {
    let all_ran = counts(1000, 0, 0);
    let changes = [
        ("kprobe/nested-in-kprobe.multi", all_ran),
        ("kprobe.multi/nested-other-prog", all_ran),
        ("kprobe.multi/in-perf-kprobe", all_ran),
        ("kprobe.multi/map-syscall", all_ran),
    ];
    run("active", changed(baseline_at(1000), &changes))
}

fn guarded() -> Run {
    let all_ran = counts(1000, 0, 0);
    let changes = [
        ("kprobe/nested-in-kprobe.multi", all_ran),
        ("kprobe.multi/nested-other-prog", all_ran),
    ];
    run("guarded", changed(baseline_at(1000), &changes))
}

fn failed(mut run: Run, test: usize, outcome: Outcome) -> Run {
    run.tests[test].outcome = outcome;
    run
}

/// The machine ended in this way while the test ran; those after it did not run.
fn ended(mut run: Run, test: usize, records: usize, outcome: &Outcome) -> Run {
    let why = format!("not run: the machine ended before ({})", outcome.name());
    for later in run.tests.iter_mut().skip(test + 1) {
        later.outcome = Outcome::Infra(why.clone());
    }
    run.records.truncate(records);
    run.machine = outcome.clone();
    failed(run, test, outcome.clone())
}

fn text(runs: Vec<Run>) -> String {
    let text = Results { runs }.to_text(LETTER);
    for line in text.lines() {
        assert!(line.chars().count() <= LETTER.width, "too wide: {line}");
        assert_eq!(line, line.trim_end());
    }
    text
}

/// The cells of an attach type in the summary.
#[track_caller]
fn summary(text: &str, variant: &str, attach_type: &str) -> [String; 6] {
    ["run", "link", "prog", "lost", "twice", "mark"]
        .map(|column| cell(text, ["attach type", variant, attach_type, column]))
}

/// The cells of a scenario in the detail table.
#[track_caller]
fn detail(text: &str, variant: &str, scenario: &str) -> [String; 6] {
    ["runs", "link", "prog", "lost", "twice", "mark"]
        .map(|column| cell(text, ["scenario", variant, scenario, column]))
}

/// The lines before the table of runs.
fn wrong(text: &str) -> &str {
    text.split("variant ").next().unwrap()
}

#[test]
fn nothing() {
    insta::assert_snapshot!(text(vec![]), @"Nothing ran.");
}

#[test]
fn baseline_only() {
    let text = text(vec![baseline()]);
    assert!(wrong(&text).ends_with("Nothing failed, every loss has a known reason.\n\n"));
    assert_eq!(
        summary(&text, "baseline", "kprobe"),
        [".", "1", "1", ".", ".", ""]
    );
    assert_eq!(
        summary(&text, "baseline", "kprobe.multi"),
        ["1", ".", "4", ".", ".", ""]
    );
    assert_eq!(
        summary(&text, "baseline", "tp"),
        [".", ".", "1", "1", ".", ""]
    );
    assert_eq!(
        summary(&text, "baseline", "all"),
        ["1", "1", "6", "1", ".", ""]
    );
    let row = detail(&text, "baseline", "tp/nested-same-event");
    assert_eq!(row, [".", "-", ".", "1000", ".", ""]);
    insta::assert_snapshot!(text);
}

#[test]
fn baseline_and_active() {
    let text = text(vec![baseline(), active()]);
    assert_eq!(
        summary(&text, "baseline", "kprobe.multi"),
        ["1", ".", "4", ".", ".", ""]
    );
    assert_eq!(
        summary(&text, "active", "kprobe.multi"),
        ["4", ".", "1", ".", ".", "+"]
    );
    assert_eq!(
        summary(&text, "active", "tp"),
        [".", ".", "1", "1", ".", ""]
    );
    assert_eq!(
        summary(&text, "active", "all"),
        ["5", "1", "2", "1", ".", "+"]
    );
    let row = detail(&text, "active", "kprobe.multi/map-syscall");
    assert_eq!(row, ["1000", ".", ".", ".", ".", "+"]);
    assert!(text.contains("turns counted misses of 4 scenarios into runs"));
    insta::assert_snapshot!(text);
}

#[test]
fn three_variants_stack() {
    let text = text(vec![baseline(), active(), guarded()]);
    assert_eq!(
        summary(&text, "active", "kprobe.multi"),
        ["4", ".", "1", ".", ".", "+"]
    );
    assert_eq!(
        summary(&text, "guarded", "kprobe.multi"),
        ["2", ".", "3", ".", ".", "+"]
    );
    let row = detail(&text, "guarded", "kprobe.multi/in-perf-kprobe");
    assert_eq!(row, [".", ".", "1000", ".", ".", ""]);
    insta::assert_snapshot!(text);
}

#[test]
fn three_variants_side_by_side() {
    let results = Results {
        runs: vec![baseline(), active(), guarded()],
    };
    let wide = Style {
        width: 120,
        colour: false,
    };
    let text = results.to_text(wide);
    assert_eq!(
        summary(&text, "guarded", "all"),
        ["3", "1", "4", "1", ".", "+"]
    );
    insta::assert_snapshot!(text);
}

#[test]
fn in_colour() {
    let results = Results {
        runs: vec![
            baseline(),
            failed(active(), 0, Outcome::Fail("1 != 2".to_owned())),
        ],
    };
    let text = results.to_text(Style {
        colour: true,
        ..LETTER
    });
    insta::assert_snapshot!(text.replace('\x1b', "ESC"));
}

#[test]
fn two_kernels() {
    let newer = |variant: &str| Run {
        kernel: "7.3".to_owned(),
        release: format!("7.3.4-nmissed-{variant}"),
        ..run(variant, baseline_at(1))
    };
    let text = text(vec![
        run("baseline", baseline_at(1)),
        newer("baseline"),
        newer("active"),
    ]);
    let (_, second) = text.split_once("Kernel 7.3").unwrap();
    assert_eq!(
        summary(second, "active", "all"),
        ["1", "1", "6", "1", ".", ""]
    );
    insta::assert_snapshot!(text);
}

#[test]
fn a_failing_and_a_skipped_test() {
    let panic = "\
thread 'kprobe_recursion' panicked at selftests/tests/missed.rs:71:5:
assertion `left == right` failed: prog_missed of kprobe.multi/nested-other-prog after 1000 triggers
  left: 999
 right: 1000
";
    let long = (1..=25).map(|n| format!("line {n}\n")).collect();
    let skip = Outcome::Skip("the kernel lacks CONFIG_FPROBE".to_owned());
    let run = failed(active(), 1, Outcome::Fail(panic.to_owned()));
    let run = failed(run, 3, Outcome::Fail(long));
    let text = text(vec![baseline(), failed(run, 4, skip)]);
    assert!(wrong(&text).contains("FAIL     active: missed::kprobe_recursion\n"));
    assert!(wrong(&text).contains("FAIL     active: missed::nested\n"));
    assert!(!wrong(&text).contains("SKIP"));
    assert!(text.contains("\nactive       2    2    1 "));
    assert!(text.contains("SKIP     active: missed::syscall\n"));
    insta::assert_snapshot!(text);
}

#[test]
fn a_crash_in_the_middle() {
    let bug = "BUG: kernel NULL pointer dereference, address: 0000000000000010";
    let crash = Outcome::Crash(bug.to_owned());
    let in_the_middle = text(vec![baseline(), ended(active(), 1, 4, &crash)]);
    assert!(wrong(&in_the_middle).contains("CRASH    active: the machine\n"));
    let none = |row| cell(&in_the_middle, ["attach type", "active", row, "none"]);
    assert_eq!([none("kprobe"), none("tp"), none("all")], [".", "2", "5"]);
    let row = summary(&in_the_middle, "active", "kprobe.multi");
    assert_eq!(row[..5], ["2", ".", ".", ".", "."]);
    let words: Vec<_> = in_the_middle.split_whitespace().collect();
    assert!(
        words
            .join(" ")
            .contains("5 scenarios without a record here")
    );
    insta::assert_snapshot!(in_the_middle);
    let at_once = text(vec![ended(baseline(), 0, 0, &crash)]);
    assert!(at_once.ends_with("run; no records\n"), "{at_once}");
    insta::assert_snapshot!("a_crash_at_once", at_once);
}

#[test]
fn a_hang_before_anything() {
    let hang = Outcome::Hang("no word from PID 1 within 20 s".to_owned());
    let silent = |variant| Run {
        boot_s: None,
        machine: hang.clone(),
        tests: vec![],
        ..run(variant, vec![])
    };
    let text = text(vec![silent("baseline"), silent("active")]);
    assert!(wrong(&text).contains("HANG     active: the machine\n"));
    insta::assert_snapshot!(text);
}

#[test]
fn a_kernel_that_reports_more() {
    let rcu = "WARNING: suspicious RCU usage".to_owned();
    let place = |line| format!("WARNING: kernel/trace/fprobe.c:{line} at f+0x1/0x2, CPU#1: a/71");
    let before = Run {
        reports: vec![place(9), place(9)],
        ..run("baseline", vec![])
    };
    let after = Run {
        reports: vec![place(12), rcu.clone(), rcu],
        ..run("counters", vec![])
    };
    let results = Results {
        runs: vec![before, after],
    };
    assert!(results.has_new_reports());
    let text = results.to_text(LETTER);
    let new = "NEW      counters: the kernel reports\n         WARNING: suspicious RCU usage\n";
    assert!(wrong(&text).contains(new));
    assert_eq!(text.matches("fprobe.c:9").count(), 1);
    assert_eq!(text.matches("fprobe.c:12").count(), 0);
    insta::assert_snapshot!(text);
}

#[test]
fn output_of_a_test_cannot_move_the_cursor() {
    let fail = Outcome::Fail("\x1b[31mred\x1b[0m\ttab\r\nbell\x07".to_owned());
    let text = text(vec![failed(run("baseline", vec![]), 0, fail)]);
    assert!(
        !text.chars().any(|c| c.is_control() && c != '\n'),
        "{text:?}"
    );
}

#[test]
fn null_counters() {
    let none = |runs| (runs, None, None);
    let before = vec![
        record("uprobe/nested", 10, none(10)),
        record("uretprobe/deep", 100, none(64)),
        record("perf_event/in-kprobe", 10, none(0)),
    ];
    let after = vec![
        record("uprobe/nested", 10, (10, Some(0), None)),
        record("uretprobe/deep", 100, (64, Some(36), None)),
        record("perf_event/in-kprobe", 10, (0, None, Some(10))),
    ];
    let text = text(vec![run("baseline", before), run("counters", after)]);
    let deep = |variant| detail(&text, variant, "uretprobe/deep");
    assert_eq!(deep("baseline"), ["64", "-", "-", "36", ".", ""]);
    assert_eq!(deep("counters"), ["64", "36", "-", ".", ".", "+"]);
    assert_eq!(
        summary(&text, "baseline", "all"),
        ["1", ".", ".", "2", ".", ""]
    );
    assert_eq!(
        summary(&text, "counters", "all"),
        ["1", "1", "1", ".", ".", "+"]
    );
    insta::assert_snapshot!(text);
}

#[test]
fn long_names_and_large_counts() {
    let long = "kprobe.session/nested-in-a-kprobe.multi-of-another-program-on-return";
    let many = 12_345_678;
    let records = |of_long| {
        vec![
            record("kprobe.session/short", many, counts(many, 0, 0)),
            record(long, many, of_long),
            record("no-attach-type", many, counts(many, 0, 0)),
        ]
    };
    let before = run("baseline", records(counts(0, 0, 2 * many)));
    let after = run("v2-0001-bpf-use-prog-active", records(counts(many, 0, 0)));
    let style = Style {
        width: 80,
        colour: false,
    };
    let results = Results {
        runs: vec![before, after],
    };
    let text = results.to_text(style);
    // Releases stay whole.
    let mut tables = text.lines().skip_while(|line| !line.starts_with("Number"));
    assert!(tables.all(|line| line.chars().count() <= style.width));
    let many = many.to_string();
    let row = detail(&text, "baseline", long);
    assert_eq!(row, [".", ".", "24691356", ".", &many, ""]);
    assert_eq!(
        cell(
            &text,
            ["scenario", "v2-0001-bpf-use-prog-active", long, "runs"]
        ),
        many
    );
    assert_eq!(
        summary(&text, "baseline", "kprobe.session"),
        ["1", ".", ".", ".", "1", ""]
    );
    insta::assert_snapshot!(text);
}

#[test]
fn counts_that_scale_take_one_row_and_others_several() {
    let at = |n: u64| {
        let mut records = baseline_at(n);
        records.push(record("uretprobe/deep", n, (n.min(64), None, None)));
        records
    };
    let all = [1, 10, 100].map(at).concat();
    let text = text(vec![run("baseline", all.clone()), run("active", all)]);
    // At 1 trigger it runs; at 100 it does not always.
    assert_eq!(
        summary(&text, "active", "uretprobe"),
        ["1*", ".", ".", ".", ".", ""]
    );
    assert_eq!(
        summary(&text, "active", "all"),
        ["2*", "1", "6", "1", ".", ""]
    );
    let hits = |row| cell(&text, ["scenario", "", row, "hits"]);
    assert_eq!([hits("tp/nested"), hits("uretprobe/deep")], ["100", "1"]);
    assert_eq!(text.matches("\n  deep").count(), 3);
    insta::assert_snapshot!(text);
}

#[test]
fn pairs_are_counted_and_not_shown() {
    let pairs = |counts| {
        let inners = ["kprobe.multi", "tp"];
        inners.map(|inner| record(&format!("{inner}/pair-in-kprobe"), 2, counts))
    };
    let with = |run: Run, pairs: [Record; 2]| Run {
        records: [&run.records[..1], &pairs].concat(),
        ..run
    };
    let [multi, tp] = pairs(counts(0, 0, 2));
    let [multi_runs, _] = pairs(counts(2, 0, 0));
    let runs = vec![
        with(baseline(), [multi, tp.clone()]),
        with(active(), [multi_runs, tp]),
    ];
    let text = text(runs);
    assert_eq!(
        summary(&text, "active", "all"),
        [".", "1", ".", ".", ".", ""]
    );
    assert!(text.contains("1 scenario; 2 pairs of programs"));
    assert!(text.contains("changes nothing; 1 of 2 pairs of programs differ"));
    insta::assert_snapshot!(text);
}

#[test]
fn flavors_are_separate_and_every_kind_of_change_is_marked() {
    let flavored = |flavor, counts| Record {
        flavor: Some(flavor),
        ..record("kprobe/nested", 10, counts)
    };
    let before = vec![
        flavored(Flavor::Ftrace, counts(0, 10, 0)),
        flavored(Flavor::Int3, counts(0, 0, 0)),
        record("tp/worse", 10, counts(10, 0, 0)),
        record("tp/mixed", 10, counts(5, 0, 5)),
        record("tp/moved", 10, counts(0, 0, 10)),
        record("tp/gone", 10, counts(0, 0, 10)),
    ];
    let after = vec![
        flavored(Flavor::Ftrace, counts(0, 10, 0)),
        flavored(Flavor::Int3, counts(4, 6, 0)),
        record("tp/worse", 10, counts(0, 0, 9)),
        record("tp/mixed", 10, counts(6, 0, 0)),
        record("tp/moved", 10, counts(0, 10, 0)),
        record("tp/new", 10, counts(10, 0, 0)),
    ];
    let text = text(vec![run("baseline", before), run("mine", after)]);
    let mark = |row| cell(&text, ["scenario", "mine", row, "mark"]);
    let rows = [
        ("kprobe/nested [ftrace]", ""),
        ("kprobe/nested [int3]", "+"),
        ("tp/worse", "!"),
        ("tp/mixed", "~"),
        ("tp/moved", "~"),
        ("tp/new", ""),
    ];
    for (row, expected) in rows {
        assert_eq!(mark(row), expected, "{row}");
    }
    assert_eq!(summary(&text, "mine", "kprobe")[5], "+");
    assert_eq!(summary(&text, "mine", "tp")[5], "~");
    assert!(
        wrong(&text).contains("WORSE    mine: 2 scenarios, worse"),
        "{text}"
    );
    insta::assert_snapshot!(text);
}

#[test]
fn unexplained_losses_are_marked_and_come_first() {
    let twice = record("kprobe.session/twice", 10, counts(0, 0, 20));
    let lost = unexplained(record("kprobe.session/lost", 10, counts(0, 0, 0)));
    let known = record("kprobe/lost", 10, counts(0, 0, 0));
    let text = text(vec![run("baseline", vec![twice, lost, known])]);
    let session = summary(&text, "baseline", "kprobe.session");
    assert_eq!(session, [".", ".", ".", "1?", "1", ""]);
    assert_eq!(
        summary(&text, "baseline", "all"),
        [".", ".", ".", "2?", "1", ""]
    );
    let row = detail(&text, "baseline", "kprobe.session/lost");
    assert_eq!(row, [".", ".", ".", "10?", ".", ""]);
    assert!(
        wrong(&text).contains("UNKNOWN  baseline: 1 scenario"),
        "{text}"
    );
    assert!(
        wrong(&text).contains("         kprobe.session/lost\n"),
        "{text}"
    );
    insta::assert_snapshot!(text);
}

#[test]
fn each_slow_test_is_listed_once() {
    let mut runs = vec![baseline(), active()];
    let seconds = (1..).map(f64::from);
    let tests = runs.iter_mut().flat_map(|run| &mut run.tests);
    tests
        .zip(seconds)
        .for_each(|(test, s)| test.seconds = 3.0 * s % 14.0);
    let results = Results { runs };
    insta::assert_snapshot!(results.slowest_to_text(3), @r"
    Kernel 6.12: the slowest tests
     13.00s  active    missed::nested
     10.00s  active    missed::tp_recursion
      7.00s  active    missed::kprobe_recursion
    ");
    assert_eq!(results.slowest_to_text(100).lines().count(), 6);
}

/// As `cargo xtask vm test --repeat 4` has it, with one boot more.
fn repeated(odd: Option<u64>) -> Run {
    let records = |runs: u64| vec![record("kprobe/nested", 10, counts(runs, 10 - runs, 0))];
    let one = |runs| Run {
        records: records(runs),
        ..run("baseline", vec![])
    };
    let mut all = one(0);
    let skip = Outcome::Skip("the kernel lacks CONFIG_FPROBE".to_owned());
    let tests = failed(one(0), 4, skip).tests;
    all.tests = (0..4).flat_map(|_| tests.clone()).collect();
    let times = (0..4).map(|n| records(odd.filter(|_| n == 2).unwrap_or(0)));
    let again = Run { tests, ..one(0) };
    all.repeated(5, times.collect()).and_boot(again)
}

#[test]
fn repetitions_are_the_same_or_not() {
    let mut mine = repeated(Some(7));
    mine.variant = "mine".to_owned();
    mine.repetitions[0].tests[1].outcome = Outcome::Fail("1 != 2".to_owned());
    let text = text(vec![repeated(None), mine]);
    assert!(
        wrong(&text).contains("5 times in 2 boots: 2 differences\n"),
        "{text}"
    );
    assert!(wrong(&text).contains("fail: in 2\n"), "{text}");
    assert!(
        text.ends_with("5 times in 2 boots: no difference\n"),
        "{text}"
    );
    insta::assert_snapshot!(text);
}

/// Every attach type, at the width of a terminal.
#[test]
fn two_variants_stand_side_by_side_in_eighty_columns() {
    let records = |runs: u64| -> Vec<Record> {
        let types = AttachType::ALL.iter();
        types
            .map(|it| record(&format!("{it}/in-itself"), 1, counts(runs, 1 - runs, 0)))
            .collect()
    };
    let terminal = Style {
        width: 80,
        colour: false,
    };
    let runs = vec![run("baseline", records(0)), run("active", records(1))];
    let text = Results { runs }.to_text(terminal);
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    let all = AttachType::ALL.len().to_string();
    assert_eq!(
        summary(&text, "baseline", "all"),
        [".", &all, ".", ".", ".", ""]
    );
    assert_eq!(
        summary(&text, "active", "all"),
        [&all, ".", ".", ".", ".", "+"]
    );
    assert_eq!(text.matches("attach type ").count(), 1);
    insta::assert_snapshot!(text);
}

/// The second variant fits beside the first, the third does not.
#[test]
fn the_widest_variant_decides_what_stands_side_by_side() {
    let one = |runs| vec![record("tp/a", 0, counts(runs, 0, 0))];
    let records = [one(0), one(0), one(100_000)];
    let runs = ["one", "two", "three"].into_iter().zip(records);
    let runs = runs.map(|(name, records)| run(name, records)).collect();
    let text = Results { runs }.to_text(Style {
        width: 69,
        colour: false,
    });
    assert!(
        text.lines().all(|line| line.chars().count() <= 69),
        "{text}"
    );
    assert_eq!(text.matches("\nscenario ").count(), 2, "{text}");
}

prop_compose! {
    fn some_record()(
        scenario in "(tp|kprobe|uretprobe[.]multi)/[ab]{1,40}|",
        triggers in prop_oneof![0..9_u64, any::<u64>()],
        runs in prop_oneof![0..9_u64, any::<u64>()],
        link_missed: Option<u64>,
        prog_missed: Option<u64>,
    ) -> Record {
        record(&scenario, triggers, (runs, link_missed, prog_missed))
    }
}

prop_compose! {
    /// Numbers that fit in a cover letter.
    fn small_record()(
        scenario in "(tp|kprobe|uretprobe[.]multi)/[ab]{1,40}",
        triggers in 0..100_000_u64,
        runs in 0..100_000_u64,
        link_missed in prop::option::of(0..100_000_u64),
        prog_missed in prop::option::of(0..100_000_u64),
    ) -> Record {
        record(&scenario, triggers, (runs, link_missed, prog_missed))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_results_and_width_have_a_text(
        records in prop::collection::vec(prop::collection::vec(some_record(), 0..9), 0..5),
        width in 0..200_usize,
        colour: bool,
    ) {
        let count = records.len();
        let runs = records.into_iter().map(|records| run("any", records));
        let results = Results { runs: runs.collect() };
        let text = results.to_text(Style { width, colour });
        prop_assert_eq!(text.matches("6.12.117-nmissed-any").count(), count);
    }

    #[test]
    fn each_scenario_is_counted_once_and_listed_within_the_width(
        records in prop::collection::vec(prop::collection::vec(small_record(), 1..9), 1..4),
        width in 72..200_usize,
    ) {
        let variants = ["one", "two", "three"].into_iter();
        let names: BTreeSet<_> =
            records.iter().flatten().map(|it| it.scenario.clone()).collect();
        let runs = variants.zip(records).map(|(name, records)| run(name, records));
        let results = Results { runs: runs.collect() };
        let text = results.to_text(Style { width, colour: false });
        for line in text.lines() {
            prop_assert!(line.chars().count() <= width, "{}", text);
        }
        for it in &results.runs {
            for attach_type in ["tp", "kprobe", "uretprobe.multi", "all"] {
                let is_of = |name: &&String| {
                    attach_type == "all" || name.starts_with(&format!("{attach_type}/"))
                };
                let expected = names.iter().filter(is_of).count();
                if expected > 0 {
                    prop_assert_eq!(sum(&text, &it.variant, attach_type), expected, "{}", text);
                }
            }
        }
        let least = |name: &String| {
            let rows = results.runs.iter().flat_map(|run| &run.records);
            rows.filter(|it| it.scenario == *name).map(|it| it.tally.triggers).min().unwrap()
        };
        for name in &names {
            // One row, or the first of several.
            let several = results.runs.iter().any(|run| {
                run.records.iter().filter(|it| it.scenario == *name).count() > 1
            });
            if !several && text.contains(" hits  ") {
                prop_assert!(cell(&text, ["scenario", "", name, "hits"]).parse::<u64>().unwrap() >= least(name));
            }
        }
    }
}

/// All counts of an attach type in the summary.
fn sum(text: &str, variant: &str, attach_type: &str) -> usize {
    let columns = ["run", "link", "prog", "lost", "twice"];
    let none = text.contains("none=no record").then_some("none");
    let counts = columns.into_iter().chain(none).map(|column| {
        let cell = cell(text, ["attach type", variant, attach_type, column]);
        match cell.trim_end_matches(['*', '?']) {
            "." => 0,
            count => count.parse::<usize>().unwrap(),
        }
    });
    counts.sum()
}
