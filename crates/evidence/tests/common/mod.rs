// SPDX-License-Identifier: GPL-2.0-only
//! Runs to render, and cells of a rendered text.

#![allow(dead_code, reason = "each test uses a part of it")]

use nmissed_evidence::{Run, TestResult};
use nmissed_wire::{Outcome, Record};

/// A run of a variant of a kernel, in which each of these tests passed.
pub(crate) fn run(release: &str, variant: &str, tests: &[&str], records: Vec<Record>) -> Run {
    let test = |name: &&str| TestResult {
        name: (*name).to_owned(),
        outcome: Outcome::Pass,
        seconds: 0.5,
    };
    let (kernel, _) = release.rsplit_once('.').expect("three numbers");
    Run {
        kernel: kernel.to_owned(),
        variant: variant.to_owned(),
        release: format!("{release}-nmissed-{variant}"),
        accel: "tcg".to_owned(),
        boot_s: Some(1.84),
        total_s: 6.52,
        machine: Outcome::Pass,
        tests: tests.iter().map(test).collect(),
        records,
        ..Run::default()
    }
}

/// The cell of a table in a text, by the names that a reader sees: the head of the
/// table's names (`attach type`, `scenario`), the title of the group of columns (empty
/// if it has none), the row (of a scenario: `kprobe/nested`) and the column (`mark` for
/// the sign behind the group).
#[track_caller]
pub(crate) fn cell(text: &str, [table, group, row, column]: [&str; 4]) -> String {
    let found = find(text, [table, group, row, column]);
    found.unwrap_or_else(|| panic!("no cell {table}, {group}, {row}, {column} in\n{text}"))
}

fn find(text: &str, [table, group, row, column]: [&str; 4]) -> Option<String> {
    let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    let starts = |line: &[char], name: &str| line.iter().collect::<String>().starts_with(name);
    (0..lines.len())
        .filter(|head| starts(&lines[*head], &format!("{table} ")))
        .find_map(|head| {
            let span = match group {
                "" => (0, usize::MAX),
                _ => span(&lines[head - 1], group)?,
            };
            let end = match column {
                "mark" => span.1 + 2,
                _ => {
                    words(&lines[head])
                        .find(|(end, word)| (span.0..=span.1).contains(end) && word == column)?
                        .0
                }
            };
            let line = row_line(&lines[head + 1..], row)?;
            let found = words(line).find(|(at, _)| *at == end);
            Some(found.map_or(String::new(), |(_, word)| word))
        })
}

/// The first and the last column of a group: `--- active ----`, or ` active ` cut.
fn span(titles: &[char], group: &str) -> Option<(usize, usize)> {
    let line: String = titles.iter().chain(&[' ']).collect();
    let at = line[..line.find(&format!(" {group} "))?].chars().count();
    let is_dash = |place: &usize| titles[*place] == '-';
    let before = (0..at).rev().take_while(is_dash).count();
    let after = at + group.chars().count() + 2;
    let behind = (after..titles.len()).take_while(is_dash).count();
    Some((at - before, after + behind - 1))
}

/// Words with the column of their last character.
fn words(line: &[char]) -> impl Iterator<Item = (usize, String)> {
    let mut words: Vec<(usize, String)> = Vec::new();
    for (at, c) in line.iter().enumerate().filter(|(_, c)| **c != ' ') {
        match words.last_mut() {
            Some((end, word)) if *end + 1 == at => {
                *end = at;
                word.push(*c);
            }
            _ => words.push((at, c.to_string())),
        }
    }
    words.into_iter()
}

/// The line with a row's cells, which may be below the one with its name.
fn row_line<'a>(lines: &'a [Vec<char>], row: &str) -> Option<&'a [char]> {
    let mut section = String::new();
    for (at, line) in lines.iter().enumerate() {
        let text: String = line.iter().collect();
        if text.is_empty() {
            return None;
        } else if text.ends_with('/') {
            section = text;
            continue;
        }
        let rest = row.strip_prefix(&section).and_then(|name| {
            let rest = text.trim_start().strip_prefix(name)?;
            (rest.is_empty() || rest.starts_with(' ')).then_some(rest)
        });
        match rest {
            Some("") => return lines.get(at + 1).map(Vec::as_slice),
            Some(_) => return Some(line),
            None => (),
        }
    }
    None
}
