// SPDX-License-Identifier: GPL-2.0-only
//! Hits that meet a running program by chance.

mod common;

use common::cell;
use nmissed_evidence::{Evidence, Files, Report, Results, Style};
use nmissed_wire::{AttachType, Record, Tally};

fn record(scenario: &str, [runs, link, prog]: [u64; 3]) -> Record {
    let (name, _) = scenario.split_once('/').unwrap();
    let tally = Tally {
        triggers: 1000,
        runs,
        link_missed: Some(link),
        prog_missed: Some(prog),
    };
    Record::new(scenario, name.parse::<AttachType>().unwrap(), None, tally)
}

fn results() -> Results {
    let stack = vec![
        "__put_task_struct+0x5".to_owned(),
        "rcu_core+0x2".to_owned(),
    ];
    let caught = Record {
        stack,
        ..record("kprobe/sampled-natural", [900, 60, 0])
    };
    let baseline = vec![
        record("kprobe/sampled-natural", [1000, 0, 0]),
        caught,
        record("kprobe.multi/sampled-natural", [990, 0, 10]),
    ];
    let active = vec![record("kprobe.multi/sampled-natural", [1000, 0, 0])];
    let run = |variant, records| common::run("6.12.117", variant, &["interrupted::a"], records);
    Results {
        runs: vec![run("baseline", baseline), run("active", active)],
    }
}

#[test]
fn samples_are_summed_and_stand_beside_those_of_other_variants() {
    let style = Style {
        width: 72,
        colour: false,
    };
    let text = results().samples_to_text(style);
    insta::assert_snapshot!(text);
    let of = |group, row, column| cell(&text, ["variant", group, row, column]);
    assert_eq!(of("", "baseline", "hits"), "2000");
    assert_eq!(of("", "baseline", "lost"), "40");
    assert!(text.contains("\n  __put_task_struct+0x5\n  rcu_core+0x2\n"));
}

#[test]
fn samples_are_no_scenarios_that_are_compared() {
    let style = Style {
        width: 72,
        colour: false,
    };
    let text = results().to_text(style);
    assert!(
        !text.contains("sampled") && !text.contains("better"),
        "{text}"
    );
}

#[test]
fn page_has_a_bar_with_its_limits_per_sample() {
    let evidence = results().runs.into_iter().map(|run| Evidence {
        run,
        files: Files::default(),
        options: vec!["--kernel 6.12".to_owned()],
    });
    let report = Report::of(evidence.collect());
    let text = report.to_text();
    assert!(text.starts_with("As expected: 2 runs of 1 kernel, none of 2 tests failed.\n"));
    assert!(
        text.ends_with("\n  cargo xtask vm scene --kernel 6.12\n"),
        "{text}"
    );
    let html = report.to_html();
    let (_, chart) = html.split_once("<svg").unwrap();
    let (chart, _) = chart.split_once("</svg>").unwrap();
    assert_eq!(chart.matches("class=\"bar\"").count(), 3);
    assert!(chart.contains(">kprobe, natural: baseline<"), "{chart}");
    assert!(chart.contains(">5.00 (0.00 to 10.00)<"), "{chart}");
}
