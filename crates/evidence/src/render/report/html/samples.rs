// SPDX-License-Identifier: GPL-2.0-only
//! Hits that meet a running program by chance: a chart with intervals, the table, a stack.

use maud::{Markup, html};

use crate::model::compare::Comparison;
use crate::model::sample::{Rate, samples};
use crate::render::report::html::table::{Dot, legend, table};
use crate::render::report::samples::{sample_table, stack};

/// Units of the chart: it is as wide as a phone, and grows with the page.
const WIDTH: f64 = 360.0;
const LINE: f64 = 34.0;

/// A bar.
struct Bar {
    label: String,
    rate: Rate,
}

/// Nothing if nothing was sampled.
pub(super) fn sampled(comparison: &Comparison<'_>) -> Markup {
    let (rows, notes) = sample_table(comparison);
    if rows.rows.is_empty() {
        return html! {};
    }
    let kernel = &comparison.runs[0].kernel;
    let stack = comparison.runs.iter().find_map(|run| stack(run));
    html! {
        h3 { "Hits in a softirq that finds another program running" }
        (legend(&notes))
        (chart(&bars(comparison), &format!("Hits of {kernel} that ran no program, percent, with 95 % confidence")))
        (table(&rows, &format!("Hits of {kernel} in a softirq"), Dot::Zero))
        @if let Some((title, frames)) = stack {
            p { (title) }
            pre { (frames.join("\n")) }
        }
    }
}

/// Scenario by scenario, so that the variants of one stand together.
fn bars(comparison: &Comparison<'_>) -> Vec<Bar> {
    let mut bars = Vec::new();
    for run in &comparison.runs {
        bars.extend(samples(run).iter().map(|sample| {
            let (attach_type, setting) = sample.names();
            Bar {
                label: format!("{attach_type}, {setting}: {}", run.variant),
                rate: sample.rate(),
            }
        }));
    }
    bars.sort_by(|one, other| {
        one.label
            .split(':')
            .next()
            .cmp(&other.label.split(':').next())
    });
    bars
}

fn chart(bars: &[Bar], title: &str) -> Markup {
    let most = bars.iter().map(|bar| bar.rate.to).fold(0.0001, f64::max);
    let at = |part: f64| format!("{:.1}", WIDTH * part / most);
    let height = LINE * bars.iter().map(|_| 1.0).sum::<f64>();
    html! {
        figure {
            figcaption { (title) }
            svg.chart role="img" aria-label=(title) viewBox=(format!("-2 0 {} {height}", WIDTH + 4.0)) {
                @for (bar, top) in bars.iter().zip((0..).map(|place| LINE * f64::from(place))) {
                    @let rate = bar.rate;
                    @let (y, middle) = (top + 18.0, top + 23.0);
                    text x="0" y=(top + 13.0) { (bar.label) }
                    text x=(WIDTH) y=(top + 13.0) text-anchor="end" {
                        (format!("{:.2} ({:.2} to {:.2})", 100.0 * rate.seen, 100.0 * rate.from, 100.0 * rate.to))
                    }
                    rect.bar x="0" y=(y) width=(at(rate.seen)) height="10" {}
                    path.whisker d=(format!("M{0} {1}V{2}M{0} {middle}H{3}M{3} {1}V{2}", at(rate.from), middle - 4.0, middle + 4.0, at(rate.to))) {}
                }
            }
        }
    }
}
