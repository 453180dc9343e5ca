// SPDX-License-Identifier: GPL-2.0-only
//! KTAP version 1, as kselftest prints it (Documentation/dev-tools/ktap.rst).

use std::fmt::Write as _;

use nmissed_wire::{Outcome, Run};

use crate::render::report::Report;

impl Report {
    /// A test per run, whose subtests are the tests and, first, the machine. The reason
    /// of a failure is in diagnostic lines before its result.
    #[must_use]
    pub fn to_ktap(&self) -> String {
        let runs = &self.results.runs;
        let mut text = format!("KTAP version 1\n1..{}\n", runs.len());
        for (number, run) in (1..).zip(runs) {
            let name = name(&format!("{}-{}", run.kernel, run.variant));
            let _ = write!(text, "    KTAP version 1\n    # Subtest: {name}\n");
            let _ = writeln!(text, "    1..{}", 1 + run.all_tests().count());
            text += &subtests(run);
            let result = if run.is_good() { "ok" } else { "not ok" };
            let _ = writeln!(text, "{result} {number} {name}");
        }
        text
    }
}

fn subtests(run: &Run) -> String {
    let tests = run
        .all_tests()
        .map(|test| (test.name.as_str(), &test.outcome));
    let all = std::iter::once(("machine", &run.machine)).chain(tests);
    (1..)
        .zip(all)
        .map(|(number, (test, outcome))| result(number, &name(test), outcome))
        .collect()
}

fn result(number: usize, name: &str, outcome: &Outcome) -> String {
    let why = outcome.why().unwrap_or_default();
    if let Outcome::Skip(why) = outcome {
        return format!("    ok {number} {name} # SKIP {}\n", one_line(why));
    }
    let mut text = String::new();
    for line in why.lines().filter(|line| !line.trim().is_empty()) {
        let _ = writeln!(text, "    # {name}: {}: {}", outcome.name(), one_line(line));
    }
    let result = if outcome.is_good() { "ok" } else { "not ok" };
    text + &format!("    {result} {number} {name}\n")
}

/// A `#` would begin a directive, and a blank end the name of some readers.
fn name(name: &str) -> String {
    let allowed = |c: char| !(c.is_whitespace() || c.is_control() || c == '#');
    name.chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .collect()
}

fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
