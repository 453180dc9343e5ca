// SPDX-License-Identifier: GPL-2.0-only
//! Reports for reviewers and machines.

mod common;

use common::cell;
use nmissed_evidence::{Compared, Evidence, Files, Report, Run};
use nmissed_wire::{AttachType, MadeWith, Outcome, Record, Tally};
use test_case::test_case;

const TESTS: [&str; 3] = ["missed::nested", "missed::tp_recursion", "pairs::itself"];

fn record(scenario: &str, [runs, link, prog]: [u64; 3]) -> Record {
    let (name, _) = scenario.split_once('/').unwrap();
    let tally = Tally {
        triggers: 1000,
        runs,
        link_missed: Some(link),
        prog_missed: Some(prog),
    };
    let attach_type: AttachType = name.parse().unwrap();
    Record::new(scenario, attach_type, None, tally).because("perf_trace_buf_alloc")
}

fn records(nested: [u64; 3]) -> Vec<Record> {
    vec![
        record("kprobe/nested", nested),
        record("kprobe/around", [1000, 0, 0]),
        record("tp/in-itself", [0, 0, 0]),
        record("tp/pair-in-kprobe", nested),
    ]
}

fn run(release: &str, variant: &str, nested: [u64; 3]) -> Run {
    common::run(release, variant, &TESTS, records(nested))
}

fn evidence(run: Run) -> Evidence {
    let (kernel, variant) = (&run.kernel, &run.variant);
    let cmdline = format!(
        "/usr/bin/qemu-system-x86_64 -machine microvm -smp 2 -kernel \
         /cache/kernels/{kernel}-{variant}-b47a/bzImage -append 'oops=panic nmissed.kernel={kernel}'"
    );
    let config =
        "CONFIG_CC_VERSION_TEXT=\"gcc 12.2.0\"\nCONFIG_KPROBES=y\n# CONFIG_KASAN is not set\n";
    let console = "[ 1.0] nmissed: missed::nested starts\n[ 1.1]   | hit <1000> times\n\
         [ 1.2] nmissed: missed::nested: pass after 0.2 s\n";
    Evidence {
        options: vec![format!("--kernel {kernel}"), format!("--variant {variant}")],
        files: Files {
            cmdline: Some(cmdline),
            config: Some(config.to_owned()),
            console: Some(console.to_owned()),
        },
        run,
    }
}

fn report(runs: impl IntoIterator<Item = Run>) -> Report {
    Report::of(runs.into_iter().map(evidence).collect())
}

/// A kernel with patches that count what was lost.
fn good() -> Report {
    report([
        run("6.12.117", "baseline", [0, 0, 0]),
        run("6.12.117", "active", [0, 1000, 0]),
    ])
}

/// A kernel whose patches lose hits, fail a test, and crash.
fn bad() -> Report {
    let mut broken = run("6.12.117", "active", [0, 0, 0]);
    let why = "want <1000>\nseen 0 & \"nothing\"\u{7}";
    broken.tests[0].outcome = Outcome::Fail(why.to_owned());
    broken.tests[1].outcome = Outcome::Skip("the kernel has no fprobe # yet".to_owned());
    broken.tests[2].outcome = Outcome::Crash("BUG: stack guard".to_owned());
    broken.machine = Outcome::Crash("BUG: stack guard".to_owned());
    report([run("6.12.117", "baseline", [0, 1000, 0]), broken])
}

#[test]
fn letter_of_a_good_series() {
    let text = good().to_text();
    insta::assert_snapshot!(text);
    assert!(text.starts_with("As expected: 2 runs of 1 kernel, none of 6 tests failed;"));
    assert!(text.contains("hits fare better in 1 of 3"));
    assert_eq!(
        cell(&text, ["scenario", "active", "kprobe/nested", "link"]),
        "1000"
    );
    assert_eq!(
        cell(&text, ["scenario", "active", "kprobe/nested", "mark"]),
        "+"
    );
    assert!(!text.contains("around"), "unchanged scenarios are left out");
    assert!(
        text.lines().all(|line| line.chars().count() <= 72),
        "{text}"
    );
}

