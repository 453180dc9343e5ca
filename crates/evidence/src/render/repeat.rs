// SPDX-License-Identifier: GPL-2.0-only
//! Repetitions of the same tests, as text.

use std::fmt::Write as _;

use nmissed_wire::Run;
use nmissed_wire::text::plural;

use crate::model::repeat::{Difference, differences};
use crate::render::cells::Tone;
use crate::render::style::{Style, wrap};

/// One line if all repetitions of a run are equal, or every difference; empty where
/// nothing was repeated.
pub(crate) fn repetitions(run: &Run, style: Style) -> String {
    if run.repetitions.is_empty() {
        return String::new();
    }
    let differences = differences(run);
    let (tone, verdict) = match differences.len() {
        0 => (Tone::Strong, "no difference".to_owned()),
        some => (Tone::Bad, plural(some, "difference")),
    };
    let headline = format!(
        "{}: {} and {}, {} times in {}: {verdict}",
        run.variant,
        plural(run.tests.len(), "test"),
        plural(run.records.len(), "record"),
        run.repetitions.len() + 1,
        plural(run.boots(), "boot"),
    );
    let mut text = String::new();
    for line in wrap(style.width, &headline) {
        let _ = writeln!(text, "{}", style.paint(tone, &line));
    }
    for Difference { what, seen } in differences {
        let _ = writeln!(text, "  {what}");
        for (value, numbers) in seen {
            let line = format!("{value}: in {}", ranges(&numbers));
            for line in wrap(style.width.saturating_sub(4), &line) {
                let _ = writeln!(text, "    {line}");
            }
        }
    }
    text
}

/// Numbers in ascending order, such as `1-3, 5`.
fn ranges(numbers: &[usize]) -> String {
    let runs = numbers.chunk_by(|one, next| one + 1 == *next);
    let named = runs.map(|run| match run {
        [first, .., last] => format!("{first}-{last}"),
        [one] => one.to_string(),
        [] => String::new(),
    });
    named.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::ranges;

    #[test_case(&[1, 2, 3, 5, 7, 8] => "1-3, 5, 7-8"; "some in a row")]
    #[test_case(&[4] => "4"; "one")]
    #[test_case(&[] => ""; "none")]
    fn numbers_in_a_row_are_a_range(numbers: &[usize]) -> String {
        ranges(numbers)
    }
}
