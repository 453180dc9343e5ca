// SPDX-License-Identifier: GPL-2.0-only
//! Parts of sentences.

/// How many items of a list are named.
const NAMED: usize = 3;

/// `1 test`, `2 tests`.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{s}")
}

/// `a, b, c and 2 more`.
pub(crate) fn some_of<S: AsRef<str>>(items: &[S]) -> String {
    let named: Vec<&str> = items.iter().take(NAMED).map(AsRef::as_ref).collect();
    let named = named.join(", ");
    match items.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
