// SPDX-License-Identifier: GPL-2.0-only
//! Which kernels `--kernel` takes.

use std::fmt::Write as _;

use anyhow::Result;
use nmissed_host::Host;
use nmissed_kbuild::{StockKernel, StockKernels, StockSpec, cached_stock};

use crate::plan::kernels::{kernels, stacks};
use crate::plan::prebuilt::Distributions;
use crate::print::print;
use crate::workspace::Workspace;

/// Prints the kernels that `--kernel` takes: those that are built here with their
/// variants, and the newest of each line and flavor that a distribution has.
///
/// # Errors
/// If a file of `vmconfig` or `patches` cannot be read, or there are no package lists.
pub fn list_kernels(workspace: &Workspace) -> Result<()> {
    let kernels = kernels(workspace)?;
    let mut text = "Built here, and their variants\n".to_owned();
    for id in kernels.ids() {
        let stacks = stacks(workspace, kernels.get(id)?)?;
        writeln!(text, "  {id:<12} {}", stacks.variants().join(" "))?;
    }
    let host = Host::open()?;
    let mut distributions = Distributions::new(&kernels, &host);
    for spec in kernels.distributions() {
        let is_cached = |kernel: &StockKernel| cached_stock(&kernel.release, &host.cache).is_some();
        text += &table(spec, distributions.lists(spec)?, is_cached);
    }
    print(text.trim_end())
}

fn table(
    spec: &StockSpec,
    kernels: &StockKernels,
    is_cached: impl Fn(&StockKernel) -> bool,
) -> String {
    let name = &spec.name;
    let short = |flavor: &str| match flavor.strip_suffix("-amd64") {
        _ if flavor == kernels.flavors()[0] => String::new(),
        Some(short) => format!("-{short}"),
        None => format!("-{flavor}"),
    };
    let mut rows = vec![vec![format!("{name}-X.Y")]];
    rows[0].extend(
        kernels
            .flavors()
            .iter()
            .map(|it| format!("{name}-X.Y{}", short(it))),
    );
    rows[0][0] = "X.Y".to_owned();
    for line in kernels.lines() {
        let cell = |flavor: &String| match kernels.newest(line, flavor) {
            Some(kernel) if is_cached(kernel) => format!("{} *", kernel.point()),
            Some(kernel) => kernel.point().to_owned(),
            None => ".".to_owned(),
        };
        let cells = kernels.flavors().iter().map(cell);
        rows.push([line.to_string()].into_iter().chain(cells).collect());
    }
    let mut text = format!("\nOf {name}, booted as they are (* is in the cache)\n");
    for row in rows {
        let row = row.iter().enumerate().map(|(at, cell)| {
            let width = if at == 0 { 5 } else { 18 };
            format!("{cell:<width$}")
        });
        text += &format!("  {}\n", row.collect::<Vec<_>>().join(" ").trim_end());
    }
    let newest = |kernel: &StockKernel| {
        kernels
            .newest(kernel.line, &kernel.flavor)
            .map(|it| &it.release)
            == Some(&kernel.release)
    };
    let older: Vec<_> = kernels.all().iter().filter(|it| !newest(it)).collect();
    text += &format!(
        "  and {} older ones by whole release, such as\n",
        older.len()
    );
    let cached: Vec<_> = older.iter().filter(|it| is_cached(it)).collect();
    match cached.as_slice() {
        [] => {
            text += &older
                .last()
                .map_or(String::new(), |it| format!("  {name}-{}\n", it.release))
        }
        cached => cached
            .iter()
            .for_each(|it| text += &format!("  {name}-{} *\n", it.release)),
    }
    text
}
