// SPDX-License-Identifier: GPL-2.0-only
//! What is told by directory of the source tree, as text.

use crate::Directory;
use crate::render::line;

/// How many rows are told of many.
const ROWS: usize = 12;
/// What a directory's name may take of a line.
const NAME: usize = 32;

/// The first of many, or all; and how many are left.
fn some<T>(rows: &[T], all: bool) -> (&[T], usize) {
    let told = if all {
        rows.len()
    } else {
        rows.len().min(ROWS)
    };
    (&rows[..told], rows.len() - told)
}

fn more(out: &mut String, count: usize, what: &str) {
    if count > 0 {
        line(out, &format!("  and {count} more {what} (--all)"));
    }
}

/// How much of each directory can be traced.
pub(crate) fn directories(out: &mut String, directories: &[Directory], all: bool) {
    out.push('\n');
    let head = ["functions", "traceable", "no site", "init", "blacklisted"];
    row(out, "by directory:", head.map(str::to_owned));
    let (told, left) = some(directories, all);
    for it in told {
        let name = it.directory.as_deref().unwrap_or("(no source file)");
        let name = if name.is_empty() { "." } else { name };
        let counts = [
            it.functions,
            it.traceable,
            it.without_call_site,
            it.init,
            it.blacklisted,
        ];
        row(out, name, counts.map(dash));
    }
    more(out, left, "directories");
}

fn dash(count: usize) -> String {
    match count {
        0 => "-".to_owned(),
        count => count.to_string(),
    }
}

fn row(out: &mut String, name: &str, cells: [String; 5]) {
    let [functions, traceable, none, init, blacklisted] = cells;
    let cells = format!("{functions:>9}{traceable:>11}{none:>9}{init:>6}{blacklisted:>13}");
    if name.len() > NAME {
        line(out, name);
        line(out, &format!("{:NAME$}{cells}", ""));
    } else {
        line(out, &format!("{name:<NAME$}{cells}"));
    }
}
