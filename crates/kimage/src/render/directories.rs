// SPDX-License-Identifier: GPL-2.0-only
//! How much of each directory of the source tree can be traced.

use nmissed_wire::text::dash;

use crate::render::layout::{line, more, rows};
use crate::report::directories::Directory;

/// Columns of a directory's name.
const NAME: usize = 32;

pub(super) fn table(out: &mut String, directories: &[Directory], all: bool) {
    out.push('\n');
    let head = ["functions", "traceable", "no site", "init", "blacklisted"];
    row(out, "by directory:", head.map(str::to_owned));
    let (shown, left) = rows(directories, all);
    for it in shown {
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
