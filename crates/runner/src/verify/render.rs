// SPDX-License-Identifier: GPL-2.0-only
//! Reports as text for a terminal of 80 columns.

use std::fmt::Write;

use nmissed_kimage::layout::{hang, line};
use nmissed_wire::text::{dash, some_of};
use nmissed_wire::{KernelList, Outcome};

use crate::verify::report::{KindReport, ListReport, Unanswered, VerifyReport, WrongAnswer, word};

/// How many places of an unanswered batch are named.
const PLACES: usize = 8;
/// How many lines of a list are shown: one that is wrong at all can be so from
/// end to end.
const LINES: usize = 40;

/// Renders a report: the lists, sums per attach method, each kind of answer, and
/// at the end what is wrong.
pub(crate) fn render(report: &VerifyReport) -> String {
    let mut out = format!(
        "{}: Linux {}, {} functions\n\n",
        report.kernel, report.release, report.functions
    );
    lists(&mut out, &report.lists);
    out.push('\n');
    methods(&mut out, &report.compared);
    kinds(&mut out, &report.compared);
    if !report.cut_short {
        let all = report.unanswered.iter();
        all.for_each(|it| unanswered(&mut out, it));
    }
    differences(&mut out, &report.lists);
    out.push('\n');
    conclusion(&mut out, report);
    report.wrong().for_each(|it| wrong(&mut out, it));
    out
}

/// Renders how the machine ended, where no question was answered.
pub(crate) fn render_unasked(kernel: &str, machine: &Outcome) -> String {
    let mut out = String::new();
    let outcome = machine.name().to_uppercase();
    line(
        &mut out,
        &format!("{outcome}  {kernel}: no question was answered"),
    );
    let why = machine.why().unwrap_or_default().lines();
    why.for_each(|it| hang(&mut out, "", outcome.len() + 2, it));
    out
}

fn lists(out: &mut String, lists: &[ListReport]) {
    let (list, both, image, kernel) =
        ("the kernel's lists", "in both", "only image", "only kernel");
    line(out, &format!("{list:<36}{both:>12}{image:>13}{kernel:>13}"));
    for list in lists {
        let name = name(list.list);
        let row = match list.both {
            Some(both) => format!(
                "  {name:<34}{both:>12}{:>13}{:>13}",
                dash(list.only_image.len()),
                dash(list.only_kernel.len())
            ),
            None if list.complete => format!("  {name:<34}  not in this kernel"),
            None => format!("  {name:<34}  not read in full"),
        };
        line(out, &row);
    }
}

/// A list's path without where tracefs and debugfs are mounted.
fn name(list: KernelList) -> &'static str {
    let path = list.path();
    path.trim_start_matches("/sys/kernel/tracing/")
        .trim_start_matches("/sys/kernel/debug/")
}

/// Sums per attach method.
fn methods(out: &mut String, compared: &[KindReport]) {
    let (head, asked, confirmed) = ("attached", "asked", "confirmed");
    line(
        out,
        &format!(
            "{head:<36}{asked:>10}{confirmed:>12}{:>8}{:>10}",
            "wrong", "depends"
        ),
    );
    for kinds in by_method(compared) {
        let sum = |count: fn(&KindReport) -> usize| kinds.iter().map(count).sum::<usize>();
        let row = format!(
            "  {:<34}{:>10}{:>12}{:>8}{:>10}",
            kinds[0].kind.method_name(),
            sum(|it| it.asked),
            dash(sum(|it| it.confirmed)),
            dash(sum(|it| it.wrong.len())),
            dash(sum(depends)),
        );
        line(out, &row);
    }
}

fn by_method(compared: &[KindReport]) -> impl Iterator<Item = &[KindReport]> {
    compared.chunk_by(|a, b| a.kind.method_name() == b.kind.method_name())
}

fn depends(report: &KindReport) -> usize {
    report.depends.iter().map(|(_, count)| count).sum()
}

/// Each answer of the image, and how often the kernel confirmed it.
fn kinds(out: &mut String, compared: &[KindReport]) {
    for kinds in by_method(compared) {
        let method = kinds[0].kind.method_name();
        let _ = write!(out, "\n{method}: confirmed of asked\n");
        kinds.iter().for_each(|it| kind(out, it));
    }
}

