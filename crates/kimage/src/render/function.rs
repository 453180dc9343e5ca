// SPDX-License-Identifier: GPL-2.0-only
//! The answers for one function.

use std::fmt::Write;

use crate::answer::value::Answer;
use crate::render::layout::{ATTACH, hang, joined, line};
use crate::report::document::{AttachAnswer, FunctionReport};
use crate::rules::extent::Site;
use crate::rules::trail::Evidence;

/// The answers for a function, or for one place in it.
pub(super) fn report(report: &FunctionReport) -> String {
    let mut out = String::new();
    hang(&mut out, "", 0, &place(report));
    for note in notes(report) {
        hang(&mut out, "", 2, &note);
    }
    answers(&mut out, report);
    if let Some(sites) = &report.sites {
        out.push('\n');
        sites_of(&mut out, report, sites);
    }
    out
}

fn place(report: &FunctionReport) -> String {
    let FunctionReport {
        name,
        address,
        size,
        region,
        offset,
        ..
    } = report;
    match offset {
        0 => format!("{name}  {address:#x}, {size} bytes in {region}"),
        offset => format!(
            "{name}+{offset:#x}  {:#x} in {region}",
            address.saturating_add(*offset)
        ),
    }
}

fn notes(report: &FunctionReport) -> Vec<String> {
    let mut notes = Vec::new();
    if report.copies > 1 {
        notes.push(format!("one of {} symbols of this name", report.copies));
    }
    if report.prototypes > 1 {
        notes.push(format!(
            "BTF has {} functions of this name: the kernel and libbpf take the first, \
             cilium/ebpf refuses",
            report.prototypes
        ));
    }
    if report.phantom {
        let text = "its only call site belongs to a function that the linker dropped, and is \
                    never reached";
        notes.push(text.to_owned());
    }
    if !report.kin.is_empty() {
        notes.push(format!("see also {}", report.kin.join(", ")));
    }
    if let Some(start) = report.inside {
        notes.push(format!("inside the instruction at +{start:#x}"));
    }
    notes
}

fn answers(out: &mut String, report: &FunctionReport) {
    let answers = &report.answers;
    let of_uses = report.uses.iter().map(|(_, answer)| *answer);
    let label = labels_width(answers.iter().map(|given| given.answer).chain(of_uses));
    for alike in answers.chunk_by(|a, b| a.why == b.why) {
        if alike[0].why.is_empty() {
            for given in alike {
                answer(out, &given.attach.to_string(), given.answer, label);
            }
        } else {
            answer_with_why(out, alike);
        }
    }
    for (name, given) in &report.uses {
        answer(out, name, *given, label);
    }
}

fn labels_width(answers: impl Iterator<Item = Answer>) -> usize {
    let longest = answers.map(|answer| answer.label().len()).max();
    longest.unwrap_or_default() + 2
}

fn answer(out: &mut String, name: &str, answer: Answer, label: usize) {
    let head = format!("  {name:<ATTACH$}{}", answer.label());
    let reason = answer.reason().unwrap_or_default();
    hang(out, &head, 2 + ATTACH + label, &reason);
}

/// The same for attach types that the kernel treats alike, with what leads
/// to the answer; the last fact is the reason.
fn answer_with_why(out: &mut String, alike: &[AttachAnswer]) {
    let AttachAnswer { answer, why, .. } = &alike[0];
    let attach_types = joined(alike.iter().map(|given| given.attach));
    line(out, &format!("  {attach_types}: {}", answer.label()));
    let longest = why.iter().map(|it| it.asked_by.len()).max();
    let column = 6 + longest.unwrap_or_default();
    for Evidence { fact, asked_by } in why {
        hang(out, &format!("    {asked_by}"), column, fact);
    }
}

fn sites_of(out: &mut String, report: &FunctionReport, sites: &[Site]) {
    let _ = writeln!(out, "  register_kprobe at each instruction:");
    if report.notrace {
        let text = "(BPF and perf are refused at all of them with EINVAL: there is no call \
                    site in the function)";
        hang(out, "", 4, text);
    }
    let label = labels_width(sites.iter().map(|site| site.answer));
    for Site { offset, answer, .. } in sites {
        let head = format!("    {:<8}{}", format!("+{offset:#x}"), answer.label());
        let reason = answer.reason().unwrap_or_default();
        hang(out, &head, 12 + label, &reason);
    }
}
