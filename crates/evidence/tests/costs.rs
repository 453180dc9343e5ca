// SPDX-License-Identifier: GPL-2.0-only
//! Instructions of a hit.

mod common;

use common::cell;
use nmissed_evidence::{Evidence, Files, Report, Results, Style};
use nmissed_wire::{AttachType, Flavor, Record, Tally};

const PLAIN: Style = Style {
    width: 72,
    colour: false,
};

fn record(attach_type: AttachType, probes: u64, instructions: u64) -> Record {
    let tally = Tally {
        triggers: 40 * probes,
        runs: 40 * probes,
        link_missed: Some(0),
        prog_missed: Some(0),
    };
    let id = format!("{attach_type}/cost-{probes}");
    let record = Record::new(&id, attach_type, Some(Flavor::Ftrace), tally);
    Record {
        instructions: Some(instructions),
        ..record
    }
}

fn results() -> Results {
    let run = |variant, records| common::run("6.12.117", variant, &["cost::a"], records);
    let baseline = vec![
        record(AttachType::KprobeMulti, 1, 900),
        record(AttachType::Kprobe, 100, 20_000),
        record(AttachType::Kprobe, 1, 400),
    ];
    let active = vec![
        record(AttachType::KprobeMulti, 1, 889),
        record(AttachType::Kprobe, 1, 407),
        record(AttachType::Kprobe, 100, 20_000),
    ];
    Results {
        runs: vec![run("baseline", baseline), run("active", active)],
    }
}

#[test]
fn other_variants_show_what_differs_from_the_first() {
    let text = results().costs_to_text(PLAIN);
    insta::assert_snapshot!(text);
    let of = |row, column| cell(&text, ["attach type", "", row, column]);
    assert_eq!(of("kprobe ftrace", "baseline"), "400");
    assert_eq!(of("kprobe ftrace", "active"), "+7");
    assert_eq!(of("kprobe.multi", "active"), "-11");
    let (_, many) = text.split_once("100 probes").unwrap();
    assert!(many.trim_end().ends_with(" ."), "{many}");
}

#[test]
fn costs_are_no_scenarios_that_are_compared() {
    let text = results().to_text(PLAIN);
    assert!(
        !text.contains("/cost-") && !text.contains("better"),
        "{text}"
    );
}

#[test]
fn a_report_of_costs_is_repeated_by_the_verb_that_counts_them() {
    let evidence = results().runs.into_iter().map(|run| Evidence {
        run,
        files: Files::default(),
        options: vec!["--kernel 6.12".to_owned()],
    });
    let report = Report::of(evidence.collect());
    let text = report.to_text();
    assert!(
        text.ends_with("\n  cargo xtask vm bench --kernel 6.12\n"),
        "{text}"
    );
    let html = report.to_html();
    assert!(html.contains("<h3>Instructions of a hit</h3>"));
    assert!(html.contains("+7") && html.contains("-11"));
}
