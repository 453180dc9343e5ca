// SPDX-License-Identifier: GPL-2.0-only
//! What UPSTREAM.md says about scenarios.

use super::rows_of;

const LIST: &str = include_str!("../../UPSTREAM.md");

/// What stands in backticks in the last column of its tables and looks like a
/// scenario: `<attach type>/<what happens>`.
fn named(list: &str) -> impl Iterator<Item = &str> {
    let rows = list.lines().filter_map(|line| line.strip_suffix(" |"));
    let last = rows.filter_map(|row| row.rsplit(" | ").next());
    let quoted = last.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    quoted.filter(|word| word.contains('/'))
}

#[test]
fn every_scenario_of_the_list_exists() {
    let missing: Vec<_> = named(LIST)
        .filter(|name| rows_of(name).next().is_none())
        .collect();
    assert!(missing.is_empty(), "no expectation names {missing:?}");
    assert!(named(LIST).count() > 10);
}

#[test]
fn scenarios_are_found_in_the_last_column() {
    let list = "| a | b |\n|---|---|\n| `x/a` | `y/b`, not `c`, and `z/d` |\n`w/e`\n";
    assert_eq!(named(list).collect::<Vec<_>>(), ["y/b", "z/d"]);
}
