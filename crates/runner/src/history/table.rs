// SPDX-License-Identifier: GPL-2.0-only
//! The matrix as a file, and whether it is what the kept runs show.

use std::path::Path;

use anyhow::Result;
use nmissed_evidence::History;
use nmissed_host::{Host, read_to_string};
use nmissed_kbuild::cached_stock;

use crate::boot::guest;
use crate::history::cache::RunCache;
use crate::plan::bootable::Bootable;
use crate::workspace::Workspace;

/// How a file that `vm history --markdown` wrote compares with runs of the present test
/// programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableState {
    /// They show the same.
    Current,
    /// They show something else.
    Stale,
    /// The cache has no run of these kernels, of so many.
    NotRun {
        /// Releases, in the order of the columns.
        missing: Vec<String>,
        /// The number of columns.
        of: usize,
    },
}

/// Compares a file that `vm history --markdown` wrote with the runs that the cache has.
/// Boots nothing.
///
/// # Errors
/// If the file cannot be read or the test programs cannot be built.
pub fn check_table(workspace: &Workspace, file: &Path) -> Result<TableState> {
    let table = read_to_string(file)?;
    let host = Host::open()?;
    let kernels = releases(&table).map(|release| (release, cached_stock(release, &host.cache)));
    let kernels: Vec<_> = kernels.collect();
    let of = kernels.len();
    // A kernel that was never fetched has no run, whatever the test programs are.
    if kernels.iter().all(|(_, image)| image.is_none()) {
        let missing = kernels.into_iter().map(|(release, _)| release.to_owned());
        let missing = missing.collect();
        return Ok(TableState::NotRun { missing, of });
    }
    let guest = guest::build(workspace, None, &host)?;
    let cache = RunCache::of_tests(workspace, &host.cache, &guest, "")?;
    let (mut runs, mut missing) = (Vec::new(), Vec::new());
    for (release, image) in kernels {
        let run = image.map(|image| cache.get(&Bootable::stock(release, &image)));
        match run.transpose()?.flatten() {
            Some(run) => runs.push(run),
            None => missing.push(release.to_owned()),
        }
    }
    Ok(match missing.is_empty() {
        false => TableState::NotRun { missing, of },
        true if table == text(&History::of(&runs), false) => TableState::Current,
        true => TableState::Stale,
    })
}

/// Returns the releases of the list of kernels at the end of a table.
fn releases(table: &str) -> impl Iterator<Item = &str> {
    let (_, kernels) = table.split_once("\n## Kernels\n").unwrap_or_default();
    let lines = kernels.lines().filter_map(|line| line.strip_prefix("- "));
    lines.filter_map(|line| Some(line.split_once(": ")?.1.split_once(',')?.0))
}

/// Returns the file's text.
pub(crate) fn text(history: &History<'_>, all: bool) -> String {
    format!(
        "<!-- SPDX-License-Identifier: GPL-2.0-only -->\n# Scenarios by release\n\n\
         Written by `cargo xtask vm history --markdown FILE`.\n\n{}",
        history.to_markdown(all)
    )
}

#[cfg(test)]
mod tests {
    use nmissed_evidence::Run;

    use super::*;

    #[test]
    fn a_table_names_its_releases() {
        let names = ["6.18.15+deb13-cloud-amd64", "7.3.4+deb13-rt-amd64"];
        let run = |release: &str| Run {
            release: release.to_owned(),
            reports: vec!["WARNING: at kernel/trace/fprobe.c:9, twice".to_owned()],
            ..Run::default()
        };
        let runs = names.map(run);
        let table = text(&History::of(&runs), false);
        assert_eq!(releases(&table).collect::<Vec<_>>(), names);
    }
}
