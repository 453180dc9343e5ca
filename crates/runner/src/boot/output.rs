// SPDX-License-Identifier: GPL-2.0-only
//! The folder that keeps the evidence of one command.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{Context, Result, bail};
use nmissed_evidence::{Results, Run};
use nmissed_host::{Cmd, Lock, read_to_string, write_atomic};

use crate::exit::UsageError;

/// All runs of an output folder.
pub(crate) const RESULTS: &str = "results.json";
/// Those of an earlier command with the same folder.
const EARLIER: &str = "results.json.old";

/// `DIR/results.json`, and `DIR/<kernel>-<variant>/` per run.
#[derive(Debug)]
pub(crate) struct Output {
    dir: PathBuf,
    /// In the order in which they are shown, which need not be that in which they ended.
    runs: Mutex<BTreeMap<usize, Run>>,
    /// Set when the results of an earlier command are out of the way.
    set_aside: OnceLock<()>,
    /// The folder's: two commands would write over each other's evidence.
    _lock: Lock,
}

impl Output {
    /// Takes a given folder.
    pub(crate) fn at(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir)
            .with_context(|| format!("cannot create the output folder {}", dir.display()))?;
        Self::claim(dir.to_owned())
    }

    /// Takes a folder, unless another command writes to it.
    fn claim(dir: PathBuf) -> Result<Self> {
        let Some(lock) = Lock::of_folder(&dir)? else {
            bail!(
                "another command writes to {}: wait for it, or name another --output",
                dir.display()
            );
        };
        Ok(Self {
            dir,
            runs: Mutex::default(),
            set_aside: OnceLock::new(),
            _lock: lock,
        })
    }

    /// Creates the next free `run-NNNN` below `parent`, so that no run overwrites the
    /// evidence of another.
    pub(crate) fn next_below(parent: &Path) -> Result<Self> {
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot create {}", parent.display()))?;
        for number in 1.. {
            let dir = parent.join(format!("run-{number:04}"));
            match fs::create_dir(&dir) {
                Ok(()) => return Self::claim(dir),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error).context(format!("cannot create {}", dir.display()));
                }
            }
        }
        unreachable!("there is always a next number")
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn results(&self) -> Results {
        results(&self.runs())
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<usize, Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renames the results of an earlier command, which do not belong to the files that are
    /// written next.
    fn set_aside(&self) {
        self.set_aside.get_or_init(|| {
            // Fails where there are none.
            let _ = fs::rename(self.dir.join(RESULTS), self.dir.join(EARLIER));
        });
    }

    /// Creates the folder of one run. Files of an earlier run are written over.
    pub(crate) fn run_dir(&self, kernel: &str, variant: &str) -> Result<PathBuf> {
        self.set_aside();
        let dir = self.dir.join(format!("{kernel}-{variant}"));
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        Ok(dir)
    }

    /// Removes the folder if it is empty, and returns whether it was.
    pub(crate) fn discard(&self) -> bool {
        // It stays if there is anything in it.
        fs::remove_dir(&self.dir).is_ok()
    }

    /// Keeps a run of another output folder, with its files.
    pub(crate) fn adopt(&self, run: Run, folder: &Path) -> Result<()> {
        let dir = self.run_dir(&run.kernel, &run.variant)?;
        let from = folder.join(dir.file_name().unwrap_or_default());
        if from.is_dir() {
            Cmd::new("cp")
                .args(["--archive", "--no-target-directory"])
                .args([&from, &dir])
                .run()?;
        }
        self.keep(run)
    }

    /// Keeps a run after the others.
    pub(crate) fn keep(&self, run: Run) -> Result<()> {
        let next = self.runs().keys().last().map_or(0, |place| place + 1);
        self.keep_at(next, run)
    }

    /// Keeps a run at its place among the others, at once: what comes later may fail.
    pub(crate) fn keep_at(&self, place: usize, run: Run) -> Result<()> {
        self.set_aside();
        let mut runs = self.runs();
        runs.insert(place, run);
        write_atomic(&self.dir.join(RESULTS), results(&runs).to_json().as_bytes())?;
        Ok(())
    }
}

fn results(runs: &BTreeMap<usize, Run>) -> Results {
    Results {
        runs: runs.values().cloned().collect(),
    }
}

/// Reads the runs that an earlier command kept.
///
/// # Errors
/// [`UsageError`] for a folder that is no output folder.
pub(crate) fn read_runs(folder: &Path) -> Result<Vec<Run>> {
    let file = folder.join(RESULTS);
    if !file.is_file() {
        let why = "no results.json in it, as the --output of a command has";
        return Err(UsageError(format!("{}: {why}", folder.display())).into());
    }
    let results = Results::from_json(&read_to_string(&file)?);
    Ok(results
        .with_context(|| format!("cannot read {}", file.display()))?
        .runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_gets_its_own_folder() {
        let parent = tempfile::tempdir().unwrap();
        let first = Output::next_below(parent.path()).unwrap();
        let second = Output::next_below(parent.path()).unwrap();
        assert!(first.dir().ends_with("run-0001"));
        assert!(second.dir().ends_with("run-0002"));
    }

    #[test]
    fn results_of_an_earlier_command_are_not_beside_new_files() {
        let dir = tempfile::tempdir().unwrap();
        let results = dir.path().join(RESULTS);
        fs::write(&results, "old").unwrap();
        let output = Output::at(dir.path()).unwrap();
        assert!(results.exists(), "nothing is written yet");
        output.run_dir("6.12", "baseline").unwrap();
        assert!(!results.exists());
        let old = fs::read_to_string(dir.path().join(EARLIER)).unwrap();
        assert_eq!(old, "old");
        output.keep(Run::default()).unwrap();
        output.keep(Run::default()).unwrap();
        assert_eq!(read_runs(dir.path()).unwrap().len(), 2);
    }

    #[test]
    fn folder_of_a_running_command_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let first = Output::at(dir.path()).unwrap();
        let refused = Output::at(dir.path()).unwrap_err().to_string();
        assert!(refused.contains("another command writes to"), "{refused}");
        drop(first);
        Output::at(dir.path()).unwrap();
    }
}
