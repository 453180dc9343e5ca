// SPDX-License-Identifier: GPL-2.0-only
//! The matrix of scenarios and releases.

mod common;

use common::cell;
use nmissed_evidence::{History, Run, Style, without_known_faults};
use nmissed_wire::{AttachType, Outcome, Record, Tally};
use test_case::test_case;

const STYLE: Style = Style {
    width: 72,
    colour: false,
};
const FGRAPH: &str = "fprobe-on-fgraph: since Linux 6.14 (4346ba160409 fprobe: Rewrite fprobe)";
const RT: &str = "preempt-rt: by configuration";

/// A record of 1000 hits of kprobe.multi, or of as many as the counts are.
fn record(scenario: &str, [runs, link, prog, lost]: [u64; 4], depends_on: &[String]) -> Record {
    let tally = Tally {
        triggers: runs + link + prog + lost,
        runs,
        link_missed: Some(link),
        prog_missed: Some(prog),
    };
    let attach_type: AttachType = scenario.split('/').next().unwrap().parse().unwrap();
    let mut record = Record::new(scenario, attach_type, None, tally);
    record.depends_on = depends_on.to_vec();
    record
}

fn kernel(point: &str, flavor: &str, records: Vec<Record>) -> Run {
    let release = format!("{point}+deb13-{flavor}-amd64");
    Run {
        kernel: release.clone(),
        release,
        ..common::run(point, "stock", &["recursion::a", "recursion::b"], records)
    }
}

fn third_level(counts: [u64; 4], condition: &str) -> Record {
    record(
        "kprobe.multi/at-third-level",
        counts,
        &[condition.to_owned()],
    )
}

fn nested(counts: [u64; 4]) -> Record {
    record("kprobe/nested", counts, &[])
}

/// Of 6.12, 6.16, 7.2 and 7.2 with PREEMPT_RT. The third level changes with fgraph, and
/// pool on RT; what `kprobe/odd` counts on 7.2 no range explains.
fn runs() -> Vec<Run> {
    let odd = |counts| record("kprobe/odd", counts, &[]);
    let pool = |counts, rt: &str| record("kretprobe/pool", counts, &[format!("{rt} {RT}")]);
    let mut without_counter = nested([0, 0, 0, 1000]);
    without_counter.tally.link_missed = None;
    let mut first = kernel(
        "6.6.1",
        "cloud",
        vec![
            without_counter,
            third_level([0, 1000, 0, 0], &format!("lacks {FGRAPH}")),
        ],
    );
    first.reports = vec!["WARNING: at kernel/trace/fprobe.c:9".to_owned()];
    let fsession = record("fsession/plain", [1000, 0, 0, 0], &[]);
    let later = |point, flavor, odd_counts, pool_counts, rt| {
        let lost = third_level([0, 0, 0, 1000], &format!("has {FGRAPH}"));
        let records = vec![
            nested([0, 1000, 0, 0]),
            lost,
            odd(odd_counts),
            pool(pool_counts, rt),
        ];
        kernel(point, flavor, records)
    };
    let mut second = later(
        "6.16.12",
        "cloud",
        [1000, 0, 0, 0],
        [10_000, 1000, 0, 0],
        "lacks",
    );
    second.tests[1].outcome = Outcome::Crash("BUG: kernel NULL pointer".to_owned());
    let mut third = later(
        "7.2.13",
        "cloud",
        [0, 0, 1000, 0],
        [10_000, 1000, 0, 0],
        "lacks",
    );
    third.records.push(fsession);
    let rt = later("7.2.13", "rt", [0, 0, 1000, 0], [11_000, 0, 0, 0], "has");
    vec![first, second, third, rt]
}

fn at(text: &str, row: &str, column: &str) -> String {
    cell(text, ["scenario", "", row, column])
}

#[test]
fn each_cell_says_where_hits_go() {
    let runs = runs();
    let history = History::of(&runs);
    let text = history.to_text(true, STYLE);
    let row = |row| ["6.6", "6.16", "7.2", "7.2-rt"].map(|column| at(&text, row, column));
    assert_eq!(
        row("kprobe.multi/at-third-level"),
        ["link", "lost", "lost", "lost"]
    );
    assert_eq!(row("kprobe/nested"), ["lost", "link", "link", "link"]);
    assert_eq!(row("kretprobe/pool"), ["-", "10r1l", "10r1l", "run"]);
    assert_eq!(row("fsession/plain"), [".", ".", "run", "-"]);
    assert_eq!(row("kprobe/odd"), ["-", "run", "prog?", "prog"]);
    assert_eq!(history.unexplained(), 1);
    insta::assert_snapshot!(text);
}

