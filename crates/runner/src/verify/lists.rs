// SPDX-License-Identifier: GPL-2.0-only
//! The kernel's own lists, and the same ones by the image.

use std::collections::BTreeMap;
use std::ops::Range;

use nmissed_kimage::{Answer, Blacklist, Function, Image, Refusal};
use nmissed_wire::{AttachType, KernelList};

use crate::verify::report::ListReport;

/// Lines, and how often each is in the list.
type Lines = BTreeMap<String, usize>;

/// Compares one list.
pub(crate) fn compare(
    image: &Image<'_>,
    functions: &[Function],
    list: KernelList,
    lines: &[&str],
) -> ListReport {
    let (ours, theirs) = match list {
        KernelList::Functions => {
            let names = image.traceable_functions().map(|(_, name)| name);
            (counted(names), traceable(lines))
        }
        KernelList::FunctionAddresses => (addresses(image.kept_call_sites()), listed(lines)),
        KernelList::Blacklist => blacklists(image, functions, lines),
        KernelList::Symbols => (symbols(image, functions), kallsyms(image, lines)),
    };
    differences(list, &ours, &theirs)
}

fn differences(list: KernelList, ours: &Lines, theirs: &Lines) -> ListReport {
    let shared = |(line, count): (&String, &usize)| theirs.get(line).map_or(0, |it| *it.min(count));
    ListReport {
        list,
        complete: true,
        both: Some(ours.iter().map(shared).sum()),
        only_image: missing(ours, theirs),
        only_kernel: missing(theirs, ours),
    }
}

/// Returns the lines of `these` that `those` lack, or have less often.
fn missing(these: &Lines, those: &Lines) -> Vec<String> {
    let more = these.iter().flat_map(|(line, count)| {
        let there = those.get(line).copied().unwrap_or(0);
        std::iter::repeat_n(line.clone(), count.saturating_sub(there))
    });
    more.collect()
}

fn counted<S: Into<String>>(lines: impl Iterator<Item = S>) -> Lines {
    let mut all = Lines::new();
    for line in lines {
        *all.entry(line.into()).or_default() += 1;
    }
    all
}

/// Call sites outside of functions have a made-up name
/// (`FTRACE_INVALID_FUNCTION`), which [`KernelList::FunctionAddresses`] checks.
/// Functions of modules name their module.
fn traceable(lines: &[&str]) -> Lines {
    let ours = lines
        .iter()
        .filter(|line| !line.starts_with("__ftrace_invalid_address__") && !line.ends_with(']'));
    counted(ours.copied())
}

fn addresses(addresses: impl Iterator<Item = u64>) -> Lines {
    counted(addresses.map(hex))
}

/// `ffffffff81000000 name`.
fn listed(lines: &[&str]) -> Lines {
    let ours = lines.iter().filter(|line| !line.ends_with(']'));
    addresses(ours.filter_map(|line| first_address(line)))
}

fn first_address(line: &str) -> Option<u64> {
    let word = line.split_whitespace().next()?;
    u64::from_str_radix(word.trim_start_matches("0x"), 16).ok()
}

/// Functions that are in use after boot and blacklisted, by the image and by the
/// kernel. A range without a function of the image counts as one of the kernel.
fn blacklists(image: &Image<'_>, functions: &[Function], lines: &[&str]) -> (Lines, Lines) {
    let ranges: Vec<Range<u64>> = lines
        .iter()
        .filter_map(|line| blacklist_range(line))
        .collect();
    let kept = || functions.iter().filter(|it| !it.region.is_freed());
    let name = |function: &Function| described(image, function);
    let ours = kept().filter(|function| is_blacklisted(image, function));
    let theirs = kept().filter(|function| contained(&ranges, function.addr));
    let unknown = ranges.iter().filter(|range| {
        !functions
            .iter()
            .any(|function| range.contains(&function.addr))
    });
    let theirs = theirs
        .map(name)
        .chain(unknown.map(|range| hex(range.start)));
    (counted(ours.map(name)), counted(theirs))
}

/// By its own address: the kernel's list lacks what is blacklisted because of the
/// symbol that it is a part of.
fn is_blacklisted(image: &Image<'_>, function: &Function) -> bool {
    match image.answer(function, AttachType::RegisterKprobe) {
        Answer::No(Refusal::Blacklisted(rule)) => rule != Blacklist::BaseName,
        _ => false,
    }
}

fn contained(ranges: &[Range<u64>], addr: u64) -> bool {
    ranges.iter().any(|range| range.contains(&addr))
}

/// `0xffffffff81000000-0xffffffff81000010\tname`.
fn blacklist_range(line: &str) -> Option<Range<u64>> {
    let (start, end) = line.split_whitespace().next()?.split_once('-')?;
    Some(first_address(start)?..first_address(end)?)
}

fn symbols(image: &Image<'_>, functions: &[Function]) -> Lines {
    counted(functions.iter().map(|function| described(image, function)))
}

/// `ffffffff81000000 T name`.
fn kallsyms(image: &Image<'_>, lines: &[&str]) -> Lines {
    let ours = lines.iter().filter_map(|line| {
        let addr = first_address(line)?;
        let name = line.split_whitespace().nth(2)?;
        image.is_text(addr).then(|| format!("{} {name}", hex(addr)))
    });
    counted(ours)
}

fn described(image: &Image<'_>, function: &Function) -> String {
    format!("{} {}", hex(function.addr), image.name(function))
}

fn hex(addr: u64) -> String {
    format!("{addr:#x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_are_listed_by_side() {
        let ours = counted(["a", "a", "b", "c"].into_iter());
        let theirs = counted(["a", "b", "b", "d"].into_iter());
        let report = differences(KernelList::Functions, &ours, &theirs);
        assert_eq!(report.both, Some(2));
        assert_eq!(report.only_image, ["a", "c"]);
        assert_eq!(report.only_kernel, ["b", "d"]);
        assert!(!report.agrees());
    }

    #[test]
    fn lines_of_the_kernels_lists_are_parsed() {
        assert_eq!(
            first_address("ffffffff81000010 f"),
            Some(0xffff_ffff_8100_0010)
        );
        assert_eq!(blacklist_range("0x10-0x20\tf"), Some(0x10..0x20));
        assert_eq!(blacklist_range("nothing"), None);
        let lines = ["__ftrace_invalid_address___16", "f", "g [m]"];
        assert_eq!(traceable(&lines).into_keys().collect::<Vec<_>>(), ["f"]);
    }
}
