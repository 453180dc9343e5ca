// SPDX-License-Identifier: GPL-2.0-only
//! The same scenarios on many kernels: a bar per kernel, the matrix, and what explains it.

use maud::{Markup, html};
use nmissed_wire::Run;

use crate::model::history::{Matrix, Shares};
use crate::model::sample::is_unjudged;
use crate::render::cells::Cell;
use crate::render::history::{History, LEGEND};
use crate::render::report::html::table::{Dot, legend, table};

/// Fewer kernels are compared, and are no history.
const KERNELS: usize = 3;
/// Units of the chart: it is as wide as a phone, and grows with the page.
const WIDTH: f64 = 360.0;
const LABEL: f64 = 62.0;
const LINE: f64 = 22.0;
const BAR: f64 = 16.0;
/// Narrower parts have no number in them; the line below the chart has all.
const NARROW: f64 = 16.0;
/// Classes and names of the parts of a bar.
const FATES: [&str; 5] = ["run", "link", "prog", "lost", "twice"];

/// Of the first run of each kernel; nothing if there are few.
pub(super) fn history(runs: &[Run]) -> Markup {
    let mut first: Vec<Run> = Vec::new();
    for run in runs {
        let mut run = run.clone();
        run.records.retain(|record| !is_unjudged(record));
        if !run.records.is_empty() && first.iter().all(|it| it.kernel != run.kernel) {
            first.push(run);
        }
    }
    if first.len() < KERNELS {
        return html! {};
    }
    let history = History::of(&first);
    let matrix = history.table(false);
    html! {
        section aria-labelledby="history" {
            h2 id="history" { "History over releases" }
            (chart(&Matrix::of(&first)))
            (legend(&[Cell::new(LEGEND), Cell::new(history.unchanged())]))
            @if !matrix.rows.is_empty() {
                (table(&matrix, "Scenarios that count otherwise than on the kernel before", Dot::NoAttachType))
            }
            @for section in history.sections() {
                details {
                    summary { (section.title) }
                    ul {
                        @for (heading, lines) in section.items {
                            li { (heading) ul { @for line in lines { li { (line) } } } }
                        }
                    }
                }
            }
        }
    }
}

fn chart(matrix: &Matrix<'_>) -> Markup {
    let bars: Vec<[u32; 5]> = (0..matrix.columns.len())
        .map(|at| count(matrix, at))
        .collect();
    let most = bars.iter().map(|bar| bar.iter().sum()).max().unwrap_or(1);
    let height = LINE * bars.iter().map(|_| 1.0).sum::<f64>();
    let title = "Number of scenarios by the worst fate of their hits";
    html! {
        figure {
            figcaption {
                (title) ": "
                @for fate in FATES { span class={ "key " (fate) } { (fate) } " " }
            }
            svg.chart role="img" aria-label=(format!("{title}, a bar per kernel")) viewBox=(format!("0 0 {WIDTH} {height}")) {
                @for ((column, bar), top) in matrix.columns.iter().zip(&bars).zip((0..).map(|at| LINE * f64::from(at))) {
                    text x="0" y=(top + 12.0) { (column.head) }
                    (parts(bar, top, most))
                }
            }
        }
    }
}

/// The parts of one bar, each with its number if that fits.
fn parts(bar: &[u32; 5], top: f64, most: u32) -> Markup {
    let unit = (WIDTH - LABEL) / f64::from(most.max(1));
    let mut left = LABEL;
    let mut placed = Vec::new();
    for (fate, count) in FATES.iter().zip(bar) {
        let width = unit * f64::from(*count);
        placed.push((*fate, *count, left, width));
        left += width;
    }
    html! {
        @for (fate, count, left, width) in placed.into_iter().filter(|it| it.1 > 0) {
            g class={ "part " (fate) } {
                title { (count) " " (fate) }
                rect x=(format!("{left:.1}")) y=(top) width=(format!("{width:.1}")) height=(BAR) {}
                @if width >= NARROW {
                    text x=(format!("{:.1}", left + width / 2.0)) y=(top + 12.0) text-anchor="middle" { (count) }
                }
            }
        }
    }
}

/// How many scenarios of a kernel there are, in the order of [`FATES`].
fn count(matrix: &Matrix<'_>, column: usize) -> [u32; 5] {
    let mut counts = [0; 5];
    for shares in matrix
        .rows
        .iter()
        .filter_map(|row| row.cells[column].shares())
    {
        counts[worst(shares)] += 1;
    }
    counts
}

fn worst(shares: Shares) -> usize {
    match shares {
        Shares { lost: 1.., .. } => 3,
        Shares { lost: ..=-1, .. } => 4,
        Shares { prog: 1.., .. } => 2,
        Shares { link: 1.., .. } => 1,
        _ => 0,
    }
}