#[test]
fn command_of_a_letter_can_be_pasted() {
    let text = good().to_text();
    let (_, command) = text.split_once("Repeat:\n").unwrap();
    let words: Vec<&str> = command
        .split_whitespace()
        .filter(|it| *it != "\\")
        .collect();
    let wanted = "cargo xtask vm test --kernel 6.12 --variant baseline --variant active";
    assert_eq!(words.join(" "), wanted);
}

#[test]
fn letter_of_a_bad_series_names_what_failed_first() {
    let text = bad().to_text();
    insta::assert_snapshot!(text);
    let first = "Not as expected: 6.12 active: the kernel crashed, 2 of 3 tests failed";
    assert!(text.replace('\n', " ").starts_with(first), "{text}");
}

#[test_case(Outcome::Pass, [0, 1000, 0] => "As expected"; "all passed")]
#[test_case(Outcome::Skip("no".into()), [0, 1000, 0] => "As expected"; "a skip")]
#[test_case(Outcome::Pass, [0, 0, 0] => "Nothing failed, but hits fare worse"; "a variant that loses hits")]
#[test_case(Outcome::Fail("no".into()), [0, 1000, 0] => "Not as expected"; "a failure")]
#[test_case(Outcome::Infra("no".into()), [0, 1000, 0] => "No verdict"; "a test that did not run")]
fn verdict_on(outcome: Outcome, nested: [u64; 3]) -> String {
    let mut variant = run("6.12.117", "active", nested);
    variant.tests[0].outcome = outcome;
    let text = report([run("6.12.117", "baseline", [0, 1000, 0]), variant]).to_text();
    text.split_once(':').unwrap().0.to_owned()
}

#[test]
fn no_runs_are_no_verdict() {
    assert_eq!(report([]).to_text(), "No verdict: there are no runs.\n");
}

#[test]
fn json_is_results_json_and_more() {
    let json = bad().to_json();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let run = &value["runs"][1];
    assert_eq!(run["records"][0]["link_missed"], 0);
    assert_eq!(run["setup"]["toolchain"], "gcc 12.2.0");
    assert_eq!(run["setup"]["options"], 1);
    assert_eq!(run["setup"]["kernel_options"], "oops=panic");
    assert_eq!(run["options"][1], "--variant active");
    let results = nmissed_evidence::Results::from_json(&json).unwrap();
    assert_eq!(results, *bad().results());
}

#[test]
fn page_of_a_bad_series() {
    let page = bad().to_html();
    insta::assert_snapshot!(page);
    let verdict = "<p class=\"verdict bad\">Not as expected: 6.12 active: the kernel crashed";
    assert!(page.contains(verdict));
    let mark = "<td class=\"mark bad\"><span aria-hidden=\"true\">!</span><span class=\"unseen\">worse</span></td>";
    assert!(
        page.contains(mark),
        "a mark says in words what its colour says"
    );
    assert!(page.contains("[ 1.1]   | hit &lt;1000&gt; times"));
    assert!(page.contains("cargo xtask vm test --kernel 6.12 --variant baseline --variant active"));
}

#[test_case(good(); "good")]
#[test_case(bad(); "bad")]
fn page_needs_nothing_and_is_the_same_each_time(report: Report) {
    let page = report.to_html();
    assert_eq!(page, report.clone().to_html());
    for foreign in [
        "http:", "https:", "<script", "<link", "<img", "url(", "@import", "/cache/",
    ] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert_eq!(page.matches("<h2 id=\"kernel-6.12\">").count(), 1);
    assert!(page.contains("<a href=\"#kernel-6.12\">"));
}

#[test]
fn junit_has_a_case_for_each_test_and_the_machine() {
    let xml = bad().to_junit();
    insta::assert_snapshot!(xml);
    assert_eq!(xml.matches("<testcase ").count(), 8);
    assert_eq!(xml.matches("<failure ").count(), 3);
    assert_eq!(xml.matches("<skipped").count(), 1);
    let tag = "<testsuites name=\"nmissed\" tests=\"8\" failures=\"3\" errors=\"0\">";
    assert!(
        xml.contains(tag),
        "without a count that the schema of Jenkins lacks"
    );
}