fn kind(out: &mut String, report: &KindReport) {
    let answer = report.kind.answer;
    let confirmed = if report.depends.is_empty() {
        report.confirmed.to_string()
    } else {
        String::new()
    };
    let reason = answer.reason().unwrap_or_default();
    let head = format!("{confirmed:>8}{:>8}  {:<15}", report.asked, answer.label());
    hang(out, &head, head.len(), &reason);
    if !report.depends.is_empty() {
        let outcomes = report.depends.iter();
        let outcomes: Vec<_> = outcomes
            .map(|(outcome, count)| format!("{count} {}", word(*outcome)))
            .collect();
        let here = format!("here: {}", outcomes.join(", "));
        hang(out, "", head.len(), &here);
    }
}

fn unanswered(out: &mut String, unanswered: &Unanswered) {
    let head = format!("unanswered, {}: ", unanswered.method);
    out.push('\n');
    hang(out, &head, head.len(), &some_of(&unanswered.places, PLACES));
}

fn differences(out: &mut String, lists: &[ListReport]) {
    for list in lists {
        let name = name(list.list);
        difference(out, name, "only in the image", &list.only_image);
        difference(out, name, "only in the kernel", &list.only_kernel);
    }
}

fn difference(out: &mut String, list: &str, whose: &str, lines: &[String]) {
    if !lines.is_empty() {
        let _ = write!(out, "\n{list}, {whose}:\n");
        let (shown, rest) = lines.split_at(lines.len().min(LINES));
        shown.iter().for_each(|it| line(out, &format!("  {it}")));
        if !rest.is_empty() {
            let rest = rest.len();
            line(
                out,
                &format!("  and {rest} more, all of them in verify.json"),
            );
        }
    }
}

fn conclusion(out: &mut String, report: &VerifyReport) {
    let sum = |count: fn(&KindReport) -> usize| report.compared.iter().map(count).sum::<usize>();
    let (confirmed, wrong, depends) =
        (sum(|it| it.confirmed), report.wrong().count(), sum(depends));
    let lists = report.lists.iter();
    let lines = lists
        .clone()
        .map(|it| it.only_image.len() + it.only_kernel.len());
    let lines: usize = lines.sum();
    let incomplete = lists.filter(|list| !list.complete).count();
    let unanswered: usize = report.unanswered.iter().map(|it| it.places.len()).sum();
    let answers =
        format!("{confirmed} answers confirmed, {depends} depend on run-time state, {wrong} wrong");
    let rest = [
        (lines, format!("{lines} lines of the kernel's lists differ")),
        (incomplete, format!("lists not read in full: {incomplete}")),
        (unanswered, format!("{unanswered} questions unanswered")),
    ];
    let rest = rest.into_iter().filter(|(count, _)| *count > 0);
    let text: Vec<_> = [answers]
        .into_iter()
        .chain(rest.map(|(_, text)| text))
        .collect();
    let mut head = Vec::new();
    if !report.agrees() {
        head.push("DISAGREEMENT");
    }
    if report.cut_short {
        head.push("cut short");
    } else if !report.is_complete() {
        head.push("incomplete");
    }
    let mut head = head.join(", ");
    if !head.is_empty() {
        head.push_str(": ");
    }
    hang(out, &head, head.len(), &text.join(", "));
}

fn wrong(out: &mut String, wrong: &WrongAnswer) {
    line(out, &format!("  {}", wrong.place));
    let (method, expected, outcome) = (wrong.method, &wrong.expected, &wrong.outcome);
    let text = format!("{method}: image {expected}, kernel {outcome}");
    hang(out, "", 4, &text);
}

#[cfg(test)]
mod tests {
    use nmissed_kimage::{Answer, Arming, Condition, Refusal};
    use nmissed_wire::{AttachMethod, AttachOutcome};

    use super::*;
    use crate::verify::claim::ClaimKind;

    fn compared(method: AttachMethod, entry: bool, answer: Answer, asked: usize) -> KindReport {
        KindReport {
            kind: ClaimKind {
                method,
                entry,
                answer,
            },
            asked,
            confirmed: asked,
            depends: Vec::new(),
            wrong: Vec::new(),
        }
    }

    fn list(list: KernelList, both: Option<usize>) -> ListReport {
        ListReport {
            both,
            ..ListReport::without(list, true)
        }
    }

