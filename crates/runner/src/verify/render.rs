// SPDX-License-Identifier: GPL-2.0-only
//! Reports as text for a terminal of 80 columns.

use std::fmt::Write;

use nmissed_wire::KernelList;

use crate::verify::judge::Unanswered;
use crate::verify::report::{Compared, Disagreement, ListReport, VerifyReport, word};

/// How many places of an unanswered batch are named.
const PLACES: usize = 8;

/// How many lines of a list are shown: one that is wrong at all can be so from
/// end to end.
const LINES: usize = 40;

/// All of a report.
#[must_use]
pub(crate) fn render(report: &VerifyReport) -> String {
    let mut out = format!(
        "{}: Linux {}, {} functions\n\n",
        report.kernel, report.release, report.functions
    );
    lists(&mut out, &report.lists);
    out.push('\n');
    ways(&mut out, &report.compared);
    kinds(&mut out, &report.compared);
    if !report.cut_short {
        let all = report.unanswered.iter();
        all.for_each(|it| unanswered(&mut out, it));
    }
    disagreements(&mut out, report);
    out
}

fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, "{}", text.trim_end());
}

fn lists(out: &mut String, lists: &[ListReport]) {
    line(
        out,
        &format!(
            "{:<36}{:>12}{:>13}{:>13}",
            "the kernel's lists", "in both", "only image", "only kernel"
        ),
    );
    for list in lists {
        let name = name(list.list);
        let row = match list.both {
            Some(both) => format!(
                "  {name:<34}{both:>12}{:>13}{:>13}",
                dash(list.only_image.len()),
                dash(list.only_kernel.len())
            ),
            None if list.told => format!("  {name:<34}  not in this kernel"),
            None => format!("  {name:<34}  not told"),
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

fn dash(count: usize) -> String {
    if count == 0 {
        "-".to_owned()
    } else {
        count.to_string()
    }
}

/// Sums per way to attach.
fn ways(out: &mut String, compared: &[Compared]) {
    line(
        out,
        &format!(
            "{:<36}{:>10}{:>10}{:>12}{:>10}",
            "attached", "asked", "agreed", "disagreed", "depends"
        ),
    );
    for way in compared.chunk_by(|a, b| a.kind.way_name() == b.kind.way_name()) {
        let sum = |count: fn(&Compared) -> usize| way.iter().map(count).sum::<usize>();
        let row = format!(
            "  {:<34}{:>10}{:>10}{:>12}{:>10}",
            way[0].kind.way_name(),
            sum(|it| it.asked),
            dash(sum(|it| it.agreed)),
            dash(sum(|it| it.disagreements.len())),
            dash(sum(open)),
        );
        line(out, &row);
    }
}

fn open(compared: &Compared) -> usize {
    compared.open.iter().map(|(_, count)| count).sum()
}

/// What was promised how often, and kept.
fn kinds(out: &mut String, compared: &[Compared]) {
    for way in compared.chunk_by(|a, b| a.kind.way_name() == b.kind.way_name()) {
        let _ = write!(out, "\n{}: agreed of asked\n", way[0].kind.way_name());
        way.iter().for_each(|it| kind(out, it));
    }
}

fn kind(out: &mut String, compared: &Compared) {
    let answer = compared.kind.answer;
    let kept = if compared.open.is_empty() {
        compared.agreed.to_string()
    } else {
        String::new()
    };
    let reason = answer.reason().unwrap_or_default();
    let head = format!("{kept:>8}{:>8}  {:<15}", compared.asked, answer.label());
    hang(out, &head, &reason);
    if !compared.open.is_empty() {
        let said = compared
            .open
            .iter()
            .map(|(seen, count)| format!("{count} {}", word(*seen)));
        hang(
            out,
            &format!("{:<33}", ""),
            &format!("here: {}", said.collect::<Vec<_>>().join(", ")),
        );
    }
}

/// Text behind a head, broken between words at 80 columns.
fn hang(out: &mut String, head: &str, text: &str) {
    let indent = head.len();
    let mut current = head.to_owned();
    for word in text.split_whitespace() {
        if current.len() > indent && current.len() + 1 + word.len() > 80 {
            line(out, &current);
            current = " ".repeat(indent);
        }
        if current.len() > indent {
            current.push(' ');
        }
        current.push_str(word);
    }
    line(out, &current);
}

fn unanswered(out: &mut String, unanswered: &Unanswered) {
    let places = &unanswered.places;
    let (named, rest) = places.split_at(places.len().min(PLACES));
    let more = match rest.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    out.push('\n');
    let text = format!("{}{more}", named.join(" "));
    hang(out, &format!("unanswered, {}: ", unanswered.way), &text);
}

fn disagreements(out: &mut String, report: &VerifyReport) {
    for list in &report.lists {
        difference(out, name(list.list), "only in the image", &list.only_image);
        difference(
            out,
            name(list.list),
            "only in the kernel",
            &list.only_kernel,
        );
    }
    out.push('\n');
    conclusion(out, report);
    report.disagreements().for_each(|it| disagreement(out, it));
}

fn conclusion(out: &mut String, report: &VerifyReport) {
    let sum = |count: fn(&Compared) -> usize| report.compared.iter().map(count).sum::<usize>();
    let (kept, broken) = (sum(|it| it.agreed), report.disagreements().count());
    let lines: usize = report
        .lists
        .iter()
        .map(|list| list.only_image.len() + list.only_kernel.len())
        .sum();
    let untold = report.lists.iter().filter(|list| !list.told).count();
    let unanswered: usize = report.unanswered.iter().map(|it| it.places.len()).sum();
    if report.agrees() {
        let books = format!("{kept} promises kept, {} left open", sum(open));
        return if report.cut_short {
            let text =
                format!("no disagreement until then, {books}, {unanswered} questions unanswered");
            hang(out, "cut short: ", &text);
        } else {
            line(out, &format!("no disagreement: {books}"));
        };
    }
    let what = [
        (
            broken,
            format!("{broken} of {} promises not kept", kept + broken),
        ),
        (lines, format!("{lines} lines of the kernel's lists")),
        (untold, format!("{untold} lists not told")),
        (unanswered, format!("{unanswered} questions unanswered")),
        (report.cut_short.into(), "cut short".to_owned()),
    ];
    let what = what.into_iter().filter(|(count, _)| *count > 0);
    let what: Vec<_> = what.map(|(_, text)| text).collect();
    hang(out, "DISAGREEMENT: ", &what.join(", "));
}

fn difference(out: &mut String, list: &str, whose: &str, lines: &[String]) {
    if !lines.is_empty() {
        let _ = write!(out, "\n{list}, {whose}:\n");
        let (shown, rest) = lines.split_at(lines.len().min(LINES));
        shown.iter().for_each(|it| line(out, &format!("  {it}")));
        if !rest.is_empty() {
            line(
                out,
                &format!("  and {} more, all of them in verify.json", rest.len()),
            );
        }
    }
}

fn disagreement(out: &mut String, disagreement: &Disagreement) {
    let Disagreement {
        place,
        way,
        promised,
        seen,
    } = disagreement;
    line(out, &format!("  {place}"));
    hang(
        out,
        "    ",
        &format!("{way}: image {promised}, kernel {seen}"),
    );
}

#[cfg(test)]
mod tests {
    use nmissed_kimage::{Answer, Condition, Flavor, Refusal};
    use nmissed_wire::{AttachMethod, AttachOutcome};

    use super::*;
    use crate::verify::claim::Kind;

    fn compared(way: AttachMethod, entry: bool, answer: Answer, asked: usize) -> Compared {
        Compared {
            kind: Kind { way, entry, answer },
            asked,
            agreed: asked,
            open: Vec::new(),
            disagreements: Vec::new(),
        }
    }

    fn list(list: KernelList, both: Option<usize>) -> ListReport {
        ListReport {
            both,
            ..ListReport::without(list, true)
        }
    }

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
                compared(AttachMethod::KPROBE, true, Answer::Yes(Flavor::Ftrace), 25),
                compared(AttachMethod::KPROBE, true, Answer::No(Refusal::Notrace), 25),
                compared(
                    AttachMethod::KPROBE,
                    false,
                    Answer::Yes(Flavor::Optimized),
                    25,
                ),
                Compared {
                    agreed: 0,
                    open: vec![(AttachOutcome::Optimized, 17), (AttachOutcome::Int3, 8)],
                    ..compared(AttachMethod::KPROBE, false, depends, 25)
                },
            ],
            unanswered: Vec::new(),
            cut_short: false,
        }
    }

    /// Nothing wrong with what was answered until then.
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
        report.compared[2].agreed = 24;
        report.compared[2].disagreements = vec![Disagreement {
            place: "quirk_iommu_igfx+0x5".to_owned(),
            way: "kprobe at an offset",
            promised: "EOPNOTSUPP (an instruction that can be neither stepped nor emulated)"
                .to_owned(),
            seen: word(AttachOutcome::Refused(1)),
        }];
        report.unanswered = vec![Unanswered {
            way: "fentry",
            places: (0..10).map(|it| format!("function_{it}")).collect(),
        }];
        report
    }

    #[test]
    fn agreement() {
        insta::assert_snapshot!(render(&good()));
    }

    #[test]
    fn every_kind_of_disagreement() {
        assert!(!bad().agrees());
        insta::assert_snapshot!(render(&bad()));
    }

    #[test]
    fn agreement_until_it_is_cut_short() {
        assert!(early().agrees());
        insta::assert_snapshot!(render(&early()));
    }

    #[test]
    fn disagreement_until_it_is_cut_short() {
        let report = VerifyReport {
            cut_short: true,
            ..bad()
        };
        assert!(!report.agrees());
        insta::assert_snapshot!(render(&report));
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
