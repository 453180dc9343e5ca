// SPDX-License-Identifier: GPL-2.0-only
//! The page of runs on many kernels.

mod common;

use nmissed_evidence::{Evidence, Files, Report};
use nmissed_wire::{AttachType, Flavor, Record, Run, Tally};

fn run(release: &str, hits: [[u64; 2]; 2]) -> Run {
    let records = ["kprobe/at-third-level", "kprobe/nested"]
        .into_iter()
        .zip(hits);
    let records = records.map(|(scenario, [runs, link])| {
        let tally = Tally {
            triggers: 1000,
            runs,
            link_missed: Some(link),
            prog_missed: Some(0),
        };
        Record::new(scenario, AttachType::Kprobe, Some(Flavor::Ftrace), tally)
    });
    common::run(release, "stock", &["a::b"], records.collect())
}

fn page(runs: impl IntoIterator<Item = Run>) -> String {
    let evidence = runs.into_iter().map(|run| Evidence {
        run,
        files: Files::default(),
        options: vec!["--kernel 6.12".to_owned()],
    });
    Report::of(evidence.collect()).to_html()
}

#[test]
fn many_kernels_have_a_bar_each_and_the_matrix() {
    let html = page([
        run("6.1.1", [[0, 1000], [1000, 0]]),
        run("6.6.1", [[0, 1000], [1000, 0]]),
        run("6.12.1", [[0, 0], [1000, 0]]),
    ]);
    let (_, section) = html.split_once("id=\"history\"").unwrap();
    let (chart, rest) = section.split_once("</svg>").unwrap();
    let parts = |fate| chart.matches(&format!("<g class=\"part {fate}\">")).count();
    assert_eq!((parts("run"), parts("link"), parts("lost")), (3, 2, 1));
    assert!(chart.contains("<title>1 lost</title>"), "{chart}");
    let (matrix, _) = rest.split_once("</table>").unwrap();
    assert!(matrix.contains("at-third-level (ftrace)"), "{matrix}");
    assert!(!matrix.contains("nested"), "{matrix}");
}

#[test]
fn two_kernels_are_no_history() {
    let html = page([
        run("6.1.1", [[0, 1000], [1000, 0]]),
        run("6.12.1", [[0, 0], [1000, 0]]),
    ]);
    assert!(!html.contains("History over releases"));
}
