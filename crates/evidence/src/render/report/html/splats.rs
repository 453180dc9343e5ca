// SPDX-License-Identifier: GPL-2.0-only
//! What kernels report of themselves: warnings, lockdep, KASAN.

use maud::{Markup, html};

use crate::model::compare::Comparison;
use crate::model::reports::Splats;

/// Per run the reports that are new, gone and common against the reference.
pub(super) fn splats(comparison: &Comparison<'_>) -> Markup {
    let runs = comparison.runs.iter().enumerate();
    html! {
        h3 { "Reports of the kernel" }
        dl {
            @for (place, run) in runs {
                @let splats = comparison.splats(place);
                dt { (run.variant) }
                dd {
                    @if splats.is_empty() { "none" }
                    @if place == 0 { (list("reported", None, &splats.new)) }
                    @else {
                        (list("new", Some("bad"), &splats.new))
                        (list("gone", Some("good"), &splats.gone))
                        (list("common", None, &splats.common))
                    }
                }
            }
        }
    }
}

fn list(what: &str, class: Option<&str>, reports: &[&str]) -> Markup {
    html! {
        @if !reports.is_empty() {
            p { span class=[class] { (reports.len()) " " (what) } }
            ul { @for report in reports { li { code { (report) } } } }
        }
    }
}

impl Splats<'_> {
    fn is_empty(&self) -> bool {
        self.new.is_empty() && self.gone.is_empty() && self.common.is_empty()
    }
}
