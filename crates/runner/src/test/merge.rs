// SPDX-License-Identifier: GPL-2.0-only
//! One evidence of what many machines saw.

use std::path::{Path, PathBuf};

use anyhow::Result;
use nmissed_evidence::Run;
use nmissed_host::print_error;

use crate::boot::output::{Output, read_runs};
use crate::exit::{Exit, UsageError};
use crate::print::print;
use crate::test::session::verdict;
use crate::test::view::View;
use crate::workspace::Workspace;

/// Copies the runs of several output folders into one (`output`, or the next free
/// `target/vm/run-NNNN`), and prints how they compare: `baseline` first, all else in the
/// order of the folders.
///
/// # Errors
/// [`UsageError`] for a folder that is no output folder, and for two runs of one kernel and
/// variant; then nothing is written.
pub fn merge(workspace: &Workspace, folders: &[PathBuf], output: Option<&Path>) -> Result<Exit> {
    let mut runs = read_distinct(folders)?;
    // A variant is compared with the first of its kernel.
    runs.sort_by_key(|(run, _)| run.variant != nmissed_kbuild::BASELINE);
    let merged = match output {
        Some(dir) => Output::at(dir)?,
        None => Output::next_below(&workspace.target().join("vm"))?,
    };
    for (run, folder) in runs {
        merged.adopt(run, folder)?;
    }
    let results = merged.results();
    print(&format!("\n{}", View::Table.text(&results)))?;
    print_error(&format!("evidence: {}", merged.dir().display()));
    Ok(verdict(&results))
}

/// Reads the runs of several output folders, each with its folder.
///
/// # Errors
/// [`UsageError`] for a folder that is no output folder, and for two runs of one kernel and
/// variant.
pub(crate) fn read_distinct(folders: &[PathBuf]) -> Result<Vec<(Run, &Path)>> {
    let mut runs: Vec<(Run, &Path)> = Vec::new();
    for folder in folders {
        for run in read_runs(folder)? {
            let same =
                |(it, _): &&(Run, &Path)| (&it.kernel, &it.variant) == (&run.kernel, &run.variant);
            if let Some((_, first)) = runs.iter().find(same) {
                let (kernel, variant) = (&run.kernel, &run.variant);
                let (first, folder) = (first.display(), folder.display());
                let why = format!("{kernel} {variant} is in both {first} and {folder}: name one");
                return Err(UsageError(why).into());
            }
            runs.push((run, folder));
        }
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use nmissed_evidence::Results;

    use super::*;

    fn folder(parent: &Path, name: &str, kernel: &str, variant: &str) -> PathBuf {
        let folder = parent.join(name);
        fs::create_dir_all(folder.join(format!("{kernel}-{variant}"))).unwrap();
        let console = folder.join(format!("{kernel}-{variant}/console.log"));
        fs::write(console, name).unwrap();
        let run = Run {
            kernel: kernel.to_owned(),
            variant: variant.to_owned(),
            ..Run::default()
        };
        let results = Results { runs: vec![run] };
        fs::write(folder.join("results.json"), results.to_json()).unwrap();
        folder
    }

    #[test]
    fn runs_come_with_their_files_and_baseline_first() {
        let dir = tempfile::tempdir().unwrap();
        let folders = [
            folder(dir.path(), "a", "6.12", "active"),
            folder(dir.path(), "b", "6.12", "baseline"),
        ];
        let out = dir.path().join("out");
        let exit = merge(&Workspace::of_test(), &folders, Some(&out)).unwrap();
        assert_eq!(exit, Exit::Host, "no test ran");
        let variants: Vec<_> = read_runs(&out)
            .unwrap()
            .into_iter()
            .map(|run| run.variant)
            .collect();
        assert_eq!(variants, ["baseline", "active"]);
        let console = fs::read_to_string(out.join("6.12-active/console.log")).unwrap();
        assert_eq!(console, "a");
    }

    #[test]
    fn two_runs_of_one_variant_are_refused_before_anything_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let folders = ["a", "b"].map(|name| folder(dir.path(), name, "6.12", "active"));
        let out = dir.path().join("out");
        let error = merge(&Workspace::of_test(), &folders, Some(&out)).unwrap_err();
        assert!(error.is::<UsageError>(), "{error}");
        assert!(
            error.to_string().starts_with("6.12 active is in both "),
            "{error}"
        );
        assert!(!out.exists());
    }
}
