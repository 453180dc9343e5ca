// SPDX-License-Identifier: GPL-2.0-only
//! The pair matrix as text.

mod common;

use common::cell;
use nmissed_evidence::{Results, Run, Style};
use nmissed_wire::{AttachType, Flavor, Outcome, Record, Tally};
use proptest::prelude::*;
use test_case::test_case;

/// Hits of each pair.
const TRIGGERS: u64 = 2;
/// The programs that are hit, in the order in which it is attached.
const INNERS: [&str; 6] = [
    "tp",
    "kprobe",
    "kprobe-int3",
    "kprobe.multi",
    "fentry",
    "perf_event",
];

/// A run with these cells, row by row; `-` is no record.
fn run(variant: &str, rows: &[(&str, [&str; 6])]) -> Run {
    let cells = rows.iter().flat_map(|(outer, cells)| {
        let cells = INNERS.iter().zip(cells).filter(|(_, cell)| **cell != "-");
        cells.map(|(inner, cell)| record(inner, outer, cell))
    });
    Run {
        total_s: 20.52,
        ..common::run("6.12.117", variant, &["pairs::itself"], cells.collect())
    }
}

fn record(inner: &str, outer: &str, cell: &str) -> Record {
    let (attach_type, flavor) = match inner {
        "kprobe" => (AttachType::Kprobe, Some(Flavor::Ftrace)),
        "kprobe-int3" => (AttachType::Kprobe, Some(Flavor::Int3)),
        _ => (inner.parse().unwrap(), None),
    };
    let itself = u64::from(outer == "itself");
    let (runs, link_missed, prog_missed) = match cell {
        "run" => (1, 0, 0),
        "L" => (0, 1, 0),
        "P" => (0, 0, 1),
        "2P" => (0, 0, 2),
        "LOST" => (0, 0, 0),
        _ => panic!("no such cell: {cell}"),
    };
    let tally = Tally {
        triggers: TRIGGERS * (1 + itself),
        runs: TRIGGERS * (runs + itself),
        link_missed: Some(TRIGGERS * link_missed),
        prog_missed: Some(TRIGGERS * prog_missed),
    };
    Record::new(
        &format!("{attach_type}/pair-in-{outer}"),
        attach_type,
        flavor,
        tally,
    )
    .because("a kernel function")
}

fn baseline() -> Run {
    run(
        "baseline",
        &[
            ("kprobe-int3", ["P", "L", "L", "P", "run", "LOST"]),
            ("kprobe.multi", ["P", "P", "P", "P", "run", "LOST"]),
            ("itself", ["LOST", "L", "L", "P", "2P", "LOST"]),
            ("kprobe", ["P", "L", "L", "P", "run", "LOST"]),
            ("nothing", ["run"; 6]),
            ("map-syscall", ["-", "P", "P", "P", "run", "LOST"]),
        ],
    )
}

fn active() -> Run {
    run(
        "active",
        &[
            ("nothing", ["run"; 6]),
            ("map-syscall", ["-", "P", "P", "run", "run", "P"]),
            ("kprobe", ["P", "L", "L", "run", "run", "P"]),
            ("kprobe-int3", ["P", "L", "L", "run", "run", "P"]),
            ("kprobe.multi", ["run"; 6]),
            ("itself", ["P", "L", "L", "P", "2P", "LOST"]),
        ],
    )
}

fn text(runs: Vec<Run>, width: usize) -> String {
    let style = Style {
        width,
        colour: false,
    };
    let text = Results { runs }.pairs_to_text(style);
    for line in text.lines() {
        assert_eq!(line, line.trim_end());
    }
    text
}

#[test]
fn nothing() {
    insta::assert_snapshot!(text(vec![], 80), @"Nothing ran.");
}

#[test]
fn one_variant() {
    let text = text(vec![baseline()], 80);
    let cells = [
        ("nothing", "tp", "run"),
        ("kprobe", "kpi", "L"),
        ("map-syscall", "km", "P"),
    ];
    let rare = [
        ("map-syscall", "tp", "-"),
        ("itself", "fe", "2P"),
        ("kprobe", "pe", "LOST"),
    ];
    for (row, column, expected) in cells.into_iter().chain(rare) {
        assert_eq!(
            cell(&text, ["baseline", "", row, column]),
            expected,
            "{row} {column}"
        );
    }
    insta::assert_snapshot!(text);
}

#[test]
fn another_variant_shows_what_it_changes() {
    let text = text(vec![baseline(), active()], 80);
    let cells = [
        ("kprobe", "km", "run"),
        ("kprobe", "pe", "P"),
        ("kprobe", "kp", "."),
    ];
    for (row, column, expected) in cells {
        assert_eq!(
            cell(&text, ["active", "", row, column]),
            expected,
            "{row} {column}"
        );
    }
    assert_eq!(text.matches("\nnothing ").count(), 1);
    insta::assert_snapshot!(text);
}

#[test]
fn a_variant_that_changes_nothing() {
    let same = Run {
        variant: "counters".to_owned(),
        ..baseline()
    };
    let text = text(vec![baseline(), same], 80);
    assert!(text.contains("\ncounters: in every pair as baseline\n"));
    insta::assert_snapshot!(text);
}

