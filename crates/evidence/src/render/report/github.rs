// SPDX-License-Identifier: GPL-2.0-only
//! Annotations of GitHub Actions, which it reads from the output of a step.

use nmissed_wire::Outcome;

use crate::model::compare::compare;
use crate::render::report::Report;

impl Report {
    /// A line per test and machine that was not good, and per report of a kernel that its
    /// reference does not have: an error, or a warning for what the host could not do.
    #[must_use]
    pub fn to_annotations(&self) -> String {
        let mut lines = Vec::new();
        for run in &self.results.runs {
            let machine = ("the machine", &run.machine);
            let tests = run.all_tests().map(|it| (it.name.as_str(), &it.outcome));
            let bad = std::iter::once(machine).chain(tests);
            for (name, outcome) in bad.filter(|(_, outcome)| !outcome.is_good()) {
                let level = match outcome {
                    Outcome::Infra(_) => "warning",
                    _ => "error",
                };
                let (kernel, variant, how) = (&run.kernel, &run.variant, outcome.name());
                let title = format!("{kernel} {variant}: {name}: {how}");
                lines.push(annotation(level, &title, outcome.why().unwrap_or_default()));
            }
        }
        for kernel in compare(&self.results) {
            for (place, run) in kernel.runs.iter().enumerate().skip(1) {
                let title = format!("{} {}: new report of the kernel", run.kernel, run.variant);
                let reports = kernel.new_reports(place).into_iter();
                lines.extend(reports.map(|report| annotation("error", &title, report)));
            }
        }
        lines.concat()
    }
}

fn annotation(level: &str, title: &str, text: &str) -> String {
    let title = escaped(title).replace(':', "%3A").replace(',', "%2C");
    format!("::{level} title={title}::{}\n", escaped(text))
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}
