// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask report`: the evidence of earlier runs, for reviewers and machines.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use nmissed_host::print_error;
use nmissed_runner::{Exit, UsageError, Workspace, compare_reports, print, read_report};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Output folders of `vm test`; of each kernel and variant one run
    #[arg(required_unless_present = "compare", value_name = "DIR")]
    folders: Vec<PathBuf>,

    /// Print what counts differently in two output folders, or in the folders of two runs
    /// in them (DIR/6.12-active), and whether that is the kernel, the configuration or the
    /// harness; as text or json, where `is_same` says of each run whether anything does.
    /// Exit status: that of B's runs
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with = "folders")]
    compare: Vec<PathBuf>,

    /// What to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// At most 72 columns, for a cover letter
    #[default]
    Text,
    /// results.json of all runs, with the verdict, and what each was made with
    Json,
    /// One web page that needs no network and no script
    Html,
    /// JUnit XML, for Jenkins and GitLab
    Junit,
    /// KTAP, as kselftest prints it
    Ktap,
    /// JSON of kernel CI systems, version 5.3
    Kcidb,
}

impl Options {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<Exit> {
        if let [a, b] = self.compare.as_slice() {
            let (compared, exit) = compare_reports(workspace, a, b)?;
            let text = match self.format {
                Format::Text => compared.to_text(),
                Format::Json => compared.to_json(),
                _ => {
                    let why = "--compare: prints --format text or json";
                    return Err(UsageError(why.to_owned()).into());
                }
            };
            print(text.trim_end_matches('\n'))?;
            return Ok(exit);
        }
        let (report, exit) = read_report(workspace, &self.folders)?;
        // GitHub reads both streams of a step; the report may go to a file.
        if std::env::var_os("GITHUB_ACTIONS").is_some_and(|it| it == "true") {
            let text = report.to_annotations();
            text.lines().for_each(print_error);
        }
        let text = match self.format {
            Format::Text => report.to_text(),
            Format::Json => report.to_json(),
            Format::Html => report.to_html(),
            Format::Junit => report.to_junit(),
            Format::Ktap => report.to_ktap(),
            Format::Kcidb => report.to_kcidb(),
        };
        print(text.trim_end_matches('\n'))?;
        Ok(exit)
    }
}