    /// 75 answers that are confirmed, and 25 that depend on run-time state.
    fn good() -> VerifyReport {
        let depends = Answer::Depends(Condition::ReturnThunk);
        VerifyReport {
            kernel: "6.12 baseline".to_owned(),
            release: "6.12.117-nmissed-baseline".to_owned(),
            functions: 20_179,
            lists: vec![
                list(KernelList::Functions, Some(14_395)),
                list(KernelList::FunctionAddresses, None),
                list(KernelList::Blacklist, Some(248)),
                list(KernelList::Symbols, Some(20_179)),
            ],
            compared: vec![
                compared(AttachMethod::KPROBE, true, Answer::Yes(Arming::Ftrace), 25),
                compared(AttachMethod::KPROBE, true, Answer::No(Refusal::Notrace), 25),
                compared(
                    AttachMethod::KPROBE,
                    false,
                    Answer::Yes(Arming::Optimized),
                    25,
                ),
                KindReport {
                    confirmed: 0,
                    depends: vec![(AttachOutcome::Optimized, 17), (AttachOutcome::Int3, 8)],
                    ..compared(AttachMethod::KPROBE, false, depends, 25)
                },
            ],
            unanswered: Vec::new(),
            cut_short: false,
        }
    }

    /// Nothing is wrong with what was answered until then.
    fn early() -> VerifyReport {
        let mut report = good();
        report.lists[3] = ListReport::without(KernelList::Symbols, false);
        report.unanswered = bad().unanswered;
        report.cut_short = true;
        report
    }

    fn bad() -> VerifyReport {
        let mut report = good();
        report.lists[0].only_image = vec!["vfs_read".to_owned()];
        report.lists[2] = ListReport::without(KernelList::Blacklist, false);
        report.lists[3].only_kernel = vec!["0xffffffff81000000 _stext".to_owned()];
        report.compared[2].confirmed = 24;
        report.compared[2].wrong = vec![WrongAnswer {
            place: "quirk_iommu_igfx+0x5".to_owned(),
            method: "kprobe at an offset",
            expected: "EOPNOTSUPP (an instruction that can be neither stepped nor emulated)"
                .to_owned(),
            outcome: word(AttachOutcome::Refused(1)),
        }];
        report.unanswered = vec![Unanswered {
            method: "fentry",
            places: (0..10).map(|it| format!("function_{it}")).collect(),
        }];
        report
    }

    fn last_line(text: &str) -> &str {
        text.lines().last().unwrap()
    }

    #[test]
    fn agreement() {
        let text = render(&good());
        assert_eq!(
            last_line(&text),
            "75 answers confirmed, 25 depend on run-time state, 0 wrong"
        );
        insta::assert_snapshot!(text);
    }

    #[test]
    fn every_kind_of_disagreement() {
        assert!(!bad().agrees());
        let text = render(&bad());
        let words: Vec<_> = text.split_whitespace().collect();
        let words = words.join(" ");
        for fact in [
            "DISAGREEMENT, incomplete: 74 answers confirmed, 25 depend on run-time state, 1 wrong, \
             2 lines of the kernel's lists differ, lists not read in full: 1, \
             10 questions unanswered",
            "quirk_iommu_igfx+0x5 kprobe at an offset: image EOPNOTSUPP",
            "kernel error 1",
            "available_filter_functions, only in the image: vfs_read",
            "kprobe at an offset 50 24 1 25",
        ] {
            assert!(words.contains(fact), "{fact}\n{text}");
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn unanswered_is_not_disagreement() {
        let report = VerifyReport {
            cut_short: false,
            ..early()
        };
        assert!(report.agrees() && !report.is_good());
        let text = render(&report);
        assert!(text.contains("\nincomplete: 75 answers"), "{text}");
        assert!(!text.contains("DISAGREEMENT"), "{text}");
    }

    #[test]
    fn outcome_of_a_machine_that_did_not_boot() {
        let hang = Outcome::Hang("no PID 1 after 45 s".to_owned());
        assert_eq!(
            render_unasked("6.12 stock", &hang),
            "HANG  6.12 stock: no question was answered\n      no PID 1 after 45 s\n"
        );
    }

    #[test]
    fn agreement_until_it_is_cut_short() {
        assert!(early().is_good());
        let text = render(&early());
        assert!(text.contains("\ncut short: 75 answers confirmed"), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn disagreement_until_it_is_cut_short() {
        let report = VerifyReport {
            cut_short: true,
            ..bad()
        };
        assert!(!report.agrees());
        let text = render(&report);
        assert!(text.contains("\nDISAGREEMENT, cut short: 74"), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn json() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&bad()).unwrap());
    }

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        for report in [good(), bad(), early()] {
            let text = render(&report);
            assert_eq!(text.lines().find(|line| line.len() > 80), None);
        }
    }
}
