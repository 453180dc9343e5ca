// SPDX-License-Identifier: GPL-2.0-only
//! The evidence that earlier commands kept, read again.

mod options;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Result;
use nmissed_evidence::{Compared, Evidence, Files, Report, Run};
use nmissed_kbuild::BASELINE;

use crate::boot::output::{RESULTS, read_runs};
use crate::exit::{Exit, UsageError};
use crate::report::options::options;
use crate::test::merge::read_distinct;
use crate::test::session::verdict;
use crate::workspace::Workspace;

/// Reads the runs of several output folders, `baseline` first, and how they ended.
///
/// # Errors
/// [`UsageError`] for a folder that is no output folder, and for two runs
/// of one kernel and variant; a file that cannot be read.
pub fn read_report(workspace: &Workspace, folders: &[PathBuf]) -> Result<(Report, Exit)> {
    let report = read(workspace, read_distinct(folders)?)?;
    let exit = verdict(report.results());
    Ok((report, exit))
}

/// Compares two output folders, each of which may be the folder of one run in one, and
/// returns how the runs of `b` ended: that counts differ is no failure.
///
/// # Errors
/// As [`read_report`].
pub fn compare_reports(workspace: &Workspace, a: &Path, b: &Path) -> Result<(Compared, Exit)> {
    let report = |folder: &Path| read(workspace, read_one(folder)?);
    let (a, b) = (report(a)?, report(b)?);
    Ok((Compared::of(&a, &b), verdict(b.results())))
}

fn read(workspace: &Workspace, mut runs: Vec<(Run, &Path)>) -> Result<Report> {
    // A variant is compared with the first of its kernel.
    runs.sort_by_key(|(run, _)| run.variant != BASELINE);
    let evidence = runs
        .into_iter()
        .map(|(run, folder)| evidence(workspace, run, folder))
        .collect::<Result<Vec<_>>>()?;
    Ok(Report::of(evidence))
}

/// The runs of an output folder, or the one whose folder this is.
fn read_one(folder: &Path) -> Result<Vec<(Run, &Path)>> {
    if let (Some(parent), Some(name)) = (folder.parent(), folder.file_name())
        && !folder.join(RESULTS).is_file()
        && parent.join(RESULTS).is_file()
    {
        let mut runs = read_runs(parent)?;
        runs.retain(|run| *name == *format!("{}-{}", run.kernel, run.variant));
        if runs.is_empty() {
            let why = "the results.json above it has no such run";
            return Err(UsageError(format!("{}: {why}", folder.display())).into());
        }
        return Ok(runs.into_iter().map(|run| (run, parent)).collect());
    }
    let runs = read_runs(folder)?.into_iter();
    Ok(runs.map(|run| (run, folder)).collect())
}

fn evidence(workspace: &Workspace, run: Run, folder: &Path) -> Result<Evidence> {
    let files = read_files(&folder.join(format!("{}-{}", run.kernel, run.variant)))?;
    Ok(Evidence {
        options: options(workspace, &run, &files),
        run,
        files,
    })
}

/// Reads what a run's folder keeps. A console may have bytes that are no UTF-8.
fn read_files(dir: &Path) -> Result<Files> {
    let read = |name: &str| {
        let file = dir.join(name);
        match std::fs::read(&file) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => {
                let what = format!("cannot read {}", file.display());
                Err(anyhow::Error::new(error).context(what))
            }
        }
    };
    Ok(Files {
        cmdline: read("cmdline")?,
        config: read("config")?,
        console: read("console.log")?,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use nmissed_evidence::Results;
    use nmissed_wire::{AttachType, Outcome, Record, Tally, TestResult};
    use test_case::test_case;

    use super::*;

    fn folder(parent: &Path, kernel: &str, variants: &[&str]) -> PathBuf {
        let dir = parent.join(variants.join("-"));
        let runs = variants.iter().map(|variant| {
            let own = dir.join(format!("{kernel}-{variant}"));
            fs::create_dir_all(&own).unwrap();
            fs::write(own.join("console.log"), b"a\xff").unwrap();
            Run {
                kernel: kernel.to_owned(),
                variant: (*variant).to_owned(),
                ..Run::default()
            }
        });
        let results = Results {
            runs: runs.collect(),
        };
        fs::write(dir.join("results.json"), results.to_json()).unwrap();
        dir
    }

    #[test]
    fn runs_come_baseline_first_with_the_options_that_repeat_them() {
        let dir = tempfile::tempdir().unwrap();
        let folders = [
            folder(dir.path(), "6.12", &["active"]),
            folder(dir.path(), "6.12", &["baseline"]),
        ];
        let (report, exit) = read_report(&Workspace::of_test(), &folders).unwrap();
        assert_eq!(exit, Exit::Host, "no test ran");
        let variants: Vec<_> = report.results().runs.iter().map(|it| &it.variant).collect();
        assert_eq!(variants, ["baseline", "active"]);
        let text = report.to_text();
        let command = "cargo xtask vm test --kernel 6.12 --variant baseline --variant\\n  active";
        let words = |text: &str| {
            text.replace(['\\', '\n'], " ")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert!(
            words(&text).contains(&words(command).replace(" n ", " ")),
            "{text}"
        );
    }

    #[test_case(Outcome::Pass => Exit::Good; "counts that differ are no failure")]
    #[test_case(Outcome::Fail("1 != 2".into()) => Exit::Failed; "a test of B failed")]
    #[test_case(Outcome::Infra("not run".into()) => Exit::Host; "a test of B did not run")]
    fn exit_of_a_comparison(outcome: Outcome) -> Exit {
        let dir = tempfile::tempdir().unwrap();
        let folder = |name: &str, runs: u64, outcome: &Outcome| {
            let tally = Tally {
                triggers: 2,
                runs,
                link_missed: Some(0),
                prog_missed: Some(0),
            };
            let run = Run {
                kernel: "6.12".to_owned(),
                variant: "baseline".to_owned(),
                machine: Outcome::Pass,
                tests: vec![TestResult {
                    name: "missed::nested".to_owned(),
                    outcome: outcome.clone(),
                    seconds: 0.1,
                }],
                records: vec![Record::new(
                    "kprobe/nested",
                    AttachType::Kprobe,
                    None,
                    tally,
                )],
                ..Run::default()
            };
            let results = Results { runs: vec![run] };
            fs::create_dir(dir.path().join(name)).unwrap();
            let dir = dir.path().join(name);
            fs::write(dir.join("results.json"), results.to_json()).unwrap();
            dir
        };
        let a = folder("a", 0, &Outcome::Pass);
        let b = folder("b", 2, &outcome);
        let (compared, exit) = compare_reports(&Workspace::of_test(), &a, &b).unwrap();
        assert!(!compared.is_same());
        exit
    }

    #[test]
    fn a_folder_without_results_is_wrong_usage() {
        let dir = tempfile::tempdir().unwrap();
        let folders = [dir.path().to_owned()];
        let error = read_report(&Workspace::of_test(), &folders).unwrap_err();
        assert!(error.is::<UsageError>(), "{error}");
    }
}