#[test]
fn rows_without_a_change_are_one_line() {
    let runs = runs();
    let text = History::of(&runs).to_text(false, STYLE);
    assert!(!text.contains("fsession") && text.contains("\n1 more scenario with the same counts"));
}

#[test]
fn a_change_comes_with_what_explains_it() {
    let runs = runs();
    let text = History::of(&runs).to_markdown(false);
    let unexplained = text
        .split("\n## ")
        .find(|it| it.starts_with("Changes that no range"))
        .unwrap();
    assert!(
        unexplained.contains("- 6.16 to 7.2\n  - run -> prog: kprobe/odd\n"),
        "{text}"
    );
    for line in [
        &format!("- 6.6 to 6.16: {FGRAPH}\n  - link -> lost: kprobe.multi/at-third-level"),
        "- 6.6 to 6.16: links report `missed`: since Linux 6.7",
        &format!("- 7.2 to 7.2-rt: {RT}\n  - 10r1l -> run: kretprobe/pool"),
        "- crash in recursion::b: BUG: kernel NULL pointer",
        "- report: WARNING: at kernel/trace/fprobe.c:9",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_change_of_counts_that_are_not_as_expected_is_not_explained() {
    let mut runs = runs();
    for record in &mut runs[1].records {
        record.depends_on.clear();
    }
    assert_eq!(History::of(&runs).unexplained(), 2);
}

#[test]
fn no_runs_and_no_records_are_no_findings() {
    assert_eq!(History::of(&[]).unexplained(), 0);
    let mut runs = [kernel("6.12.1", "cloud", Vec::new())];
    runs[0].release.clear();
    let text = History::of(&runs).to_text(true, STYLE);
    assert!(
        text.contains("6.12.1+deb13-cloud-amd64, 2 of 2 tests passed"),
        "{text}"
    );
}

/// A kernel that a test ended as it read a source, in `outcome`.
fn crashed(point: &str, source: &str) -> Run {
    let why = format!("reading {source} crashes this kernel: {NULL}; not read in further boots");
    let mut run = kernel(point, "cloud", Vec::new());
    run.machine = Outcome::Crash(why);
    run.tests[1].outcome = run.machine.clone();
    run.deadly_sources = vec![source.to_owned()];
    run.reports = vec![
        NULL.to_owned(),
        "Oops: Oops: 0000 [#1] SMP NOPTI".to_owned(),
        "WARNING: at kernel/trace/fprobe.c:9".to_owned(),
    ];
    run
}

const NULL: &str = "BUG: kernel NULL pointer dereference, address: 0000000000000000";
const KPROBE_MULTI: &str = "fdinfo of kprobe.multi links";

#[test]
fn a_known_fault_is_named_once_and_is_no_failure() {
    let run = crashed("6.18.15", KPROBE_MULTI);
    let rest = without_known_faults(&run);
    assert!(rest.is_good());
    assert_eq!(rest.reports, ["WARNING: at kernel/trace/fprobe.c:9"]);
    let text = History::of(&[run]).to_markdown(true);
    let (_, kernels) = text.split_once("## Kernels").unwrap();
    assert_eq!(
        kernels
            .matches("known fault, met in recursion::b: ")
            .count(),
        1
    );
    assert!(kernels.contains("until Linux 6.19 (ad6fface76da"), "{text}");
    assert!(!kernels.contains("crash ") && !kernels.contains("NULL pointer dereference,"));
}

#[test_case("6.19.2", KPROBE_MULTI; "a release that the fault is not in")]
#[test_case("6.16.12", KPROBE_MULTI; "a release before the fault")]
#[test_case("6.18.15", "fdinfo of kprobes"; "another source")]
fn an_unknown_crash_is_a_failure_and_named_once(point: &str, source: &str) {
    let run = crashed(point, source);
    assert_eq!(without_known_faults(&run), run);
    let text = History::of(&[run]).to_markdown(true);
    assert_eq!(text.matches("crashes this kernel").count(), 1, "{text}");
    assert!(text.contains("- crash in recursion::b: reading"), "{text}");
}