#[test]
fn ktap_has_a_plan_a_line_per_test_and_no_foreign_directive() {
    let text = bad().to_ktap();
    insta::assert_snapshot!(text);
    assert!(text.starts_with("KTAP version 1\n1..2\n"));
    assert_eq!(text.matches("    1..4\n").count(), 2);
    assert!(text.contains("\nok 1 6.12-baseline\n") && text.ends_with("\nnot ok 2 6.12-active\n"));
    assert!(text.contains("    not ok 2 missed::nested\n"));
    assert!(text.contains("    ok 3 missed::tp_recursion # SKIP the kernel has no fprobe # yet\n"));
}

#[test]
fn annotations_are_one_line_each_of_what_was_not_good() {
    let text = bad().to_annotations();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "::error title=6.12 active%3A the machine%3A crash::BUG: stack guard",
            "::error title=6.12 active%3A missed%3A%3Anested%3A fail::want <1000>%0Aseen 0 & \"nothing\"\u{7}",
            "::error title=6.12 active%3A pairs%3A%3Aitself%3A crash::BUG: stack guard",
        ]
    );
    assert_eq!(good().to_annotations(), "");
}

#[test]
fn reports_of_a_variant_are_new_gone_or_common() {
    let with = |variant: &str, reports: &[&str]| Run {
        reports: reports.iter().map(|it| (*it).to_owned()).collect(),
        ..run("6.12.117", variant, [0, 1000, 0])
    };
    let of_baseline = ["WARNING: at a.c:1", "BUG: in b+0x1/0x2"];
    let of_variant = ["WARNING: at a.c:2", "INFO: rcu, 100% <stalled>"];
    let runs = [with("baseline", &of_baseline), with("active", &of_variant)];
    let report = report(runs);
    let html = report.to_html();
    let (_, section) = html.split_once("Reports of the kernel").unwrap();
    let (section, _) = section.split_once("</dl>").unwrap();
    for wanted in [
        "<p><span>2 reported</span></p>",
        "<span class=\"bad\">1 new</span></p><ul><li><code>INFO: rcu, 100% &lt;stalled&gt;</code>",
        "<span class=\"good\">1 gone</span></p><ul><li><code>BUG: in b+0x1/0x2</code>",
        "<span>1 common</span></p><ul><li><code>WARNING: at a.c:2</code>",
    ] {
        assert!(section.contains(wanted), "{wanted}: {section}");
    }
    let annotation =
        "::error title=6.12 active%3A new report of the kernel::INFO: rcu, 100%25 <stalled>\n";
    assert_eq!(report.to_annotations(), annotation);
}

#[test]
fn runs_say_what_they_were_made_with() {
    let mut new = run("6.12.117", "baseline", [0, 1000, 0]);
    new.made_with = MadeWith {
        qemu: Some("QEMU emulator version 7.2.0".to_owned()),
        tests: Some("0123456789ab-dirty".to_owned()),
        source: Some("linux-source-6.12_6.12.117-1".to_owned()),
        toolchain: vec!["gcc: gcc 12.2.0".to_owned(), "pahole: v1.24".to_owned()],
    };
    let old = run("6.12.117", "baseline", [0, 1000, 0]);
    let (old, new) = (report([old]), report([new]));
    for wanted in [
        "QEMU emulator version 7.2.0",
        "0123456789ab-dirty",
        "pahole: v1.24",
    ] {
        assert!(new.to_html().contains(wanted), "{wanted}");
        assert!(new.to_json().contains(wanted), "{wanted}");
    }
    let text = Compared::of(&old, &new).to_text().replace('\n', " ");
    let unknown = "does not have it: source, other tools, QEMU version, tests.";
    assert!(text.contains(unknown), "{text}");
}

