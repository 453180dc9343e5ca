// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask vm history`: what each scenario counts on many releases.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use nmissed_runner::{
    BootSettings, Exit, HistoryRequest, Targets, Workspace, ensure, history, history_of,
};
use regex::Regex;

use crate::options::AccelOption;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Distribution kernels, such as debian-6.18,debian-6.18-rt (repeatable)
    /// [default: the newest of each release line, without a flavor]
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    kernel: Vec<String>,

    /// Run only tests whose name, FAMILY::TEST, matches this regular expression
    #[arg(long, value_name = "RE")]
    filter: Option<Regex>,

    /// Show the runs of DIR/results.json, the --output of earlier commands, and
    /// boot nothing (repeatable; of one release the last run counts)
    #[arg(long, value_name = "DIR", conflicts_with_all = ["kernel", "filter", "output"])]
    from: Vec<PathBuf>,

    /// Also show scenarios that count the same on all kernels
    #[arg(long)]
    all: bool,

    /// Also write the matrix to a file, as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,

    /// Keep results.json, consoles and command lines here [default:
    /// target/vm/run-NNNN]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,

    #[command(flatten)]
    accel: AccelOption,
}

impl Options {
    pub(crate) fn run(&self, workspace: &Workspace, install: bool) -> Result<Exit> {
        let request = HistoryRequest {
            boot: BootSettings {
                output: self.output.clone(),
                accel: self.accel.accel,
                ..BootSettings::default()
            },
            filter: self.filter.clone(),
            all: self.all,
            markdown: self.markdown.clone(),
        };
        if !self.from.is_empty() {
            return history_of(&self.from, &request);
        }
        let targets = Targets::distribution_kernels(workspace, &self.kernel)?;
        ensure(&targets.steps(), install)?;
        history(workspace, &targets, &request)
    }
}