#[test]
fn narrow() {
    let text = text(vec![baseline(), active()], 30);
    let legend = text.lines().skip_while(|line| !line.starts_with("rows:"));
    let grid = legend.skip_while(|line| !line.is_empty()).skip(1);
    assert!(
        grid.clone().all(|line| line.chars().count() <= 30),
        "{text}"
    );
    insta::assert_snapshot!(grid.collect::<Vec<_>>().join("\n"));
}

#[test]
fn in_colour() {
    let style = Style {
        width: 80,
        colour: true,
    };
    let runs = vec![baseline(), active()];
    insta::assert_snapshot!(Results { runs }.pairs_to_text(style));
}

#[test]
fn missing_records_and_unknown_rows_are_shown() {
    let mut first = run("baseline", &[("nothing", ["run"; 6])]);
    first.records.push(record("lsm", "iter", "run"));
    first.records.push(Record {
        tally: Tally {
            triggers: 2,
            runs: 1,
            link_missed: None,
            prog_missed: Some(1),
        },
        ..record("tp", "iter", "run")
    });
    first.tests[0].outcome = Outcome::Fail("tp/pair-in-iter: want 2 runs, seen 1".to_owned());
    let mut second = run("mine", &[("nothing", ["run"; 6])]);
    second
        .records
        .retain(|record| record.attach_type != AttachType::Tp);
    let text = text(vec![first, second], 80);
    assert_eq!(cell(&text, ["baseline", "", "iter", "tp"]), "mix");
    assert_eq!(cell(&text, ["mine", "", "iter", "lsm"]), "?");
    insta::assert_snapshot!(text);
}

/// Each of two numbers of hits.
fn twice(cells: [&str; 2]) -> Run {
    let mut both = run("any", &[("nothing", ["run"; 6])]);
    for (cell, factor) in cells.into_iter().zip([1, 500]) {
        let once = record("tp", "kprobe", cell);
        let tally = Tally {
            triggers: once.tally.triggers * factor,
            runs: once.tally.runs * factor,
            link_missed: once.tally.link_missed.map(|missed| missed * factor),
            prog_missed: once.tally.prog_missed.map(|missed| missed * factor),
        };
        both.records.push(Record { tally, ..once });
    }
    both
}

#[test_case(["P", "P"], "P", "7 pairs of programs", "0 of 7 pairs"; "in proportion")]
#[test_case(["run", "P"], "mix", "7 pairs of programs", "1 of 7 pairs"; "out of proportion")]
fn numbers_of_hits_share_a_cell(cells: [&str; 2], cell: &str, all: &str, differ: &str) {
    let runs = vec![twice(cells), twice(["P", "P"])];
    let grid = text(runs.clone(), 80);
    assert_eq!(
        common::cell(&grid, ["any", "", "kprobe", "tp"]),
        cell,
        "{grid}"
    );

    let style = Style {
        width: 80,
        colour: false,
    };
    let matrix = Results { runs }.to_text(style);
    assert!(matrix.contains(all) && matrix.contains(differ), "{matrix}");
}

#[test_case("kprobe/in-kprobe"; "another scenario")]
#[test_case("pair-in-kprobe"; "no attach type")]
fn without_a_pair_there_is_no_grid(scenario: &str) {
    let mut only = run("baseline", &[]);
    only.records.push(Record {
        scenario: scenario.to_owned(),
        ..record("tp", "kprobe", "run")
    });
    assert!(!text(vec![only], 80).contains("rows: "));
}

prop_compose! {
    fn some_record()(
        scenario in "(tp|kprobe)/pair-in-(tp|itself|[ab]{1,40})|",
        flavor in prop::option::of(prop::sample::select(&Flavor::ALL[..])),
        triggers in prop_oneof![0..9_u64, any::<u64>()],
        runs in prop_oneof![0..9_u64, any::<u64>()],
        link_missed: Option<u64>,
        prog_missed: Option<u64>,
    ) -> Record {
        let tally = Tally { triggers, runs, link_missed, prog_missed };
        Record::new(&scenario, AttachType::Tp, flavor, tally)
    }
}

proptest! {
    #[test]
    fn each_run_has_a_cell_of_each_pair(
        records in prop::collection::vec(prop::collection::vec(some_record(), 0..9), 0..5),
        width in 0..200_usize,
        colour: bool,
    ) {
        let count = records.len();
        let runs = records.into_iter().map(|records| Run { records, ..run("any", &[]) });
        let results = Results { runs: runs.collect() };
        let text = results.pairs_to_text(Style { width, colour });
        prop_assert_eq!(text.matches("6.12.117-nmissed-any").count(), count);
        let reference = results.runs.first().map_or(&[][..], |run| &run.records);
        let is_pair = |it: &&Record| it.scenario.contains("/pair-in-") && it.flavor.is_none();
        let of_name = |it: &Record| it.scenario.split_once("/pair-in-").unwrap().1.to_owned();
        for name in reference.iter().filter(is_pair).map(of_name) {
            if !colour && width > 60 {
                let cell = cell(&text, ["any", "", &name, "tp"]);
                prop_assert!(["run", "L", "P", "2P", "LOST", "mix"].contains(&cell.as_str()));
            }
        }
    }
}