#[test]
fn kcidb_links_tests_to_builds_and_checkouts() {
    let value: serde_json::Value = serde_json::from_str(&bad().to_kcidb()).unwrap();
    let tests = value["tests"].as_array().unwrap();
    let status: Vec<_> = tests
        .iter()
        .map(|it| it["status"].as_str().unwrap())
        .collect();
    assert_eq!(
        status,
        [
            "PASS", "PASS", "PASS", "PASS", "FAIL", "FAIL", "SKIP", "FAIL"
        ]
    );
    assert_eq!(tests[5]["path"], "nmissed.missed.nested");
    assert_eq!(tests[5]["build_id"], value["builds"][1]["id"]);
    assert_eq!(
        value["builds"][1]["checkout_id"],
        value["checkouts"][1]["id"]
    );
    let mut ids: Vec<_> = tests.iter().map(|it| it["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 8);
}

fn one(release: &str, nested: [u64; 3], change: impl Fn(&mut Evidence)) -> Report {
    let mut it = evidence(run(release, "baseline", nested));
    change(&mut it);
    Report::of(vec![it])
}

fn replace(text: &mut Option<String>, from: &str, to: &str) {
    *text = text.take().map(|it| it.replace(from, to));
}

#[test]
fn another_release_is_the_kernel() {
    let (a, b) = (
        one("6.12.117", [0, 0, 0], |_| ()),
        one("7.3.4", [1000, 0, 0], |_| ()),
    );
    let compared = Compared::of(&a, &b);
    let text = compared.to_text();
    insta::assert_snapshot!(text);
    assert!(!compared.is_same());
    assert!(
        text.replace('\n', " ")
            .contains("2 scenarios of 4 count differently. It is the kernel:")
    );
    assert_eq!(
        cell(&text, ["scenario", "B", "kprobe/nested", "runs"]),
        "1000"
    );
}

#[test_case([0, 0, 0], |_| () => "Nothing counts differently in 4 scenarios."; "the same")]
#[test_case([0, 1000, 0], |_| () => "2 scenarios of 4 count differently. Nothing that is recorded differs beside that: the counts vary from boot to boot, or the test programs changed."; "nothing else")]
#[test_case([0, 1000, 0], |it| replace(&mut it.files.config, "KPROBES=y", "KPROBES=m")
    => "2 scenarios of 4 count differently. It is the configuration: nothing else that is recorded differs."; "an option")]
#[test_case([0, 1000, 0], |it| replace(&mut it.files.cmdline, "-smp 2", "-smp 4")
    => "2 scenarios of 4 count differently. It is the harness: nothing else that is recorded differs."; "the machine")]
#[test_case([0, 0, 0], |it| it.run.accel = "kvm".to_owned()
    => "Nothing counts differently in 4 scenarios, although the harness differs."; "a difference without effect")]
#[test_case([0, 0, 0], |it| it.files.config = None
    => "Nothing counts differently in 4 scenarios. Not compared, since a run does not have it: toolchain, configuration."; "a missing file")]
#[test_case([0, 0, 0], |it| it.run.records.clear() => "Nothing to compare: no scenario is in both."; "no records")]
#[test_case([0, 0, 0], |it| it.run.tests[0].outcome = Outcome::Fail("no".into())
    => "1 test ended differently. Nothing that is recorded differs beside that: the counts vary from boot to boot, or the test programs changed."; "an outcome")]
fn verdict_on_two_runs(nested: [u64; 3], change: fn(&mut Evidence)) -> String {
    let b = one("6.12.117", nested, change);
    let compared = Compared::of(&one("6.12.117", [0, 0, 0], |_| ()), &b);
    let json: serde_json::Value = serde_json::from_str(&compared.to_json()).unwrap();
    json["pairs"][0]["verdict"].as_str().unwrap().to_owned()
}

#[test]
fn runs_without_a_counterpart_are_named() {
    let b = one("6.12.117", [0, 0, 0], |_| ());
    let compared = Compared::of(&good(), &b);
    assert!(!compared.is_same());
    let only = "Only in A: 6.12 active (6.12.117-nmissed-active)\n";
    assert!(compared.to_text().ends_with(only));
}
