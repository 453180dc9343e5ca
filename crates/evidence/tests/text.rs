// SPDX-License-Identifier: GPL-2.0-only
//! Golden renderings: what people read.

mod common;

use nmissed_evidence::{Results, Run, Style};
use nmissed_wire::{AttachType, Flavor, Outcome, Record, Tally};
use proptest::prelude::*;

/// The width of a cover letter.
const LETTER: Style = Style {
    width: 72,
    colour: false,
};

/// Runs, link misses and program misses; the triggers are told elsewhere.
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

/// The machine ended in this way while the test ran; the others had no turn.
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

#[test]
fn nothing() {
    insta::assert_snapshot!(text(vec![]), @"Nothing ran.");
}

#[test]
fn baseline_only() {
    insta::assert_snapshot!(text(vec![baseline()]));
}

#[test]
fn baseline_and_active() {
    insta::assert_snapshot!(text(vec![baseline(), active()]));
}

#[test]
fn three_variants_stack() {
    insta::assert_snapshot!(text(vec![baseline(), active(), guarded()]));
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
    insta::assert_snapshot!(results.to_text(wide));
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
    insta::assert_snapshot!(text(vec![
        run("baseline", baseline_at(1)),
        newer("baseline"),
        newer("active"),
    ]));
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
    insta::assert_snapshot!(text(vec![baseline(), failed(run, 4, skip)]));
}

#[test]
fn a_crash_in_the_middle() {
    let bug = "BUG: kernel NULL pointer dereference, address: 0000000000000010";
    let crash = Outcome::Crash(bug.to_owned());
    insta::assert_snapshot!(text(vec![baseline(), ended(active(), 1, 4, &crash)]));
    insta::assert_snapshot!(
        "a_crash_at_once",
        text(vec![ended(baseline(), 0, 0, &crash)])
    );
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
    insta::assert_snapshot!(text(vec![silent("baseline"), silent("active")]));
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
    insta::assert_snapshot!(results.to_text(LETTER));
}

#[test]
fn words_of_the_guest_cannot_move_the_cursor() {
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
    insta::assert_snapshot!(text(vec![run("baseline", before), run("counters", after)]));
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
    // The releases further down stay whole.
    let mut table = text.lines().take_while(|line| !line.starts_with("variant"));
    assert!(table.all(|line| line.chars().count() <= style.width));
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
    insta::assert_snapshot!(text(vec![run("baseline", all.clone()), run("active", all)]));
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
    insta::assert_snapshot!(text(runs));
}

#[test]
fn flavors_are_told_apart_and_every_kind_of_change_is_marked() {
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
    insta::assert_snapshot!(text(vec![run("baseline", before), run("mine", after)]));
}

#[test]
fn what_no_expectation_explains_is_marked_even_where_it_cancels_out() {
    let twice = record("kprobe.session/twice", 10, counts(0, 0, 20));
    let lost = unexplained(record("kprobe.session/lost", 10, counts(0, 0, 0)));
    let known = record("kprobe/lost", 10, counts(0, 0, 0));
    insta::assert_snapshot!(text(vec![run("baseline", vec![twice, lost, known])]));
}

#[test]
fn the_slowest_tests_are_each_told_once() {
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
    insta::assert_snapshot!(text(vec![repeated(None), mine]));
}

/// Every attach type of a whole suite, at the width of a terminal.
#[test]
fn a_matrix_of_two_variants_has_eighty_columns() {
    let all = [
        "kprobe",
        "kretprobe",
        "kprobe.multi",
        "kretprobe.multi",
        "kprobe.session",
        "uprobe.multi",
        "uretprobe.multi",
        "uprobe.session",
        "raw_tp",
        "perf_event",
    ];
    let records = |runs: u64| -> Vec<Record> {
        let rows = (432_000..).zip(all);
        rows.map(|(n, it)| record(&format!("{it}/in-itself"), n, counts(runs, n - runs, 0)))
            .collect()
    };
    let terminal = Style {
        width: 80,
        colour: false,
    };
    let runs = vec![run("baseline", records(0)), run("active", records(431_000))];
    let text = Results { runs }.to_text(terminal);
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    insta::assert_snapshot!(text);
}

prop_compose! {
    fn some_record()(
        scenario in "(tp|kprobe)/[ab]{1,40}|",
        triggers in prop_oneof![0..9_u64, any::<u64>()],
        runs in prop_oneof![0..9_u64, any::<u64>()],
        link_missed: Option<u64>,
        prog_missed: Option<u64>,
    ) -> Record {
        record(&scenario, triggers, (runs, link_missed, prog_missed))
    }
}

proptest! {
    #[test]
    fn any_results_have_a_text(
        records in prop::collection::vec(prop::collection::vec(some_record(), 0..9), 0..5),
        width in 0..200_usize,
        colour: bool,
    ) {
        let runs = records.into_iter().map(|records| run("any", records));
        let results = Results { runs: runs.collect() };
        let text = results.to_text(Style { width, colour });
        prop_assert!(text.ends_with('\n'));
    }
}
