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
    let mut text = format!("\nOf {name}, booted as they are (* is in the cache)\n");
    let flavors = kernels.flavors().iter().enumerate();
    let heads = flavors.map(|(at, flavor)| match flavor.strip_suffix("-amd64") {
        _ if at == 0 => format!("{name}-X.Y"),
        short => format!("{name}-X.Y-{}", short.unwrap_or(flavor)),
    });
    text += &row("X.Y", heads);
    for line in kernels.lines() {
        let cells = kernels.flavors().iter().map(|flavor| {
            let kernel = kernels.newest(line, flavor);
            kernel.map_or_else(|| ".".to_owned(), |it| marked(it.point(), is_cached(it)))
        });
        text += &row(&line.to_string(), cells);
    }
    text + &older(spec, kernels, is_cached)
}

/// The older kernels of all lines: those in the cache, or one as an example.
fn older(
    spec: &StockSpec,
    kernels: &StockKernels,
    is_cached: impl Fn(&StockKernel) -> bool,
) -> String {
    let is_older = |it: &&StockKernel| kernels.newest(it.line, &it.flavor) != Some(*it);
    let older: Vec<_> = kernels.all().iter().filter(is_older).collect();
    let mut text = format!(
        "  and {} older ones by whole release, such as\n",
        older.len()
    );
    let mut named: Vec<_> = older.iter().filter(|it| is_cached(it)).collect();
    if named.is_empty() {
        named.extend(older.last());
    }
    for kernel in named {
        let name = format!("{}-{}", spec.name, kernel.release);
        text += &format!("  {}\n", marked(&name, is_cached(kernel)));
    }
    text
}

fn marked(name: &str, is_cached: bool) -> String {
    let mark = if is_cached { " *" } else { "" };
    format!("{name}{mark}")
}

fn row(line: &str, cells: impl Iterator<Item = String>) -> String {
    let row = cells.fold(format!("  {line:<5}"), |row, cell| {
        format!("{row} {cell:<18}")
    });
    row.trim_end().to_owned() + "\n"
}
